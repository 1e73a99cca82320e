"""Inputs as parameters: types, limits, where a value comes from.  No OpenStack."""

from __future__ import annotations

import pytest

from apps.vim.contract import AppKeys
from apps.vim.openstack.translating import translate
from tests.vim.openstack_templates import (
    INSTANCE,
    SITE,
    definition,
    link,
    notes,
    one,
    port,
    refusal,
    spec,
    stated,
    unit,
)

KEYS = AppKeys("AK-1", "SK-1")


def asks(name="it", server=None, **body):
    """A template with one input, which ``server`` may use."""
    return definition(inputs={name: body}, vdu=unit(**(server or {})), nic=port(), net=link())


def parameter(order=None, **body):
    return translate(asks(**body), order or spec(), SITE).template["parameters"]["it"]


@pytest.mark.parametrize(
    ("kind", "default", "becomes"),
    [
        ("string", "x", {"type": "string", "default": "x"}),
        ("string", 1.5, {"type": "string", "default": "1.5"}),
        ("text", "a\nb", {"type": "string", "default": "a\nb"}),
        ("password", "x", {"type": "string", "default": "x", "hidden": True}),
        ("integer", 3, {"type": "number", "default": 3}),
        ("number", "2.5", {"type": "number", "default": 2.5}),
        ("float", 2.5, {"type": "number", "default": 2.5}),
        ("boolean", True, {"type": "boolean", "default": True}),
        ("boolean", "no", {"type": "boolean", "default": False}),
        ("list", ["a"], {"type": "json", "default": ["a"]}),
        ("map", {"a": 1}, {"type": "json", "default": {"a": 1}}),
        (None, "x", {"type": "string", "default": "x"}),
    ],
)
def test_types(kind, default, becomes):
    assert parameter(type=kind, default=default) == becomes


@pytest.mark.parametrize(
    ("constraint", "becomes"),
    [
        ({"valid_values": ["a", 2]}, {"allowed_values": ["a", "2"]}),
        ({"equal": "a"}, {"allowed_values": ["a"]}),
        ({"pattern": "a+"}, {"allowed_pattern": "a+"}),
        ({"length": 3}, {"length": {"min": 3, "max": 3}}),
        ({"min_length": 3}, {"length": {"min": 3}}),
        ({"max_length": 3}, {"length": {"max": 3}}),
        ({"in_range": [1, 9]}, {"range": {"min": 1, "max": 9}}),
        ({"in_range": [1, "UNBOUNDED"]}, {"range": {"min": 1}}),
        ({"greater_or_equal": 1}, {"range": {"min": 1}}),
        ({"less_or_equal": 1}, {"range": {"max": 1}}),
    ],
)
def test_constraints(constraint, becomes):
    found = parameter(default="a", description="it", constraints=[constraint])
    assert found["constraints"] == [becomes]
    assert found["description"] == "it"


def test_a_constraint_without_a_translation_is_said():
    document = asks(default=1, type="integer", constraints=[{"greater_than": 0}])
    assert notes(document) == {("property_unread", "constraints.greater_than")}


def test_the_order_goes_before_what_the_house_knows_and_that_before_the_template():
    inputs = {name: {"type": "string", "default": "own"} for name in ("ak", "sk", "plain")}
    document = definition(inputs=inputs, vdu=unit(), nic=port(), net=link())

    def sent(order):
        return translate(document, order, SITE).parameters

    assert sent(spec()) == {}
    assert sent(spec(KEYS)) == {"ak": "AK-1", "sk": "SK-1"}
    assert sent(spec(KEYS, sk="mine", plain="")) == {"ak": "AK-1", "sk": "mine", "plain": ""}
    parameters = translate(document, spec(KEYS), SITE).template["parameters"]
    assert parameters["sk"] == {"type": "string", "default": "own", "hidden": True}


@pytest.mark.parametrize("name", ["appInsId", "app_instance_id", "APP_Name", "app_name"])
def test_the_house_says_which_instance_it_is(name):
    hot = translate(asks(name, type="string"), spec(), SITE)
    assert hot.parameters == {name: "gateway" if name.endswith("ame") else str(INSTANCE)}


@pytest.mark.parametrize("name", ["mep_ip", "mep_port", "mep_certificate", "app_mp1_ip", "DC_ID"])
def test_other_well_known_inputs_are_for_the_order_to_give(name):
    error = refusal(asks(name, type="string"), spec(KEYS))
    assert (error.code, error.reason.params) == ("input_missing", {"name": name})
    value = "192.0.2.7"
    hot = translate(asks(name, type="string"), spec(**{name: value}), SITE)
    assert hot.parameters == {name: value}


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        ("integer", "17", 17),
        ("float", "1.5", 1.5),
        ("boolean", "True", True),
        ("list", '["a"]', ["a"]),
        ("string", "17", "17"),
    ],
)
def test_values_of_the_order_take_the_type(kind, value, sent):
    assert translate(asks(type=kind), spec(it=value), SITE).parameters == {"it": sent}


@pytest.mark.parametrize(
    ("kind", "value"),
    [("integer", "many"), ("integer", ""), ("integer", "1" * 50), ("boolean", "perhaps"),
     ("map", "{"), ("list", "[" * 5000)],
)  # fmt: skip
def test_values_of_another_type_are_refused_and_not_told(kind, value):
    error = refusal(asks(type=kind), spec(it=value))
    assert error.code == "input_invalid"
    assert set(error.reason.params) == {"name", "type"}


def test_a_default_of_another_type_is_refused():
    for default in ("x", True):
        assert refusal(asks(type="integer", default=default)).code == "input_invalid"


def test_inputs_that_may_be_missing():
    assert parameter(type="string", required=False) == {"type": "string", "default": ""}
    parameters = translate(asks(type="integer", required=False), spec(), SITE).template
    assert parameters["parameters"] == {}
    used = asks(type="integer", required=False, server={"cpus": {"get_input": "it"}})
    assert refusal(used).code == "input_missing"


def test_an_input_that_is_not_declared_can_be_given_by_the_order():
    document = one(name={"get_input": "title"})
    error = refusal(document)
    assert (error.code, error.reason.params) == ("input_undeclared", {"name": "title"})
    hot = translate(document, spec(title="box"), SITE)
    assert hot.template["parameters"] == {"title": {"type": "string"}}
    assert hot.parameters == {"title": "box"}


def test_what_the_template_does_not_ask_for_is_said_and_not_sent():
    hot = translate(one(), spec(other="x"), SITE)
    assert hot.parameters == {}
    assert notes(one(), spec(other="x")) == {("parameter_unknown", "other")}


def test_concat_is_joined_at_once_or_by_heat():
    inputs = {"a": {"default": "x"}, "n": {"type": "integer", "default": 7}}

    def name(*parts):
        server = unit(name={"concat": list(parts)})
        return stated(definition(inputs=inputs, vdu=server, nic=port(), net=link()), "vdu")["name"]

    assert name("a", 1, "-", True) == "a1-true"
    assert name("a-", {"get_input": "a"}) == {"list_join": ["", ["a-", {"get_param": "a"}]]}
    # Heat joins no numbers.
    number = {"str_replace": {"template": "$value$", "params": {"$value$": {"get_param": "n"}}}}
    assert name("a", {"get_input": ["n"]}) == {"list_join": ["", ["a", number]]}
    assert name("a", {"concat": ["b", {"get_input": "a"}]}) == {
        "list_join": ["", ["a", {"list_join": ["", ["b", {"get_param": "a"}]]}]]
    }


@pytest.mark.parametrize(
    "value",
    [{"get_property": ["SELF", "x"]}, {"get_file": "/etc/x"}, {"get_input": "a", "b": 1}, ["x"]],
)
def test_other_functions_are_refused_and_never_reach_heat(value):
    assert refusal(one(name=value)).code == "value_unreadable"


def test_a_decision_over_concat_uses_the_values():
    document = definition(
        inputs={"plane": {"default": "n6"}}, vdu=unit(), nic=port(),
        net=link({"concat": ["edge-", {"get_input": "plane"}]}),
    )  # fmt: skip
    assert stated(document, "nic")["network"] == {
        "list_join": ["", ["edge-", {"get_param": "plane"}]]
    }
    error = refusal(document, spec(plane="hush"))
    assert error.reason.params["network"] == "edge-{get_input: plane}"
