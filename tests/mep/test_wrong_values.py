"""Every member of every document with values that it cannot have: 400, and the member's name."""

from __future__ import annotations

import copy
import json

import pytest

from tests.mep.conftest import service_info
from tests.mep.suite import DNS_BODY, THING, TRAFFIC_BODY, hold_rules, refused

SERVICES = "SerAvailabilityNotificationSubscription"
TERMINATION = "AppTerminationNotificationSubscription"
CATEGORY = {"href": "/c/l", "id": "loc", "name": "Location", "version": "1"}
ABSENT = "(absent)"
NO_TEXT = [1, True, [], {}, None]
CONTROL = ["a\0b", "a\nb", "a\rb", "a\x1b[31mb", "a\x7fb", "a\n"]
NO_OBJECT = [1, "x", True, []]
NO_LIST = [1, "x", True, {}]


def text(most, *, least=1, needed=True):
    """Wrong values of a text."""
    short = [""] if least else []
    return [*NO_TEXT, *CONTROL, "x" * (most + 1), *short, *([ABSENT] if needed else [])]


def word(*also, needed=True):
    """Wrong values of a closed list."""
    return [*NO_TEXT, "", "UNKNOWN_VALUE", "active", *also, *([ABSENT] if needed else [])]


def number(most, *, needed=True):
    """Wrong values of a whole number that starts at 0."""
    return [-1, most + 1, 10**30, "1", 1.5, True, [], {}, None, *([ABSENT] if needed else [])]


TRANSPORT = {
    "id": text(128), "name": text(128), "type": word(), "protocol": text(128), "version": text(64),
    "description": text(1024, least=0, needed=False),
    "endpoint": [*NO_OBJECT, {}, {"uris": ["a"], "addresses": []}, {"uris": ["a"], "fqdn": ["b"]},
                 {"alternative": {}, "fqdn": []}, ABSENT],
    "endpoint.uris": [*NO_LIST, [1], [""], ["a\nb"], ["x" * 2049], ["x"] * 65],
    "security": [*NO_OBJECT, None, ABSENT],
    "security.oAuth2Info": [*NO_OBJECT, None, {}],
    "security.oAuth2Info.grantTypes": [*NO_LIST, [], ["X"], ["OAUTH2_IMPLICIT_GRANT"] * 5, ABSENT],
    "security.oAuth2Info.tokenEndpoint": text(2048, needed=False),
    "implSpecificInfo": [*NO_OBJECT, None],
}
CATEGORY_VALUES = {
    "href": text(2048), "id": text(128), "name": text(128), "version": text(64),
}
SERVICE = {
    "serName": text(128), "version": text(64), "state": word("SUSPENDED"), "serializer": word(),
    "serCategory": [*NO_OBJECT, {}],
    "transportInfo": [*NO_OBJECT, None, {}, ABSENT],
    "transportId": text(128, needed=False),
    "scopeOfLocality": word(needed=False),
    "consumedLocalOnly": ["true", 1, None, [], {}],
    "livenessInterval": number(2**31 - 2, needed=False),
    **{f"serCategory.{name}": values for name, values in CATEGORY_VALUES.items()},
    **{f"transportInfo.{name}": values for name, values in TRANSPORT.items()},
}
SUBSCRIPTION = {
    "subscriptionType": word(TERMINATION), "callbackReference": text(2048),
    "filteringCriteria": [*NO_OBJECT],
    "filteringCriteria.serNames": [*NO_LIST, None, [1], [""], ["a\0"], ["x" * 129], ["x"] * 201],
    "filteringCriteria.states": [*NO_LIST, None, ["X"], [None], ["ACTIVE"] * 4],
    "filteringCriteria.isLocal": ["true", 1, None, []],
    "filteringCriteria.serInstanceIds": [["excludes serNames"]],
    "filteringCriteria.serCategories": [[CATEGORY], [{}], [1]],
}
TERMINATION_SUBSCRIPTION = {
    "subscriptionType": word(SERVICES), "callbackReference": text(2048), "appInstanceId": text(128),
}
DNS = {
    "domainName": [*text(255), "two words", "-a.example", "a..example", "a_" * 40 + ".example",
                   ".", "exa/mple", "x" * 64 + ".example", "*.*.example"],
    "ipAddressType": word(), "state": word("SUSPENDED"),
    "ipAddress": [*text(45), "1.2.3", "1.2.3.4.5", "::1", "999.1.1.1", "example.com", "1.2.3.4/8"],
    "ttl": number(2**32 - 1, needed=False),
    "dnsRuleId": text(63, needed=False),
}
_WORDS = [*NO_LIST, None, [1], ["a\nb"], ["x" * 129], ["x"] * 17]
TRAFFIC = {
    "filterType": word(), "priority": number(255), "action": word(), "state": word("SUSPENDED"),
    "trafficFilter": [*NO_LIST, None, [], [1], [{}] * 17, ABSENT],
    "trafficRuleId": text(63, needed=False),
    "dstInterface": [1, "x", True, None, {}, [{}], [{"interfaceType": "IP"}] * 3],
    "dstInterface.interfaceType": word(),
    "dstInterface.tunnelInfo": [*NO_OBJECT, None, {}],
    "dstInterface.tunnelInfo.tunnelType": word(),
    "dstInterface.srcMacAddress": text(128, needed=False),
    "dstInterface.dstMacAddress": text(128, needed=False),
    "dstInterface.dstIpAddress": text(128, needed=False),
    "trafficFilter.0.qCI": number(255, needed=False),
    "trafficFilter.0.dSCP": number(63, needed=False),
    "trafficFilter.0.tC": number(255, needed=False),
    "trafficFilter.0.dstTunnelAddress": [*_WORDS, ["excludes tgtTunnelAddress"]],
    **{f"trafficFilter.0.{name}": _WORDS for name in (
        "srcAddress", "dstAddress", "srcPort", "dstPort", "protocol", "token", "tag",
        "srcTunnelAddress", "tgtTunnelAddress", "srcTunnelPort",
        "dstTunnelPort")},
}
INFO = {
    "appName": text(128), "appProvider": text(1024, least=0, needed=False),
    "appCategory": [*NO_OBJECT, None, {}], "appDId": text(128, needed=False),
    "appInstanceId": text(128, needed=False), "endpoint": [*NO_OBJECT, None, {}, ABSENT],
    "isInsByMec": ["true", 1, None, [], True], "appProfile": [*NO_OBJECT, None],
    "appServiceRequired": [*NO_LIST, None, [{}], [{"serName": "a"}]],
    "appServiceOptional": [*NO_LIST, None, [{"version": "1"}]],
    "appFeatureRequired": [*NO_LIST, None, [{}], [{"featureName": "a"}]],
    "appFeatureOptional": [*NO_LIST, None, [{"version": "1"}]],
    "appServiceRequired.0.serTransportDependencies": [
        *NO_LIST, None, [{}], [{"transport": {}, "serializers": [], "labels": []}]],
}
_RULE = "{support}/%s_rules/" + THING
# Name: method, where, a body that is right, and the wrong values of its members.
DOCUMENTS = {
    "ServiceInfo": ("POST", "{services}", service_info(
        serCategory=CATEGORY, scopeOfLocality="ZONE", livenessInterval=10), SERVICE),
    "ServiceInfo again": (
        "PUT", "{services}/{service}", service_info(serCategory=CATEGORY), SERVICE),
    "ServiceLivenessUpdate": ("PATCH", "{services}/{service}/liveness", {"state": "ACTIVE"},
                              {"state": word("INACTIVE", "SUSPENDED")}),
    SERVICES: ("POST", "{subscriptions}", {
        "subscriptionType": SERVICES, "callbackReference": "http://127.0.0.1:9/x",
        "filteringCriteria": {"serNames": ["a"]}}, SUBSCRIPTION),
    TERMINATION: ("POST", "{support}/subscriptions", {
        "subscriptionType": TERMINATION, "callbackReference": "http://127.0.0.1:9/x",
        "appInstanceId": "x"}, TERMINATION_SUBSCRIPTION),
    "AppTerminationConfirmation": ("POST", "{support}/confirm_termination", {
        "operationAction": "TERMINATING"}, {"operationAction": word("STOPPPING")}),
    "AppReadyConfirmation": ("POST", "{support}/confirm_ready", {"indication": "READY"},
                             {"indication": word("ready")}),
    "DnsRule": ("PUT", _RULE % "dns", DNS_BODY, DNS),
    "TrafficRule": ("PUT", _RULE % "traffic", TRAFFIC_BODY, TRAFFIC),
    "AppInfo": ("POST", "/mep/mec_app_support/v1/registrations", {
        "appName": "app", "endpoint": {"uris": ["a"]},
        "appServiceRequired": [{"serName": "a", "version": "1"}]}, INFO),
}
# What is wrong about one value says another member's name.
ELSEWHERE = {"isInsByMec", "filteringCriteria.serInstanceIds", "filteringCriteria.serCategories"}


def put(body, path, value):
    """Write, or leave out, what is at ``path`` of ``body``."""
    *way, last = path.split(".")
    for name in way:
        body = body[int(name)] if isinstance(body, list) else body.setdefault(name, {})
    if value == ABSENT:
        del body[last]
    else:
        body[last] = value


@pytest.fixture
def send(app):
    """Sends a document of the table."""
    hold_rules(app)
    service = app.register(livenessInterval=10)["serInstanceId"]

    def ask(name, body):
        method, path, *_ = DOCUMENTS[name]
        url = path.format(services=app.services, service=service, support=app.support,
                          subscriptions=app.subscriptions)
        return app.send(method, url, body)

    ask.app = app
    return ask


CASES = [(name, path) for name, (*_, values) in DOCUMENTS.items() for path in values]


@pytest.mark.parametrize(("name", "path"), CASES, ids=lambda part: part)
def test_member_refuses_every_wrong_value_by_name_and_nothing_is_stored(send, name, path):
    before = stored(send.app)
    for value in DOCUMENTS[name][3][path]:
        body = copy.deepcopy(DOCUMENTS[name][2])
        put(body, path, value)
        told = refused(send(name, body), 400)
        if "\\u0000" in json.dumps(value):  # no text may have it: the body is not taken apart
            assert told["type"].endswith("malformed")
            continue
        errors = told["errors"]
        first = path.split(".")[0]
        if path not in ELSEWHERE and list(errors) != ["body"]:
            assert all(said.startswith(first) for said in errors), (path, value, errors)
    assert stored(send.app) == before


def stored(app):
    """Everything that the application can read of itself."""
    urls = (app.services, app.subscriptions, f"{app.support}/subscriptions",
            f"{app.support}/dns_rules", f"{app.support}/traffic_rules")
    return [app.send("GET", url).json() for url in urls]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_that_the_wrong_ones_are_made_of_is_right(send, name):
    expected = {"AppTerminationConfirmation": 409}.get(name)
    status = send(name, DOCUMENTS[name][2]).status_code
    assert status == expected or (expected is None and 200 <= status < 300)


RIGHT = [
    ("ServiceInfo", "serName", "x" * 128), ("ServiceInfo", "serName", "定位 — сервис"),
    ("ServiceInfo", "serName", "\u2028"), ("ServiceInfo", "version", "v"),
    ("ServiceInfo", "isLocal", "anything"), ("ServiceInfo", "serCategory", None),
    ("ServiceInfo", "transportInfo.endpoint", {"uris": []}),
    ("ServiceInfo", "transportInfo.endpoint", {"alternative": {"any": [1, {"thing": None}]}}),
    ("ServiceInfo", "transportInfo.endpoint", {"fqdn": ["a.example"]}),
    ("ServiceInfo", "transportInfo.endpoint", {"addresses": [{"host": "::1", "port": 0}]}),
    ("ServiceInfo", "transportInfo.security", {}),
    ("ServiceInfo", "livenessInterval", 0), ("ServiceInfo", "livenessInterval", 2**31 - 2),
    ("DnsRule", "domainName", "WWW.Example.COM."), ("DnsRule", "domainName", "*.example"),
    ("DnsRule", "domainName", "_sip._tcp.example"), ("DnsRule", "domainName", "localhost"),
    ("DnsRule", "ttl", 0), ("DnsRule", "ttl", 2**32 - 1), ("DnsRule", "ipAddressType", "IPv4"),
    ("TrafficRule", "priority", 0), ("TrafficRule", "priority", 255),
    ("TrafficRule", "action", "FORWARD_ENCAPSULATED"), ("TrafficRule", "action", "DUPLICATE_AS_IS"),
    ("TrafficRule", "trafficFilter", [{}]), ("TrafficRule", "trafficFilter.0.protocol", ["?"]),
    ("TrafficRule", "dstInterface", ABSENT), ("TrafficRule", "dstInterface", []),
    ("TrafficRule", "dstInterface", [{"interfaceType": "IP"}, {"interfaceType": "MAC"}]),
    (SERVICES, "filteringCriteria", None), (SERVICES, "filteringCriteria", {}),
    (SERVICES, "filteringCriteria.states", ["SUSPENDED"]),
]


@pytest.mark.parametrize(("name", "path", "value"), RIGHT)
def test_value_at_the_edge_of_what_is_right_is_taken(send, name, path, value):
    body = copy.deepcopy(DOCUMENTS[name][2])
    put(body, path, value)
    answer = send(name, body)
    assert answer.status_code in (200, 201), answer.content


def test_transport_that_the_platform_does_not_offer_is_refused_by_name(app):
    info = service_info(transportInfo=None, transportId="unknown")
    assert list(refused(app.send("POST", app.services, info), 400)["errors"]) == ["transportId"]


def test_transport_that_the_platform_offers_is_answered_in_full(app):
    (offered,) = app.send("GET", "/mep/mec_service_mgmt/v1/transports").json()
    made = app.register(transportInfo=None, transportId=offered["id"])
    assert made["transportInfo"] == offered


def test_service_without_any_transport_is_refused(app):
    refused(app.send("POST", app.services, service_info(transportInfo=None)), 400)
