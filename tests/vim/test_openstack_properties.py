"""What holds for any template: its order decides nothing, and its references lead somewhere."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as draw

from apps.vim.contract import AppKeys
from apps.vim.openstack.translating import translate
from tests.vim.openstack_templates import (
    SITE,
    definition,
    group,
    layer,
    link,
    policy,
    port,
    profile,
    spec,
    storage,
    unit,
)

many = settings(max_examples=60, deadline=None, database=None)
ALL = replace(SITE, may_create_flavors=True, may_create_provider_networks=True)
INPUTS = {
    "az": {"type": "string", "default": "nova"},
    "word": {"type": "string", "default": "x"},
    "count": {"type": "integer", "default": 3},
    "ak": {"type": "string", "default": ""},
    "sk": {"type": "password", "default": ""},
    "mep_ip": {"type": "string", "default": "192.0.2.1"},
    "network_name_n6": {"type": "string", "default": "edge-n6"},
    "app_n6_ip": {"type": "string", "default": ""},
}
WORD = draw.sampled_from(
    ["plain", {"get_input": "word"}, {"concat": ["a", {"get_input": "count"}, "b"]}]
)
BOOT = draw.fixed_dictionaries(
    {},
    optional={
        "user_data": draw.fixed_dictionaries(
            {"contents": draw.sampled_from(["#!/bin/sh\n$a$\n", "#cloud-config\n", "$a$"])},
            optional={"params": draw.fixed_dictionaries({"a": WORD})},
        ),
        "meta_data": draw.fixed_dictionaries({"role": WORD}),
        "personality": draw.lists(
            draw.fixed_dictionaries({"path": draw.just("/x"), "contents": WORD}), max_size=2
        ),
    },
)
LINKS = draw.sampled_from(
    [
        link(),
        link({"get_input": "network_name_n6"}),
        link({"concat": ["edge", "-", "mp1"]}),
        link("inner", l3_protocol_data=[layer(), layer("2001:db8::/64", ip_version="ipv6")]),
        link("wire", physical_network="p", l3_protocol_data=[layer({"concat": ["192.0.2.0/24"]})]),
    ]
)


@draw.composite
def units(pick, storages):
    return unit(
        cpus=pick(draw.sampled_from([1, 2])),
        requires=pick(draw.lists(draw.sampled_from(storages), max_size=3)) if storages else (),
        name=pick(WORD),
        sw_image_data={"name": pick(draw.sampled_from(["linux", "installer"]))},
        nfvi_constraints=pick(draw.sampled_from([None, {"get_input": "az"}, "zone-b"])),
        vdu_profile=profile(
            pick(draw.integers(1, 3)),
            flavor_extra_specs=pick(draw.sampled_from([{}, {"hw:x": {"get_input": "word"}}])),
        ),
        bootdata=pick(BOOT),
    )


@draw.composite
def templates(pick):
    """A template of up to four units with what belongs to them."""
    names = [f"vdu{n}" for n in range(pick(draw.integers(1, 4)))]
    storages = [f"disk{n}" for n in range(pick(draw.integers(0, 2)))]
    links = [f"net{n}" for n in range(pick(draw.integers(1, 3)))]
    nics = [f"nic{n}" for n in range(pick(draw.integers(0, 6)))]
    nodes = {name: pick(units(storages)) for name in names}
    nodes |= {name: storage(pick(draw.integers(1, 9))) for name in storages}
    nodes |= {name: pick(LINKS) for name in links}
    for name in nics:
        nodes[name] = port(
            pick(draw.sampled_from(names)),
            pick(draw.sampled_from(links)),
            order=pick(draw.integers(0, 2)),
            port_security_enabled=pick(draw.booleans()),
        )
    later = names[1:]
    for name in later:
        nodes[name]["properties"]["depend_on"] = [names[0]]
    groups = {"together": group("PlacementGroup", *names)}
    policies = {"place": policy("AffinityRule", "together", enforced=pick(draw.booleans()))}
    if nics:
        groups["guard"] = group("PortSecurityGroup", *pick(draw.lists(draw.sampled_from(nics))))
        for number in range(pick(draw.integers(0, 3))):
            policies[f"rule{number}"] = policy("SecurityGroupRule", "guard", port_range_min=number)
    return definition(inputs=INPUTS, groups=groups, policies=policies, **nodes)


ORDERS = draw.sampled_from([spec(), spec(AppKeys("AK", "SK")), spec(word="of the order")])


def shuffled(value, random):
    """``value`` with its maps, and the lists of named policies, in another order."""
    if not isinstance(value, dict):
        return value
    keys = list(value)
    random.shuffle(keys)
    found = {key: shuffled(value[key], random) for key in keys}
    if isinstance(found.get("policies"), list):
        random.shuffle(found["policies"])
    return found


def calls(value, word):
    """The arguments of all calls of a function in a template."""
    if isinstance(value, dict):
        if set(value) == {word}:
            yield value[word]
        for item in value.values():
            yield from calls(item, word)
    elif isinstance(value, list):
        for item in value:
            yield from calls(item, word)


@many
@given(templates(), ORDERS, draw.randoms(use_true_random=False))
def test_the_order_of_a_template_decides_nothing(document, order, random):
    first = translate(document, order, ALL)
    again = translate(shuffled(document, random), order, ALL)
    assert again == first
    assert list(again.template["resources"]) == list(first.template["resources"])


@many
@given(templates(), ORDERS)
def test_every_reference_leads_somewhere(document, order):
    hot = translate(document, order, ALL)
    resources = hot.template["resources"]
    parameters = hot.template["parameters"]
    assert set(calls(hot.template, "get_param")) <= set(parameters)
    assert set(calls(hot.template, "get_resource")) <= set(resources)
    assert {names[0] for names in calls(hot.template, "get_attr")} <= set(resources)
    before = {name for one in resources.values() for name in one.get("depends_on", ())}
    assert before <= set(resources)
    assert set(hot.parameters) <= set(parameters)
    assert all("default" in one or name in hot.parameters for name, one in parameters.items())
    assert not list(calls(hot.template, "get_input"))
    assert not list(calls(hot.template, "concat"))


@many
@given(templates(), ORDERS)
def test_every_server_has_its_own_ports_and_volumes(document, order):
    hot = translate(document, order, ALL)
    servers = [hot.template["resources"][name]["properties"] for name in hot.servers]
    wanted = sum(
        node["properties"]["vdu_profile"]["initial_number_of_instances"]
        for node in document["topology_template"]["node_templates"].values()
        if node["type"].endswith("Compute")
    )
    assert len(servers) == wanted
    for word, key in (("port", "networks"), ("volume_id", "block_device_mapping_v2")):
        used = [
            one[word]["get_resource"]
            for properties in servers
            for one in properties.get(key, ())
            if word in one
        ]
        assert len(used) == len(set(used))
