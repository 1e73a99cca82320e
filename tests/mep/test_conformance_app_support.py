"""ETSI's suite (GS MEC 032-3, branch v2.2.1-dev): CONF, DNS, TRAF and TIME, a test per row."""

from __future__ import annotations

import pytest

from tests.mep import schemas
from tests.mep.suite import (
    DNS_BODY,
    NO_RULE,
    OF_APP,
    OF_NO_APP,
    THING,
    TRAFFIC_BODY,
    TRAFFIC_BODY_BAD,
    check,
    hold_rules,
    refused,
)

DNS, TRAFFIC = f"{OF_APP}/dns_rules", f"{OF_APP}/traffic_rules"
NO_ETAG = {"If-Match": "INVALID_ETAG"}


@pytest.fixture(autouse=True)
def held(suite_app):
    """The rules of the suite's variables."""
    hold_rules(suite_app)


# --- CONF / CONFTASK -----------------------------------------------------------------------------
@pytest.mark.parametrize("action", ["TERMINATING", "STOPPING"])
def test_CONFTASK_001_OK_confirms_an_end_that_nobody_announced(support, action):
    answer = support.ask("POST", f"{OF_APP}/confirm_termination", {"operationAction": action})
    assert (answer.status_code, answer.content) == (204, b"")


def test_CONFTASK_001_NF_application_that_is_not_known(support):
    body = {"operationAction": "TERMINATING"}
    refused(support.ask("POST", f"{OF_NO_APP}/confirm_termination", body), 404)


def test_CONFTASK_002_OK_confirms_that_it_is_ready(support):
    answer = support.ask("POST", f"{OF_APP}/confirm_ready", {"indication": "READY"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_CONFTASK_002_NF_application_that_is_not_known(support):
    refused(support.ask("POST", f"{OF_NO_APP}/confirm_ready", {"indication": "READY"}), 404)


# --- DNS -----------------------------------------------------------------------------------------
def test_DNS_001_OK_rules_of_the_application(support):
    found = check(support.ask("GET", DNS), 200, schemas.DnsRuleList)
    assert [one["dnsRuleId"] for one in found] == [THING]


def test_DNS_001_NF_application_that_is_not_known(support):
    refused(support.ask("GET", f"{OF_NO_APP}/dns_rules"), 404)


def test_DNS_002_OK_one_rule(support):
    assert check(support.ask("GET", f"{DNS}/{THING}"), 200, schemas.DnsRule)["dnsRuleId"] == THING


def test_DNS_002_NF_rule_that_is_not_known(support):
    refused(support.ask("GET", f"{DNS}/{NO_RULE}"), 404)


def test_DNS_003_OK_replaces_all_of_a_rule_but_its_id(support):
    found = check(support.ask("PUT", f"{DNS}/{THING}", DNS_BODY), 200, schemas.DnsRule)
    assert found == DNS_BODY | {"dnsRuleId": THING}
    assert support.ask("GET", f"{DNS}/{THING}").json() == found


def test_DNS_003_BR_state_that_does_not_exist(support):
    body = DNS_BODY | {"state": "UNKNOWN_VALUE"}
    assert "state" in refused(support.ask("PUT", f"{DNS}/{THING}", body), 400)["errors"]


def test_DNS_003_NF_rule_that_is_not_known(support):
    refused(support.ask("PUT", f"{DNS}/{NO_RULE}", DNS_BODY), 404)


def test_DNS_003_PF_etag_that_was_never_given(support):
    refused(support.ask("PUT", f"{DNS}/{THING}", DNS_BODY, **NO_ETAG), 412)
    assert support.ask("GET", f"{DNS}/{THING}").json()["ipAddress"] == "192.0.2.7"


# --- TRAF ----------------------------------------------------------------------------------------
def test_TRAF_001_OK_rules_of_the_application(support):
    found = check(support.ask("GET", TRAFFIC), 200, schemas.TrafficRuleList)
    assert [one["trafficRuleId"] for one in found] == [THING]


def test_TRAF_001_NF_application_that_is_not_known(support):
    refused(support.ask("GET", f"{OF_NO_APP}/traffic_rules"), 404)


def test_TRAF_002_OK_one_rule_with_its_destination_as_an_object(support):
    found = check(support.ask("GET", f"{TRAFFIC}/{THING}"), 200, schemas.TrafficRule)
    assert found["trafficRuleId"] == THING
    assert found["dstInterface"] == {"interfaceType": "IP", "dstIpAddress": "192.0.2.8"}


def test_TRAF_003_OK_replaces_a_rule_that_drops_and_has_a_destination_all_the_same(support):
    found = check(support.ask("PUT", f"{TRAFFIC}/{THING}", TRAFFIC_BODY), 200, schemas.TrafficRule)
    assert found == TRAFFIC_BODY | {"trafficRuleId": THING}
    assert support.ask("GET", f"{TRAFFIC}/{THING}").json() == found


def test_TRAF_003_BR_action_that_does_not_exist(support):
    refused(support.ask("PUT", f"{TRAFFIC}/{THING}", TRAFFIC_BODY_BAD), 400)


@pytest.mark.parametrize("name", ["qCI", "tC", "dSCP"])
def test_TRAF_003_BR_negative_number_in_a_filter(support, name):
    body = TRAFFIC_BODY | {"trafficFilter": [{name: -5}]}
    told = refused(support.ask("PUT", f"{TRAFFIC}/{THING}", body), 400)
    assert list(told["errors"]) == [f"trafficFilter[0].{name}"]


def test_TRAF_003_NF_rule_that_is_not_known(support):
    refused(support.ask("PUT", f"{TRAFFIC}/{NO_RULE}", TRAFFIC_BODY), 404)


def test_TRAF_003_PF_etag_that_was_never_given(support):
    refused(support.ask("PUT", f"{TRAFFIC}/{THING}", TRAFFIC_BODY, **NO_ETAG), 412)
    assert support.ask("GET", f"{TRAFFIC}/{THING}").json()["priority"] == 7


# --- TIME ----------------------------------------------------------------------------------------
def test_TIME_001_OK_clocks_that_an_application_may_follow(support):
    check(support.ask("GET", "timing/timing_caps"), 200, schemas.TimingCaps)


def test_TIME_002_OK_the_time_and_whether_it_is_locked(support):
    check(support.ask("GET", "timing/current_time"), 200, schemas.CurrentTime)
