"""A platform for requests that are made from its description: everything they can name exists.

OpenAPI cannot say that two values are unlike, that a name is free or that a host may be called.
``World.fill`` puts such values into requests that are meant to be right, and the ids of what exists
into most paths; requests that are meant to be wrong keep what is wrong with them.
"""

from __future__ import annotations

import itertools
import re
import uuid
from datetime import timedelta

import msgspec
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from apps.common import clock
from apps.mep import applications, grants, register, rules, signature, subscriptions
from apps.mep.access import find_application
from apps.mep.models import Application, MecService, Rule, Subscription
from apps.mep.types import ServiceInfo
from apps.tenants import tokens
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.mep.conftest import service_info
from tests.mep.suite import DNS_BODY, TRAFFIC_BODY

MANAGED = re.compile(r"/mepcfg/|/mep/(appMng|service_govern)/|/mep/.*/AppInstanceTermination$")
STAMP = "5ca1ab1e5ca1ab1e"
AT_MOST = 20
_HOST = re.compile(r"^(https?://)(?:\[[^\]]*\]|[^:/?]*)", re.IGNORECASE)
_EXCLUSIVE = ("ser_instance_id", "ser_name", "ser_category_id")


class World:
    """One application with one of everything, made again when a request removed it."""

    def __init__(self):
        self.id = uuid.UUID(int=11, version=4)
        self.numbers = itertools.count(1)
        self.boss = tokens.access_token(make.admin())
        self.own = tokens.application_token(
            self.id, stamp=STAMP, lifetime=timedelta(hours=1), extra={}
        )
        self.task = ""

    def prove(self, case):
        """The Authorization of a request; where links are followed, registrations are of any."""
        if case.path == "/mep/token":
            return self._signature(case)
        managed = MANAGED.match(case.path) or (is_chain(case) and "registrations" in case.path)
        return f"Bearer {self.boss if managed else self.own}"

    def _signature(self, case):
        if is_right(case, ParameterLocation.HEADER):
            case.headers["X-Sdk-Date"] = f"{clock.now():%Y%m%dT%H%M%SZ}"
        names = ("host", "x-sdk-date")
        given = {name.lower(): str(value) for name, value in case.headers.items()}
        message = signature.Message(
            "POST", case.path, [(name, given.get(name, "?")) for name in names]
        )
        request = signature.canonical_request(message, names)
        made = signature.signature("B" * 64, given.get("x-sdk-date", ""), request)
        return (
            f"{signature.ALGORITHM} Access={'A' * 20}, SignedHeaders=host;x-sdk-date,"
            f" Signature={made}"
        )

    def restore(self):
        """Make again what is missing, and keep what grows in bounds."""
        row = applications.ensure(actor=SYSTEM, application_id=self.id, name="described")
        if row.stamp != STAMP or not row.registered or row.pending_action or row.appd is None:
            Application.objects.filter(pk=row.pk).update(
                stamp=STAMP, registered=True, pending_action="",
                info={"appName": "described", "isInsByMec": False, "endpoint": {"uris": []}},
            )
            row.refresh_from_db()
            grants.revoke(row.pk)
        if not hasattr(row, "credential"):
            applications.configure(
                actor=SYSTEM, application=row, access_key="A" * 20, secret_key="B" * 64,
                required_services=[],
            )
            Application.objects.filter(pk=row.pk).update(stamp=STAMP)
            grants.revoke(row.pk)
        if row.appd is None or row.rules.values("kind").distinct().count() < 2:
            self.task = str(self._rules(row).pk)
        for old in row.services.order_by("-created_at")[AT_MOST:]:
            register.remove(actor=SYSTEM, application=row, service=old)
        for kind in Subscription.Kind.values:
            found = row.subscriptions.filter(kind=kind)
            for old in found.order_by("-created_at")[AT_MOST:]:
                subscriptions.unsubscribe(actor=SYSTEM, application=row, subscription=old)
            if not found.exists():
                subscriptions.subscribe(
                    actor=SYSTEM, application=row, kind=kind, criteria={},
                    callback="http://127.0.0.1:9/x",
                )
        if not row.services.filter(liveness_interval__isnull=False).exists():
            info = msgspec.convert(service_info(livenessInterval=60), ServiceInfo)
            register.register(actor=SYSTEM, application=row, info=info)
        for other in Application.objects.exclude(pk=row.pk).order_by("-created_at")[AT_MOST:]:
            applications.remove(actor=SYSTEM, application_id=other.pk)

    def _rules(self, row):
        return rules.replace_all(
            actor=SYSTEM,
            application=row,
            dns={"d": rules.plain(DNS_BODY) | {"domainName": "here.example"}},
            traffic={"t": rules.plain(TRAFFIC_BODY)},
            appd={"appName": "described", "appSupportMp1": True},
        )

    def ids(self, path):
        """What the parameters of this path name here."""
        service = MecService.objects.filter(
            application_id=self.id, liveness_interval__isnull=False
        ).first()
        kind = "AppTermination" if "app_support" in path else "SerAvailability"
        held = Subscription.objects.filter(application_id=self.id, kind__startswith=kind).first()
        rule = Rule.Kind.DNS if "dns" in path else Rule.Kind.TRAFFIC
        return {
            "application_id": str(self.id),
            "service_id": str(service.pk),
            "capability_id": str(service.pk),
            "subscription_id": str(held.pk),
            "rule_id": Rule.objects.filter(application_id=self.id, kind=rule).first().rule_id,
            "task_id": self.task,
        }

    def fill(self, case):
        """Put what exists into a request, and what OpenAPI cannot ask for."""
        self.restore()
        parameters = case.path_parameters
        fresh = case.method == "POST" and "appd_configuration" in case.path
        if fresh and is_right(case, ParameterLocation.PATH):
            parameters["application_id"] = str(uuid.uuid4())
        elif is_chain(case):
            if case.method == "POST" and case.path.endswith(("/services", "/subscriptions")):
                parameters["application_id"] = str(self.id)
        elif is_right(case, ParameterLocation.PATH) and next(self.numbers) % 4:
            known = self.ids(case.path)
            parameters.update({name: known[name] for name in parameters})
        if is_right(case, ParameterLocation.QUERY) and case.query:
            given = [name for name in _EXCLUSIVE if name in case.query]
            for name in given[1:]:
                del case.query[name]
        if is_right(case, ParameterLocation.BODY) and isinstance(case.body, dict):
            self._fill_body(case.body)
            if "operationAction" in case.body and next(self.numbers) % 4:
                Application.objects.filter(pk=self.id).update(
                    pending_action=case.body["operationAction"]
                )
            if case.method == "PUT" and "appd_configuration" in case.path:
                row = find_application(parameters["application_id"])
                case.body["appName"] = ((row and row.appd) or {}).get("appName", "nobody")

    def _fill_body(self, body):
        if "callbackReference" in body:
            body["callbackReference"] = _HOST.sub(r"\g<1>127.0.0.1", body["callbackReference"])
        if "authInfo" in body:
            body["authInfo"]["credentials"]["accessKeyId"] = f"{next(self.numbers):020d}"
        if "domainName" in body:
            body["domainName"] = self.domain()
        if "appName" in body and "endpoint" not in body and "isInsByMec" not in body:
            body["appName"] = f"app {next(self.numbers)}"
        for name in ("appDNSRule", "appDnsRule", "appTrafficRule"):
            for one in body.get(name, []):
                if "domainName" in one:
                    one |= {"domainName": self.domain(), "dnsRuleId": f"d{next(self.numbers)}"}
                else:
                    one["trafficRuleId"] = f"t{next(self.numbers)}"

    def domain(self):
        """A name that no rule has."""
        return f"d{next(self.numbers)}.example"


def is_chain(case):
    """Whether a request is one of a chain in which each follows from the answer before."""
    return case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL


def is_right(case, location):
    """Whether this part of a request is meant to be as described."""
    return case.meta is not None and not case.meta.is_negative_at(location)
