"""Validators and If-Match, the order of checks of every PUT, methods, limits, and unknown ids."""

from __future__ import annotations

import time
import uuid
from threading import Barrier, Thread

import pytest

from apps.common import clock
from apps.mep.api import liveness
from apps.mep.liveness.book import book
from tests.mep.conftest import App, service_info
from tests.mep.suite import DNS_BODY, THING, TRAFFIC_BODY, hold_rules, refused

UNKNOWN = "3544e702-83f6-4a7f-b77b-8b788e4c250c"
# The resource with a PUT, a right body, and what changes with it.
RESOURCES = {
    "service": ("{services}/{service}", service_info(version="2"), "version"),
    "dns": ("{support}/dns_rules/" + THING, DNS_BODY, "ipAddress"),
    "traffic": ("{support}/traffic_rules/" + THING, TRAFFIC_BODY, "priority"),
}


class Held:
    """An application with one of each resource, and where they are."""

    def __init__(self, app):
        self.app = app
        hold_rules(app)
        self.service = app.register(livenessInterval=10)["serInstanceId"]

    def url(self, name, *, app=None, thing=""):
        """The address, under another application or of another thing where one is given."""
        of = app or self.app
        path = RESOURCES[name][0] if name in RESOURCES else name
        if thing:
            path = path.replace(THING, thing).replace("{service}", thing)
        return path.format(services=of.services, support=of.support, service=self.service)


@pytest.fixture
def held(app):
    """The application of the test with one of everything."""
    return Held(app)


@pytest.mark.parametrize("name", RESOURCES)
def test_etag_is_the_same_for_reading_and_changes_with_the_resource(held, name):
    url, body = held.url(name), RESOURCES[name][1]
    first = [held.app.send("GET", url).headers["ETag"] for _ in range(2)]
    written = held.app.send("PUT", url, body).headers["ETag"]
    read = held.app.send("GET", url).headers["ETag"]
    assert first[0] == first[1] != written == read
    assert all(tag.startswith('"') and tag.endswith('"') and len(tag) > 10 for tag in first)


@pytest.mark.parametrize("name", RESOURCES)
@pytest.mark.parametrize(("given", "status"), [
    ("{tag}", 200), ("*", 200), ('"other", {tag}', 200), ("INVALID_ETAG", 412),
    ('"other"', 412), ("W/{tag}", 412), ("{bare}", 412), ("", 412),
])
def test_put_with_If_Match_is_done_only_where_it_names_the_present_state(
    held, name, given, status
):
    url, body, member = held.url(name), *RESOURCES[name][1:]
    before = held.app.send("GET", url)
    tag = before.headers["ETag"]
    given = given.format(tag=tag, bare=tag.strip('"'))
    answer = held.app.send("PUT", url, body, headers={"If-Match": given})
    assert answer.status_code == status
    after = held.app.send("GET", url).json()
    if status == 412:
        refused(answer, 412)
        assert after == before.json()
    else:
        assert after[member] == body[member] != before.json()[member]


def test_second_of_two_writers_who_read_the_same_is_refused(held):
    url = held.url("dns")
    tag = {"If-Match": held.app.send("GET", url).headers["ETag"]}
    first = held.app.send("PUT", url, DNS_BODY | {"ttl": 1}, headers=tag)
    second = held.app.send("PUT", url, DNS_BODY | {"ttl": 2}, headers=tag)
    assert (first.status_code, second.status_code) == (200, 412)
    assert held.app.send("GET", url).json()["ttl"] == 1


def test_created_service_and_subscription_have_the_validator_that_reading_gives(app):
    made = app.send("POST", app.services, service_info())
    assert made.headers["ETag"] == app.send("GET", made.headers["Location"]).headers["ETag"]
    body = {"subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9/x"}
    made = app.send("POST", app.subscriptions, body)
    assert made.headers["ETag"] == app.send("GET", made.headers["Location"]).headers["ETag"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_heartbeat_with_If_Match_counts_only_where_it_names_the_present_state(held, method):
    url = held.url("{services}/{service}") + "/liveness"
    tag = held.app.send("GET", url).headers["ETag"]
    wrong = held.app.send(method, url, {"state": "ACTIVE"}, headers={"If-Match": "INVALID_ETAG"})
    refused(wrong, 412)
    assert held.app.send("GET", url).headers["ETag"] == tag
    right = held.app.send(method, url, {"state": "ACTIVE"}, headers={"If-Match": tag})
    assert right.status_code == (200 if method == "PATCH" else 204)


def test_heartbeat_with_If_Match_is_compared_and_counted_as_one(held):
    with clock.frozen():
        entry = book.find(uuid.UUID(held.service))
        begun, done = Barrier(8), []

        def beat():
            begun.wait(5)
            try:
                liveness.beat(entry, match)
            except RuntimeError:
                return
            done.append(1)

        def match():
            seen = entry.told
            time.sleep(0.005)  # others may come now
            if seen:
                raise RuntimeError("somebody was faster")

        threads = [Thread(target=beat) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert done == [1]


def test_delete_with_If_Match_of_another_state_removes_nothing(held):
    url = held.url("service")
    refused(held.app.send("DELETE", url, headers={"If-Match": '"other"'}), 412)
    tag = held.app.send("GET", url).headers["ETag"]
    assert held.app.send("DELETE", url, headers={"If-Match": tag}).status_code == 204


# --- order of checks -----------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*RESOURCES, "{services}/{service}/liveness"])
def test_put_is_checked_in_the_order_401_404_403_404_400_412_and_then_done(held, other_app, name):
    nobody = App("gone")
    right = RESOURCES[name][1] if name in RESOURCES else {"state": "ACTIVE"}
    wrong = {"headers": {"If-Match": "INVALID_ETAG"}}
    at = held.url
    nobody.support = held.app.support.replace(held.app.id, UNKNOWN)
    nobody.services = held.app.services.replace(held.app.id, UNKNOWN)
    stranger = {"headers": {**wrong["headers"], "authorization": "Bearer x.y.z"}}
    steps = [
        (401, held.app, at(name, app=nobody, thing=UNKNOWN), b"{", stranger),
        (404, held.app, at(name, app=nobody, thing=UNKNOWN), b"{", wrong),
        (403, held.app, at(name, app=other_app, thing=UNKNOWN), b"{", wrong),
        (404, held.app, at(name, thing=UNKNOWN), b"{", wrong),
        (400, held.app, at(name), b"{", wrong),
        (400, held.app, at(name), {"wrong": "member"}, wrong),
        (412, held.app, at(name), right, wrong),
    ]
    for status, who, url, body, more in steps:
        refused(who.send("PUT", url, body, **more), status)
    assert held.app.send("PUT", at(name), right).status_code in (200, 204)


def test_domain_of_another_rule_is_looked_at_after_If_Match(held, other_app):
    other_app.row.rules.create(kind="dns", rule_id="r", body=DNS_BODY, domain="www.example.com")
    url = held.url("dns")
    refused(held.app.send("PUT", url, DNS_BODY, headers={"If-Match": "x"}), 412)
    told = refused(held.app.send("PUT", url, DNS_BODY | {"domainName": "WWW.example.COM."}), 400)
    assert list(told["errors"]) == ["domainName"]


# --- methods and ids -----------------------------------------------------------------------------
@pytest.mark.parametrize(("method", "path"), [
    ("DELETE", "{services}"), ("PUT", "{services}"), ("POST", "{services}/{service}"),
    ("PATCH", "{services}/{service}"), ("POST", "{services}/{service}/liveness"),
    ("DELETE", "{services}/{service}/liveness"), ("POST", "{support}/dns_rules"),
    ("DELETE", "{support}/dns_rules/" + THING), ("POST", "{support}/traffic_rules"),
    ("DELETE", "{support}/traffic_rules/" + THING), ("GET", "{support}/confirm_ready"),
    ("GET", "{support}/confirm_termination"), ("POST", "/mep/mec_service_mgmt/v1/services"),
    ("DELETE", "/mep/mec_service_mgmt/v1/transports"),
    ("PUT", "/mep/mec_app_support/v1/timing/current_time"),
    ("GET", "/mep/mec_app_support/v1/registrations"), ("GET", "/mep/token"),
])
def test_method_that_a_resource_does_not_have_is_answered_with_405_and_those_it_has(
    held, method, path
):
    answer = held.app.send(method, held.url(path), None if method in ("GET", "DELETE") else {})
    refused(answer, 405)
    assert answer.headers["Allow"]


WORDS = ["NON_EXISTENT", UNKNOWN, "1", "0" * 32, "a" * 300, "%00", "%0a", "..%2f", "'--", "%F0%9F",
         "١" * 32, "1_" * 16, "{" + UNKNOWN[:34] + "}"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("path", [
    "{services}/{word}", "{services}/{word}/liveness", "{support}/dns_rules/{word}",
    "{support}/traffic_rules/{word}", "{support}/subscriptions/{word}", "{subscriptions}/{word}",
    "{subscriptions}/{word}/notifications", "/mep/mec_service_mgmt/v1/services/{word}",
    "/mep/mec_service_mgmt/v1/applications/{word}/services",
    "/mep/mec_app_support/v1/applications/{word}/dns_rules",
    "/mep/mec_app_support/v1/registrations/{word}",
])
def test_id_that_nobody_has_is_answered_with_404_whatever_it_looks_like(app, path, word):
    url = path.format(services=app.services, support=app.support, word=word,
                      subscriptions=app.subscriptions)
    assert app.send("GET", url, headers={"Accept": "application/json"}).status_code == 404


def test_id_is_found_with_and_without_hyphens_and_in_capitals_but_not_as_part_of_another(held):
    made = held.service
    for spelled, status in [
        (made, 200), (made.replace("-", ""), 200), (made.upper(), 200), (made + "0", 404),
        ("0" + made, 404), (made[:-1], 404), (made.replace("-", "", 1), 404),
    ]:
        answer = held.app.send("GET", f"{held.app.services}/{spelled}")
        assert answer.status_code == status, spelled


# --- limits --------------------------------------------------------------------------------------
def test_fifty_first_service_is_refused_with_limit_use_and_who_raises_it(app):
    for _ in range(50):
        app.register()
    told = refused(app.send("POST", app.services, service_info()), 409)
    assert (told["limit"], told["used"]) == (50, 50)
    assert told["raised_by"] == "MECM_LIMIT_SERVICES_PER_APPLICATION"
    (first, *_) = app.send("GET", app.services).json()
    app.send("DELETE", first["_links"]["self"]["href"])
    app.register()


def test_fifty_first_subscription_of_either_kind_is_refused_with_limit_and_use(app):
    for _ in range(50):
        app.subscribe()
    body = {"subscriptionType": "AppTerminationNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9/x", "appInstanceId": app.id}
    told = refused(app.send("POST", f"{app.support}/subscriptions", body), 409)
    assert (told["limit"], told["used"]) == (50, 50)
    assert told["raised_by"] == "MECM_LIMIT_SUBSCRIPTIONS_PER_APPLICATION"


def test_limits_of_one_application_are_not_anothers(app, other_app, edge_house):
    edge_house.LIMITS = {**edge_house.LIMITS, "services_per_application": 1}
    app.register()
    other_app.register()
    told = refused(app.send("POST", app.services, service_info()), 409)
    assert (told["limit"], told["used"]) == (1, 1)
