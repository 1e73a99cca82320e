"""Every kind of client that there is, and every point where the standard leaves a choice."""

from __future__ import annotations

import pytest

from apps.mep.models import Application
from tests import factories as make
from tests.mep import schemas
from tests.mep.conftest import App, service_info
from tests.mep.suite import (
    APP,
    CREDENTIAL,
    DNS_BODY,
    MANAGEMENT,
    SUPPORT,
    THING,
    TRAFFIC_BODY,
    Suite,
    check,
    hold_rules,
    refused,
    settled,
)

BEAT = {"state": "ACTIVE"}
PREFIXES = ["", "/mep", "/mepserver"]


def subscription(**more):
    """An availability subscription."""
    return {"subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9/x", **more}


# --- clients -------------------------------------------------------------------------------------
def test_client_of_v2_1_1_finds_rel_one_destination_and_tokens_and_needs_no_heartbeat(app):
    hold_rules(app)
    app.subscribe()
    (link,) = app.send("GET", app.subscriptions).json()["_links"]["subscriptions"]
    assert link["rel"] == "SerAvailabilityNotificationSubscription"
    rule = app.send("PUT", f"{app.support}/traffic_rules/{THING}", TRAFFIC_BODY).json()
    assert rule["dstInterface"]["interfaceType"] == "TUNNEL"
    assert rule["trafficFilter"][0]["token"] == ["some words of text"]
    assert "livenessInterval" not in app.register()


def test_client_of_v2_2_1_finds_subscriptionType_and_follows_the_liveness_link(app):
    app.subscribe()
    (link,) = app.send("GET", app.subscriptions).json()["_links"]["subscriptions"]
    assert link["subscriptionType"] == "SerAvailabilityNotificationSubscription"
    href = app.register(livenessInterval=0)["_links"]["liveness"]["href"]
    check(app.send("PATCH", href, BEAT), 200, schemas.ServiceLivenessInfo)
    assert app.send("PATCH", href, BEAT).status_code == 204


def test_client_of_v3_registers_below_v2_wraps_bodies_and_uses_tag_and_fqdn(app):
    hold_rules(app)
    info = {"appName": "v3", "endpoint": {"fqdn": ["app.example"]}}
    made = app.send("POST", "/mec_app_support/v2/registrations", {"AppInfo": info})
    assert check(made, 201, schemas.AppInfo)["endpoint"] == {"fqdn": ["app.example"]}
    body = TRAFFIC_BODY | {"trafficFilter": [{"tag": ["blue"]}]}
    url = f"/mec_app_support/v2/applications/{app.id}/traffic_rules/{THING}"
    found = check(app.send("PUT", url, {"TrafficRule": body}), 200, schemas.TrafficRule)
    assert found["trafficFilter"] == [{"tag": ["blue"]}]
    service = service_info()
    service["transportInfo"] = service["transportInfo"] | {"endpoint": {"fqdn": ["a.example"]}}
    url = f"/mec_service_mgmt/v2/applications/{app.id}/services"
    check(app.send("POST", url, {"ServiceInfo": service}), 201, schemas.ServiceInfo)


@pytest.mark.parametrize("prefix", ["/mep", "/mepserver"])
def test_agent_of_EdgeGallery_registers_and_beats_at_the_string_below_self(app, prefix):
    """mep-agent v1.1 puts what it finds in ``_links.self.liveness`` behind the base URL."""
    info = service_info(serInstanceId="0123456789abcdef0123456789abcdef", livenessInterval=60)
    url = f"{prefix}/mec_service_mgmt/v1/applications/{app.id}/services"
    made = check(app.send("POST", url, info), 201, schemas.ServiceInfo)
    own = made["_links"]["self"]["liveness"]
    assert isinstance(own, str)
    assert made["_links"]["appInstanceId"] == app.id
    for spelled in (own, own.replace("/mep/", "/mepserver/")):
        answer = app.send("PUT", spelled, BEAT)
        assert (answer.status_code, answer.content) == (204, b"")
    listed = app.send("GET", f"{prefix}/mec_service_mgmt/v1/services").json()
    assert [one["serName"] for one in listed] == ["positioning"]
    assert listed[0]["transportInfo"]["endpoint"]["uris"] == ["http://positioning.example/v1"]


@pytest.mark.parametrize("path", ["/applications/{app}/service/{service}/liveness",
                                  "/applications/{app}/services/{service}/liveness"])
def test_seed_client_reads_and_beats_without_an_api_name_and_with_a_wrapper(app, path):
    service = app.register(livenessInterval=10)["serInstanceId"]
    url = path.format(app=app.id, service=service)
    check(app.send("GET", url), 200, schemas.ServiceLivenessInfo)
    answer = app.send("PATCH", url, {"ServiceLivenessUpdate": BEAT})
    assert check(answer, 200, schemas.ServiceLivenessInfo)["state"] == "ACTIVE"


@pytest.mark.parametrize("word", ["service", "services"])
@pytest.mark.parametrize("api", ["", "/mec_service_mgmt/v1", "/mec_service_mgmt/v2"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_heartbeat_is_taken_under_every_spelling_with_every_method(app, prefix, api, word):
    service = app.register(livenessInterval=10)["serInstanceId"]
    url = f"{prefix}{api}/applications/{app.id}/{word}/{service}/liveness"
    assert [app.send(method, url, body).status_code for method, body in (
        ("GET", None), ("PATCH", BEAT), ("PATCH", BEAT), ("PUT", BEAT))] == [200, 200, 204, 204]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_api_answers_under_every_prefix_and_version(app, prefix, version):
    for path in (
        "mec_service_mgmt/{v}/services", "mec_service_mgmt/{v}/transports",
        "mec_service_mgmt/{v}/applications/{app}/services",
        "mec_service_mgmt/{v}/applications/{app}/subscriptions",
        "mec_app_support/{v}/applications/{app}/subscriptions",
        "mec_app_support/{v}/applications/{app}/dns_rules",
        "mec_app_support/{v}/applications/{app}/traffic_rules",
        "mec_app_support/{v}/timing/timing_caps", "mec_app_support/{v}/timing/current_time",
    ):
        assert app.send("GET", f"{prefix}/{path.format(v=version, app=app.id)}").status_code == 200


@pytest.mark.parametrize("url", [
    "/mep/mec_service_mgmt/v3/services", "/mec_service_mgmt/v1", "/mec_app_support/v1/nothing",
    "/mepx/mec_service_mgmt/v1/services", "/applications/x/y/liveness",
    "/mec_service_mgmt/v1/services/a/b", "/mep/mep/mec_service_mgmt/v1/services",
])
def test_address_that_is_none_is_answered_with_a_problem_document(app, url):
    refused(app.send("GET", url), 404)


def test_suite_of_ETSI_is_let_in_with_its_credential_in_its_own_profile_only(suite_app, edge_house):
    suite = Suite(MANAGEMENT)
    assert suite.ask("GET", f"applications/{APP}/services").status_code == 200
    refused(suite.ask("GET", "services", Authorization=CREDENTIAL[:-1]), 401)
    edge_house.MEP = {**edge_house.MEP, "profile": "strict"}
    refused(suite.ask("GET", f"applications/{APP}/services"), 401)
    edge_house.MEP = {**edge_house.MEP, "profile": "conformance", "test_credential": ""}
    refused(suite.ask("GET", f"applications/{APP}/services"), 401)
    refused(suite.ask("GET", "services", Authorization=""), 401)


# --- decision points -----------------------------------------------------------------------------
def test_serInstanceId_in_a_registration_is_ignored(app):
    assert app.register(serInstanceId="mine")["serInstanceId"] != "mine"


def test_appInstanceId_of_a_subscription_is_echoed_and_the_path_decides(app, other_app):
    body = {"subscriptionType": "AppTerminationNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9/x", "appInstanceId": other_app.id}
    made = app.send("POST", f"{app.support}/subscriptions", body).json()
    assert made["appInstanceId"] == other_app.id
    assert len(links(app)) == 1
    assert links(other_app) == []


def links(app):
    """The termination subscriptions of an application."""
    found = app.send("GET", f"{app.support}/subscriptions").json()
    return found["_links"]["subscriptions"]


@pytest.mark.parametrize(("kind", "key", "body"), [
    ("dns_rules", "dnsRuleId", DNS_BODY), ("traffic_rules", "trafficRuleId", TRAFFIC_BODY),
])
def test_id_of_a_rule_in_the_path_wins(app, kind, key, body):
    hold_rules(app)
    answer = app.send("PUT", f"{app.support}/{kind}/{THING}", body | {key: "another"})
    assert answer.json()[key] == THING
    assert [one[key] for one in app.send("GET", f"{app.support}/{kind}").json()] == [THING]


@pytest.mark.parametrize(("profile", "status"), [("conformance", 204), ("strict", 409)])
def test_confirming_an_end_that_nobody_announced_depends_on_the_profile(
    app, edge_house, profile, status
):
    edge_house.MEP = {**edge_house.MEP, "profile": profile}
    body = {"operationAction": "TERMINATING"}
    answer = app.send("POST", f"{app.support}/confirm_termination", body)
    assert answer.status_code == status
    assert app.send("GET", app.services).status_code == 200


@pytest.mark.parametrize(("profile", "status"), [("conformance", 201), ("strict", 400)])
def test_transport_that_nobody_offers_depends_on_the_profile(app, edge_house, profile, status):
    edge_house.MEP = {**edge_house.MEP, "profile": profile}
    info = service_info(transportInfo=None, transportId="transportId")
    answer = app.send("POST", app.services, info)
    assert answer.status_code == status
    if status == 201:
        assert check(answer, 201, schemas.ServiceInfo)["transportInfo"]["id"] == "transportId"


def test_heartbeat_of_an_inactive_service_is_answered_with_200_and_INACTIVE(app):
    href = app.register(state="INACTIVE", livenessInterval=10)["_links"]["liveness"]["href"]
    for _ in range(2):
        found = check(app.send("PATCH", href, BEAT), 200, schemas.ServiceLivenessInfo)
        assert found["state"] == "INACTIVE"


def test_first_heartbeat_is_answered_with_200_later_ones_with_204_and_PUT_always_with_204(app):
    href = app.register(livenessInterval=10)["_links"]["liveness"]["href"]
    assert [app.send("PATCH", href, BEAT).status_code for _ in range(3)] == [200, 204, 204]
    href = app.register(livenessInterval=10)["_links"]["liveness"]["href"]
    assert [app.send("PUT", href, BEAT).status_code for _ in range(2)] == [204, 204]


def test_application_is_made_by_its_keys_its_configuration_or_its_registration(mep):
    boss = make.Api(make.admin())
    ids = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"]
    keys = {"authInfo": {"credentials": {"accessKeyId": "A" * 20, "secretKey": "S" * 64}}}
    with settled():
        made = [
            boss.send("PUT", f"/mep/appMng/v1/applications/{ids[0]}/confs", keys),
            boss.send("POST", f"/mepcfg/app_lcm/v1/applications/{ids[1]}/appd_configuration",
                      {"appName": "a"}),
            boss.send("POST", f"/mep{SUPPORT}/registrations",
                      {"appName": "b", "endpoint": {"uris": ["x"]}}),
        ]
    assert [answer.status_code for answer in made] == [200, 200, 201]
    for key in [*ids, made[2].json()["appInstanceId"]]:
        url = f"/mep{MANAGEMENT}/applications/{key}/services"
        assert boss.send("GET", url).json() == []
    assert Application.objects.count() == 3


@pytest.mark.parametrize(("token", "status"), [("", 401), ("x.y.z", 401)])
def test_who_asks_is_looked_at_before_what_is_asked_for(mep, token, status):
    api = make.Api(token=token)
    for url in (f"/mep{MANAGEMENT}/applications/word/services", f"/mep{MANAGEMENT}/services?a=b"):
        answer = api.send("GET", url)
        refused(answer, status)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


# --- what is always there ------------------------------------------------------------------------
def test_defaults_of_the_standard_are_answered_where_nothing_was_said(app):
    made = app.register()
    assert (made["scopeOfLocality"], made["consumedLocalOnly"], made["isLocal"]) == (
        "MEC_HOST", True, True)
    assert made["_links"]["self"]["href"].endswith(f"/services/{made['serInstanceId']}")
    hold_rules(app)
    body = {key: value for key, value in DNS_BODY.items() if key != "ttl"}
    found = app.send("PUT", f"{app.support}/dns_rules/{THING}", body).json()
    assert found == body | {"dnsRuleId": THING}
    caps = app.send("GET", f"/mep{SUPPORT}/timing/timing_caps").json()
    assert caps["ptpMasters"] == []
    assert len(caps["ntpServers"]) >= 1


@pytest.mark.parametrize(("named", "kind"), [
    ("pool.ntp.org", "DNS_NAME"), ("192.0.2.1", "IP_ADDRESS"), ("2001:db8::1", "IP_ADDRESS"),
])
def test_clock_servers_are_those_of_the_settings(app, edge_house, named, kind):
    edge_house.MEP = {**edge_house.MEP, "ntp_servers": f"{named}, second.example"}
    caps = app.send("GET", f"/mep{SUPPORT}/timing/timing_caps").json()
    assert schemas.conforms(caps, schemas.TimingCaps) == []
    told = [(one["ntpServerAddr"], one["ntpServerAddrType"]) for one in caps["ntpServers"]]
    assert told == [(named, kind), ("second.example", "DNS_NAME")]


def test_two_applications_that_register_the_same_share_nothing(app):
    twin = App("twin")
    first, second = app.register(), twin.register()
    assert first["serInstanceId"][:18] != second["serInstanceId"][:18]
    twin.send("DELETE", second["_links"]["self"]["href"])
    assert app.send("GET", first["_links"]["self"]["href"]).json() == first
