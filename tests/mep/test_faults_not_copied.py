"""The known faults of EdgeGallery's MEP, and the test that shows each is not copied.

``FAULTS`` names the test, or says why there is none.  Tests that are about nothing but a fault are
below; the others are part of a wider promise elsewhere.
"""

from __future__ import annotations

import importlib
import re

import pytest

from tests.mep.conftest import App, service_info
from tests.mep.suite import refused, settled

HERE = "test_faults_not_copied"
MATRIX, STATES, NEWS = "test_acceptance_matrix", "test_liveness_states", "test_notifications"
QUERIES, BODIES, FIRST = "test_service_queries", "test_bodies", "test_preconditions"
CONFIG, KEYS, PLATFORM = "test_mm5_configuration", "test_mm5_credentials", "test_mm5_platform"
SUBS, SUPPORT, WRONG = (
    "test_conformance_subscriptions", "test_conformance_app_support", "test_wrong_values")
NO_GATEWAY = "this platform writes no gateway routes and rewrites no endpoints"

# Fault: (file, test), or the reason why there is no test.
FAULTS = {
    "B1": (HERE, "test_service_is_neither_read_nor_kept_alive_below_another_application"),
    "B2": (HERE, "test_service_is_neither_changed_nor_taken_over_nor_removed_by_another"),
    "B3": (QUERIES, "test_query_finds_what_fits_all_parameters_and_any_value_of_each"),
    "B4": (QUERIES, "test_query_that_contradicts_itself_or_is_not_known_is_refused_by_name"),
    "B5": (QUERIES, "test_query_that_contradicts_itself_or_is_not_known_is_refused_by_name"),
    "B6": (QUERIES, "test_nothing_registered_is_an_empty_list_and_no_error"),
    "B7": (QUERIES, "test_no_subscriptions_are_an_empty_list_with_a_link_to_itself"),
    "B8": (SUBS, "test_SRVSUB_002_OK_subscribes_whatever_links_the_body_says"),
    "B9": (NEWS, "test_update_is_told_by_what_it_changed"),
    "B10": (NEWS, "test_subscriber_hears_of_what_fits_all_of_its_criteria"),
    "B11": (HERE, "test_every_address_that_is_answered_leads_to_the_resource"),
    "B12": "the deliverer: tested with the outbox, not with the HTTP contract",
    "B13": (HERE, "test_document_of_a_service_is_answered_as_it_was_sent"),
    "B14": (HERE, "test_document_of_a_service_is_answered_as_it_was_sent"),
    "B15": (
        SUPPORT,
        "test_TRAF_003_OK_replaces_a_rule_that_drops_and_has_a_destination_all_the_same",
    ),
    "B16": (FIRST, "test_etag_is_the_same_for_reading_and_changes_with_the_resource"),
    "B17": (STATES, "test_interval_is_granted_within_the_bounds_of_the_site"),
    "B18": (STATES, "test_suspended_service_is_hidden_from_all_but_its_own_application"),
    "B19": (STATES, "test_heartbeat_between_the_sweep_and_the_suspension_wins"),
    "B20": (
        STATES,
        "test_time_of_the_last_heartbeat_is_that_of_registration_and_then_of_each_heartbeat",
    ),
    "B21": NO_GATEWAY,
    "B22": (PLATFORM, "test_end_removes_everything_of_the_application_and_nothing_of_others"),
    "B23": (CONFIG, "test_configuration_without_rules_is_done_at_once"),
    "B24": (HERE, "test_answer_without_content_has_none"),
    "B25": (HERE, "test_status_of_a_problem_is_that_of_http_and_its_media_type_says_what_it_is"),
    "B26": "there are no callbacks and tasks in memory; what is, has tests of the liveness book",
    "B27": "there is no key in the source; secrets at rest: tests/security/test_secrets.py",
    "B28": (WRONG, "test_member_refuses_every_wrong_value_by_name_and_nothing_is_stored"),
    "B29": (
        PLATFORM,
        "test_capability_is_a_service_with_the_applications_whose_subscriptions_name_it",
    ),
    "B30": (PLATFORM, "test_subscriptions_are_resolved_by_names_ids_and_categories_to_services"),
    "B31": (PLATFORM, "test_calls_that_a_gateway_reports_are_counted_by_name_and_by_id_and_day"),
    "B32": "calls are counted in the site's own database, which answers or fails as a whole",
    "B33": (SUPPORT, "test_DNS_003_OK_replaces_all_of_a_rule_but_its_id"),
    "B34": (FIRST, "test_id_that_nobody_has_is_answered_with_404_whatever_it_looks_like"),
    "B35": (WRONG, "test_value_at_the_edge_of_what_is_right_is_taken"),
    "B36": (BODIES, "test_body_larger_than_64_KiB_is_answered_with_413"),
    "B37": (PLATFORM, "test_end_waits_for_the_graceful_time_at_most"),
    "B38": (CONFIG, "test_configuration_gives_the_application_its_rules"),
    "B39": (
        FIRST,
        "test_id_is_found_with_and_without_hyphens_and_in_capitals_but_not_as_part_of_another",
    ),
    "B40": (MATRIX, "test_two_applications_that_register_the_same_share_nothing"),
    "C1": "replays: tested with the signature of the token endpoint",
    "C2": (HERE, "test_token_is_not_bound_to_the_address_that_asked_for_it"),
    "C3": (KEYS, "test_keys_of_another_form_are_refused_by_name_and_leave_no_application_behind"),
    "C4": (KEYS, "test_secret_comes_back_from_nowhere_and_lies_sealed"),
    "C5": "constant-time comparison: tested with the signature of the token endpoint",
    "C6": "locks: tests/mep/test_token_endpoint.py",
    "C7": (KEYS, "test_tokens_end_with_the_keys_that_they_were_made_with"),
    "C8": "about the agent, which is another program",
    "C9": "about the agent; the platform's own lines: test_log_security",
}


def test_every_known_fault_has_a_row():
    assert set(FAULTS) == {f"B{n}" for n in range(1, 41)} | {f"C{n}" for n in range(1, 10)}


@pytest.mark.parametrize("fault", [key for key, row in FAULTS.items() if isinstance(row, tuple)])
def test_test_that_a_row_names_exists(fault):
    file, name = FAULTS[fault]
    assert re.fullmatch(r"test_\w+", name)
    assert callable(getattr(importlib.import_module(f"tests.mep.{file}"), name))


# --- tests of nothing but a fault ----------------------------------------------------------------
@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/{id}", None), ("GET", "/{id}/liveness", None),
    ("PUT", "/{id}/liveness", {"state": "ACTIVE"}),
    ("PATCH", "/{id}/liveness", {"state": "ACTIVE"}),
])
def test_service_is_neither_read_nor_kept_alive_below_another_application(
    app, other_app, method, path, body
):
    service = app.register(livenessInterval=10)["serInstanceId"]
    url = path.format(id=service)
    before = app.send("GET", f"{app.services}/{service}/liveness").json()
    refused(other_app.send(method, other_app.services + url, body), 404)
    refused(other_app.send(method, app.services + url, body), 403)
    assert app.send("GET", f"{app.services}/{service}/liveness").json() == before


@pytest.mark.parametrize(("method", "body"), [
    ("PUT", service_info(serName="hijacked")), ("DELETE", None),
])
def test_service_is_neither_changed_nor_taken_over_nor_removed_by_another(
    app, other_app, method, body
):
    made = app.register()
    service = made["serInstanceId"]
    refused(other_app.send(method, f"{other_app.services}/{service}", body), 404)
    refused(other_app.send(method, f"{app.services}/{service}", body), 403)
    assert app.send("GET", f"{app.services}/{service}").json() == made
    assert other_app.send("GET", other_app.services).json() == []


@pytest.mark.parametrize("endpoint", [
    {"uris": ["http://a.example/x?y=1", "http://b.example"]}, {"fqdn": ["a.example"]},
    {"addresses": [{"host": "192.0.2.1", "port": 8080}, {"host": "b.example", "port": 1}]},
    {"alternative": {"any": {"thing": [1, None, "x"]}}},
])
def test_document_of_a_service_is_answered_as_it_was_sent(app, endpoint):
    grants = ["OAUTH2_CLIENT_CREDENTIALS", "OAUTH2_IMPLICIT_GRANT", "OAUTH2_CLIENT_CREDENTIALS"]
    info = service_info(serCategory={"href": "/c", "id": "i", "name": "n", "version": "1"})
    info["transportInfo"] |= {
        "endpoint": endpoint, "description": "d", "implSpecificInfo": {"a": 1},
        "security": {"oAuth2Info": {"grantTypes": grants, "tokenEndpoint": "https://t.example"}},
    }
    made = app.register(**info)
    assert {name: made[name] for name in info} == info
    assert app.send("GET", made["_links"]["self"]["href"]).json() == made


def test_every_address_that_is_answered_leads_to_the_resource(app):
    answers = [
        app.send("POST", app.services, service_info(livenessInterval=10)),
        app.send("POST", app.subscriptions, {
            "subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9/x"}),
        app.send("POST", f"{app.support}/subscriptions", {
            "subscriptionType": "AppTerminationNotificationSubscription",
            "callbackReference": "http://127.0.0.1:9/x", "appInstanceId": app.id}),
        app.send("POST", "/mep/mec_app_support/v1/registrations", {
            "appName": "a", "endpoint": {"uris": ["x"]}}),
    ]
    for answer in answers:
        assert answer.status_code == 201
        assert app.send("GET", answer.headers["Location"]).json() == answer.json()
    links = answers[0].json()["_links"]
    for href in (links["self"]["href"], links["liveness"]["href"], links["self"]["liveness"]):
        assert app.send("GET", href).status_code == 200
    for url in (app.subscriptions, f"{app.support}/subscriptions"):
        listed = app.send("GET", url).json()["_links"]
        for link in (listed["self"], *listed["subscriptions"]):
            assert app.send("GET", link["href"]).status_code == 200


def test_answer_without_content_has_none(app):
    made = app.register(livenessInterval=10)["_links"]
    subscription = app.subscribe()["_links"]["self"]["href"]
    for answer in (
        app.send("PUT", made["self"]["liveness"], {"state": "ACTIVE"}),
        app.send("PATCH", made["liveness"]["href"], {"state": "ACTIVE"}),
        app.send("DELETE", made["self"]["href"]),
        app.send("DELETE", subscription),
        app.send("POST", f"{app.support}/confirm_ready", {"indication": "READY"}),
    ):
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(("method", "path", "body", "status"), [
    ("GET", "{services}/word", None, 404), ("POST", "{services}", {}, 400),
    ("POST", "{services}", b"{", 400), ("GET", "{services}?x=1", None, 400),
    ("DELETE", "{services}", None, 405),
    ("POST", "{support}/confirm_termination", {"operationAction": "STOPPING"}, 409),
])
def test_status_of_a_problem_is_that_of_http_and_its_media_type_says_what_it_is(
    app, method, path, body, status
):
    url = path.format(services=app.services, support=app.support)
    told = refused(app.send(method, url, body), status)
    assert told["instance"] == url.split("?")[0]
    assert all(told[name] for name in ("type", "title", "detail", "message", "details"))


def test_token_is_not_bound_to_the_address_that_asked_for_it(app):
    with settled():
        answers = [
            app.api.generic("GET", app.services, headers={"authorization": f"Bearer {app.token}"},
                            REMOTE_ADDR=address)
            for address in ("127.0.0.1", "192.0.2.44")
        ]
    assert [answer.status_code for answer in answers] == [200, 200]


def test_application_that_names_itself_in_a_header_is_not_believed_without_a_trusted_gateway(
    app, edge_house
):
    api = App("stranger").api
    api.token = ""
    header = {"X-AppinstanceID": app.id}
    refused(api.send("GET", app.services, headers=header), 401)
    edge_house.MEP = {**edge_house.MEP, "gateways": "10.0.0.0/8"}
    refused(api.send("GET", app.services, headers=header), 401)
    edge_house.MEP = {**edge_house.MEP, "gateways": "10.0.0.0/8, 127.0.0.0/8"}
    assert api.send("GET", app.services, headers=header).status_code == 200
    refused(api.send("GET", app.services, headers={"X-AppinstanceID": "word"}), 401)
