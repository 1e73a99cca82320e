"""ETSI's Robot suite as a client: its fixed ids, its headers and bodies of the shape it sends."""

from __future__ import annotations

import json
import uuid

from django.test import Client, TestCase

from apps.mep.models import MecService, Rule, Subscription, SubscriptionKey
from tests.mep.schemas import conforms

APP = "5abe4782-2c70-4e47-9a4e-0ee3a1a0fd1f"
THING = "e0deee2b-6e50-4f33-ab09-8bf0585025d3"  # a service, subscription, DNS or traffic rule
CREDENTIAL = "Basic YWxhZGRpbjpvcGVuc2VzYW1l"
NO_APP, NO_SERVICE = "NON_ESISTENT_APP_INSTANCE_ID", "NON_EXISTENT_SERVICE_ID"
NO_SUBSCRIPTION = "NON_EXISTENT_SUBSCRIPTION_ID"
NO_RULE = "NON_EXISTENT_RULE_ID"
CALLBACK = "http://127.0.0.1/subscribe"
MANAGEMENT, SUPPORT = "/mec_service_mgmt/v1", "/mec_app_support/v1"
OF_APP, OF_NO_APP = f"applications/{APP}", f"applications/{NO_APP}"


class Suite:
    """The client of the suite; ``api`` is where its requests go to."""

    def __init__(self, api):
        self.api = api
        self.client = Client(raise_request_exception=False)

    def ask(self, method, path, body=None, *, content_type="application/json", **headers):
        """Send what the suite sends: ``*/*`` as content type of everything without a body."""
        given = {
            "Accept": "application/json",
            "Authorization": CREDENTIAL,
            "Content-Type": "*/*" if body is None else content_type,
            **headers,
        }
        content = b"" if body is None else json.dumps(body).encode()
        with settled():
            return self.client.generic(method, f"{self.api}/{path}", content, headers=given)


def settled():
    """Do what waits for the commit, as outside of a test's transaction."""
    return TestCase.captureOnCommitCallbacks(execute=True)


def check(answer, status, schema):
    """The document of an answer that has this status, says it is JSON and is of this schema."""
    assert answer.status_code == status, answer.content
    assert "application/json" in answer.headers["Content-Type"]
    document = answer.json()
    assert conforms(document, schema) == []
    return document


def refused(answer, status):
    """The problem document of an answer with this status."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    return document


# --- what the server holds before the suite runs -------------------------------------------------
def hold_service(app, **changes):
    """A service under the suite's fixed id."""
    made = app.register(**changes)
    row = MecService.objects.get(pk=made["serInstanceId"])
    kept = {name: getattr(row, name) for name in (
        "application", "ser_name", "ser_version", "state", "serializer", "category",
        "category_key", "transport", "scope_of_locality", "consumed_local_only",
        "liveness_interval")}
    app.send("DELETE", made["_links"]["self"]["href"])
    MecService(pk=uuid.UUID(THING), **kept).save(force_insert=True)


def hold_subscription(app, kind):
    """A subscription of one kind under the suite's fixed id."""
    row = Subscription.objects.create(
        id=uuid.UUID(THING), application=app.row, kind=kind, callback=CALLBACK, said_app_id=app.id
    )
    SubscriptionKey.objects.create(subscription=row, key="*")


def hold_rules(app):
    """A DNS and a traffic rule under the suite's fixed id."""
    dns = {"domainName": "old.example.com", "ipAddressType": "IP_V4", "ipAddress": "192.0.2.7",
           "ttl": 60, "state": "INACTIVE"}
    traffic = {"filterType": "FLOW", "priority": 7, "trafficFilter": [{"srcPort": ["80"]}],
               "action": "PASSTHROUGH", "state": "INACTIVE",
               "dstInterface": {"interfaceType": "IP", "dstIpAddress": "192.0.2.8"}}
    Rule.objects.create(application=app.row, kind=Rule.Kind.DNS, rule_id=THING, body=dns,
                        domain="old.example.com")
    Rule.objects.create(application=app.row, kind=Rule.Kind.TRAFFIC, rule_id=THING, body=traffic)


# --- bodies --------------------------------------------------------------------------------------
def service_body(**changes):
    """A ServiceInfo with everything odd that the suite's has; None leaves a member out."""
    body = {
        "serInstanceId": "ServiceInstance123",
        "serName": "ExampleService",
        "serCategory": {"href": "/example/catalogue1", "id": "id12345", "name": "RNI",
                        "version": "version1"},
        "version": "ServiceVersion1",
        "state": "INACTIVE",
        "transportInfo": {
            "id": "TransId12345",
            "name": "REST",
            "description": "REST API",
            "type": "MB_ROUTING",
            "protocol": "free text for a protocol",
            "version": "2.0",
            "endpoint": {"addresses": [{"host": "a host with blanks", "port": 8080}]},
            "security": {"oAuth2Info": {
                "grantTypes": ["OAUTH2_IMPLICIT_GRANT", "OAUTH2_CLIENT_CREDENTIALS",
                               "OAUTH2_IMPLICIT_GRANT"],
                "tokenEndpoint": "not quite/a URI (of a token endpoint)",
            }},
            "implSpecificInfo": {},
        },
        "serializer": "XML",
        "scopeOfLocality": "ZONE",
        "consumedLocalOnly": False,
        "isLocal": True,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


DNS_BODY = {
    "dnsRuleId": "DnsRule1", "domainName": "www.example.com", "ipAddressType": "IP_V4",
    "ipAddress": "146.241.7.3", "ttl": 300, "state": "ACTIVE",
}
_TRAFFIC_FILTER = {
    "srcAddress": ["192.0.2.1"], "dstAddress": ["192.0.2.2"], "srcPort": ["30078"],
    "dstPort": ["30099"], "protocol": ["TCP", "HTTP"], "token": ["some words of text"],
    "srcTunnelAddress": ["198.51.100.1"], "tgtTunnelAddress": ["198.51.100.2"],
    "srcTunnelPort": ["5566"], "dstTunnelPort": ["5576"], "qCI": 1, "dSCP": 0, "tC": 1,
}
TRAFFIC_BODY = {
    "trafficRuleId": "traffic_rule_01",
    "filterType": "FLOW",
    "priority": 1,
    "trafficFilter": [_TRAFFIC_FILTER, {**_TRAFFIC_FILTER, "qCI": 2, "token": ["token"]}],
    "action": "DROP",
    "dstInterface": {
        "interfaceType": "TUNNEL",
        "tunnelInfo": {"tunnelType": "GTP_U", "tunnelDstAddress": "198.51.100.15",
                       "tunnelSrcAddress": "198.51.100.31"},
        "srcMacAddress": "02-00-00-00-00-01",
        "dstMacAddress": "02:00:00:00:00:02",
    },
    "state": "ACTIVE",
}
TRAFFIC_BODY_BAD = TRAFFIC_BODY | {
    "action": "UNKNOWN_VALUE",
    "trafficFilter": [
        _TRAFFIC_FILTER | {"srcAddress": ["words that are no address"], "qCI": -5, "tC": -1}
    ],
}
