"""What a request body may be: bare or wrapped JSON of a size and depth that somebody needs."""

from __future__ import annotations

import json
import time

import pytest

from apps.mep.models import MecService
from tests.mep.conftest import service_info
from tests.mep.suite import DNS_BODY, THING, TRAFFIC_BODY, hold_rules, refused

SERVICES = "SerAvailabilityNotificationSubscription"
TERMINATION = "AppTerminationNotificationSubscription"
CALLBACK = "http://127.0.0.1:9/x"


@pytest.fixture
def known(app):
    """An application with one of everything."""
    hold_rules(app)
    app.service = app.register(livenessInterval=10)
    answer = app.send("POST", "/mep/mec_app_support/v1/registrations", INFO)
    assert answer.status_code == 201
    return app


INFO = {"appName": "app", "endpoint": {"uris": ["http://app.example"]}}
# Wrapper name, method, where, body, answer.
DOCUMENTS = [
    ("ServiceInfo", "POST", "{services}", service_info(), 201),
    ("ServiceInfo", "PUT", "{service}", service_info(version="2"), 200),
    ("ServiceLivenessUpdate", "PATCH", "{service}/liveness", {"state": "ACTIVE"}, 200),
    ("ServiceLivenessUpdate", "PUT", "{service}/liveness", {"state": "ACTIVE"}, 204),
    (SERVICES, "POST", "{subscriptions}",
     {"subscriptionType": SERVICES, "callbackReference": CALLBACK}, 201),
    (TERMINATION, "POST", "{support}/subscriptions",
     {"subscriptionType": TERMINATION, "callbackReference": CALLBACK, "appInstanceId": "x"}, 201),
    ("AppTerminationConfirmation", "POST", "{support}/confirm_termination",
     {"operationAction": "TERMINATING"}, 409),
    ("AppReadyConfirmation", "POST", "{support}/confirm_ready", {"indication": "READY"}, 204),
    ("DnsRule", "PUT", "{support}/dns_rules/" + THING, DNS_BODY, 200),
    ("TrafficRule", "PUT", "{support}/traffic_rules/" + THING, TRAFFIC_BODY, 200),
    ("AppInfo", "POST", "/mep/mec_app_support/v1/registrations", INFO, 201),
    ("AppInfo", "PUT", "/mep/mec_app_support/v1/registrations/{id}", INFO, 204),
]
NAMES = [f"{method} {name}" for name, method, *_ in DOCUMENTS]


def url_of(app, path):
    return path.format(
        services=app.services, service=app.service["_links"]["self"]["href"], id=app.id,
        subscriptions=app.subscriptions, support=app.support,
    )


@pytest.mark.parametrize("form", ["bare", "wrapped", "with members that nobody knows"])
@pytest.mark.parametrize(("name", "method", "path", "body", "status"), DOCUMENTS, ids=NAMES)
def test_document_is_taken_bare_wrapped_and_with_unknown_members(
    known, name, method, path, body, status, form
):
    sent = {"bare": body, "wrapped": {name: body}}.get(form, {**body, "newInV9": {"a": [1]}})
    answer = known.send(method, url_of(known, path), sent)
    assert answer.status_code == status, answer.content
    assert name.encode() not in answer.content or name in (SERVICES, TERMINATION)


@pytest.mark.parametrize(("name", "method", "path", "body", "status"), DOCUMENTS, ids=NAMES)
def test_wrapper_of_another_name_is_not_looked_into(known, name, method, path, body, status):
    answer = known.send(method, url_of(known, path), {"Wrapper": body})
    assert refused(answer, 400)["errors"]


@pytest.mark.parametrize(("name", "method", "path", "body", "status"), DOCUMENTS, ids=NAMES)
@pytest.mark.parametrize("content", [
    b"", b" ", b"{", b"[]", b"null", b"1", b'"text"', b"{}}", b"\xff\xfe", b'{"a": NaN}',
    b"{'state': 'ACTIVE'}", b"\xef\xbb\xbf{}", b'{"state": "\\ud800"}', b"[" * 60_000,
    b'{"a":' * 10_000, b'{"ServiceInfo":' * 4_000,
])
def test_what_is_no_json_object_is_answered_with_400_and_no_trace(
    known, name, method, path, body, status, content
):
    answer = known.send(method, url_of(known, path), content)
    told = refused(answer, 400)
    assert "Traceback" not in answer.content.decode()
    assert told["detail"]


@pytest.mark.parametrize(("name", "method", "path", "body", "status"), DOCUMENTS, ids=NAMES)
def test_body_larger_than_64_KiB_is_answered_with_413(known, name, method, path, body, status):
    padded = json.dumps({**body, "padding": "x" * 64 * 1024}).encode()
    refused(known.send(method, url_of(known, path), padded), 413)
    fits = json.dumps({**body, "padding": "x" * 62_000}).encode()
    assert known.send(method, url_of(known, path), fits).status_code == status


def test_body_larger_than_anything_is_answered_with_413(known):
    refused(known.send("POST", known.services, b" " * (3 * 1024 * 1024)), 413)


MEDIA_TYPES = [
    ("application/json", 201), ("application/json; charset=utf-8", 201), ("*/*", 201), ("", 201),
    ("APPLICATION/JSON", 201), ("application/problem+json", 201),
    ("text/plain", 415), ("application/xml", 415), ("application/x-www-form-urlencoded", 415),
    ("multipart/form-data; boundary=x", 415), ("application/jsonx", 415), ("image/*/*", 415),
]


@pytest.mark.parametrize(("media_type", "status"), MEDIA_TYPES)
def test_media_type_may_be_json_any_or_absent(known, media_type, status):
    answer = known.send(
        "POST", known.services, service_info(), headers={"Content-Type": media_type}
    )
    assert answer.status_code == status, answer.content
    if status == 415:
        refused(answer, 415)


@pytest.mark.parametrize("media_type", ["*/*", "application/json", "text/plain", "nonsense"])
def test_media_type_of_a_request_without_a_body_is_not_looked_at(known, media_type):
    url = known.service["_links"]["self"]["href"]
    given = {"Content-Type": media_type}
    assert known.send("GET", url, headers=given).status_code == 200
    assert known.send("DELETE", url, headers=given).status_code == 204


def deep(levels):
    """An object of so many levels."""
    return json.loads('{"a":' * levels + "1" + "}" * levels)


PLACES = {
    "implSpecificInfo": lambda info, value: info["transportInfo"].update(implSpecificInfo=value),
    "alternative": lambda info, value: info["transportInfo"].update(
        endpoint={"alternative": value}),
    "a member that nobody knows": lambda info, value: info.update(unknown=value),
}


@pytest.mark.parametrize("place", PLACES)
def test_document_nested_deeper_than_any_needs_is_refused_and_harms_nobody(
    known, other_app, place
):
    info = json.loads(json.dumps(service_info()))
    PLACES[place](info, deep(10))
    assert known.send("POST", known.services, info).status_code == 201
    for levels in (100, 500, 800, 900, 940):
        PLACES[place](info, deep(levels))
        refused(known.send("POST", known.services, info), 400)
        answer = other_app.send("GET", "/mep/mec_service_mgmt/v1/services")
        assert (answer.status_code, len(answer.json())) == (200, 2)


def test_brackets_within_text_are_no_nesting(known):
    info = service_info(serName="[" * 100, version="{" * 60)
    assert known.send("POST", known.services, info).status_code == 201


def test_large_body_is_judged_quickly(known):
    """64 KiB of brackets, quotes and backslashes must not take a second of anybody's time."""
    for hostile in (b'{"a":"' + b"\\\\" * 30_000 + b'"}', b'{"a":"' + b'\\"[' * 20_000 + b'"}',
                    b'{"a":[' + b"[]," * 20_000 + b"1]}", b'"' * 65_000):
        began = time.perf_counter()
        known.send("POST", known.services, hostile)
        assert time.perf_counter() - began < 1


def test_number_that_no_one_can_count_to_is_kept_or_refused_but_breaks_nothing(known):
    raw = json.dumps(service_info()).replace(
        '"version": "2.0"', '"version": "2.0", "implSpecificInfo": {"n": 1' + "0" * 400 + "}"
    )
    answer = known.send("POST", known.services, raw)
    assert answer.status_code in (201, 400)
    assert known.send("GET", known.services).status_code == 200
    assert len(known.send("GET", known.services).json()) == MecService.objects.count()


@pytest.mark.parametrize(("interval", "status"), [(10.0, 201), (10.5, 400), (1e300, 400)])
def test_a_number_without_a_fraction_is_whole_however_it_is_written(app, interval, status):
    body = json.dumps(service_info(livenessInterval=interval))
    answer = app.send("POST", app.services, body)
    assert answer.status_code == status
    if status == 201:
        assert answer.json()["livenessInterval"] == 10
    else:
        assert "livenessInterval" in answer.json()["errors"]
