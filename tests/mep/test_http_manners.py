"""What HTTP itself asks of every resource of Mp1 and Mm5: methods, media types, OPTIONS, HEAD."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from apps.mep.answers import ProblemDetails
from tests import factories as make
from tests.mep.suite import THING, hold_rules
from tests.mep.test_walls import TABLE

PROBLEM = "application/problem+json"
MEMBERS = set(ProblemDetails.__struct_fields__) - {"errors"}


@pytest.fixture
def ask(app):
    """Requests of an administrator to paths in which everything exists."""
    hold_rules(app)
    service = app.register(livenessInterval=60)["serInstanceId"]
    client = make.Api(make.admin())
    known = {
        "application_id": app.id, "service_id": service, "capability_id": service,
        "rule_id": THING,
    }

    def send(method, route, **headers):
        path = "/" + route.format_map(_Known(known))
        given = {"authorization": f"Bearer {client.token}", **headers}
        return Client(raise_request_exception=False).generic(method, path, headers=given)

    return send


class _Known(dict):
    def __missing__(self, name):
        return "nobody"


ROUTES = sorted({endpoint.partition(" ")[2] for endpoint in TABLE})


def problem(answer, status):
    """The problem document of an answer."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == PROBLEM
    found = json.loads(answer.content)
    assert found.keys() >= MEMBERS
    assert found["status"] == status
    return found


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["TRACE", "QUERY", "LOCK"])
def test_method_that_no_resource_has_is_refused_with_those_it_has(ask, route, method):
    answer = ask(method, route)
    problem(answer, 405)
    allowed = set(answer.headers["Allow"].split(", "))
    assert {one.partition(" ")[0] for one in TABLE if one.endswith(f" {route}")} <= allowed


@pytest.mark.parametrize("route", [route for route in ROUTES if route != "mep/health"])
def test_answer_that_is_not_to_be_json_cannot_be_had(ask, route):
    problem(ask("GET", route, accept="image/png"), 406)


def test_health_is_text_for_whoever_asks(ask):
    answer = ask("GET", "mep/health", accept="image/png")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.parametrize("route", ROUTES)
def test_options_tells_the_methods_and_nothing_else(ask, route):
    answer = ask("OPTIONS", route)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "OPTIONS" in answer.headers["Allow"]


@pytest.mark.parametrize("route", ROUTES)
def test_head_is_get_without_the_body(ask, route):
    get, head = ask("GET", route), ask("HEAD", route)
    assert (get.status_code == 405) == (f"GET {route}" not in TABLE)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.headers.get("ETag") == get.headers.get("ETag")


def test_host_that_no_site_can_have_is_refused_with_a_problem(app):
    client = Client(raise_request_exception=False)
    problem(client.get("/mep/health", headers={"host": "a b"}), 400)


@pytest.mark.parametrize("said", ["", "Bearer x.y.z", "Basic eDp5"])
def test_token_request_that_is_not_signed_is_told_so(app, said):
    client = Client(raise_request_exception=False)
    answer = client.generic("POST", "/mep/token", headers={"authorization": said} if said else {})
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", ["ser_name", "ser_instance_id", "ser_category_id"])
def test_query_with_control_characters_is_refused(app, name):
    refused = app.send("GET", f"{app.services}?{name}=a%0Ab")
    assert name in problem(refused, 400)["errors"]


def test_category_of_a_query_is_taken_whole(app):
    category = {"href": "/c", "id": "a,b", "name": "n", "version": "1"}
    app.register(serCategory=category)
    for asked, found in (("a,b", 1), ("a", 0)):
        answer = app.send("GET", f"{app.services}?ser_category_id={asked}")
        assert len(answer.json()) == found


def test_address_with_a_zone_is_no_address(app):
    hold_rules(app)
    body = {"domainName": "z.example", "ipAddressType": "IP_V6", "ipAddress": "fe80::1%eth0",
            "state": "ACTIVE"}
    answer = app.send("PUT", f"{app.support}/dns_rules/{THING}", body)
    assert "ipAddress must be an IPv4 or IPv6 address" in str(problem(answer, 400)["errors"])
