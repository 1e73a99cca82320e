"""The MEC platform of the world at an edge: what each tenant has there, and right requests."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from apps.mep import applications, register, rules, subscriptions
from apps.mep.bodies import decode
from apps.mep.models import Application, ConfigTask, MecService, Subscription
from apps.mep.types import ServiceInfo
from apps.tenants.actors import SYSTEM
from tests.mep.conftest import service_info
from tests.mep.mm5 import appd, confs, dns, traffic

SECRET_KEY = "s3cr3t_key_of_an_application".ljust(64, "0")
Kind = Subscription.Kind
END = {"subscriptionType": Kind.TERMINATION, "callbackReference": "http://subscriber.example/x",
       "appInstanceId": "x"}
NEWS = {"subscriptionType": Kind.AVAILABILITY, "callbackReference": "http://subscriber.example/x"}
INFO = {"appName": "newcomer", "endpoint": {"uris": ["http://newcomer.example"]}}


@dataclass
class Platform:
    """An application instance with a service, subscriptions, rules and keys."""

    application: Application
    service: MecService
    news: Subscription
    end: Subscription
    task: ConfigTask
    access_key: str

    @property
    def marks(self):
        """Every string that betrays whose it is."""
        rows = (self.application, self.service, self.news, self.end, self.task)
        return [self.access_key.lower(), *(str(row.pk) for row in rows)]

    def path(self, route):
        """What the places in a route are filled with."""
        subscription = self.end if "app_support" in route else self.news
        return {
            "application_id": str(self.application.pk),
            "service_id": str(self.service.pk),
            "capability_id": str(self.service.pk),
            "subscription_id": str(subscription.pk),
            "rule_id": "traffic1" if "traffic_rules" in route else "dns1",
            "task_id": str(self.task.pk),
        }


def platform_of(word, tenant):
    """What a tenant's application has at the platform; all of it is named by ``word``."""
    application = applications.ensure(
        actor=SYSTEM, application_id=uuid.uuid4(), name=f"{word}-app", tenant_id=tenant.pk
    )
    whose = {"actor": SYSTEM, "application": application}
    access_key = f"{word}Key".ljust(20, "0")
    applications.configure(**whose, access_key=access_key, secret_key=SECRET_KEY,
                           required_services=[f"{word}-service"])
    applications.save_registration(**whose, info=INFO | {"appName": f"{word}-app"})
    info = service_info(serName=f"{word}-service", livenessInterval=10)
    service = register.register(**whose, info=decode(json.dumps(info).encode(), ServiceInfo))
    news, end = (
        subscriptions.subscribe(
            **whose, kind=kind, callback=f"http://subscriber.example/{word}",
            criteria={"serNames": [f"{word}-service"]} if kind == Kind.AVAILABILITY else {},
        )
        for kind in (Kind.AVAILABILITY, Kind.TERMINATION)
    )
    task = rules.replace_all(
        **whose, dns={"dns1": rules.plain(dns(domain=f"{word}.example.com"))},
        traffic={"traffic1": rules.plain(traffic())},
        appd={"appName": f"{word}-app", "appSupportMp1": True},
    )
    return Platform(application, service, news, end, task, access_key)


def platform_body(platform, method, route):
    """A right body for an address of the platform."""
    if method in ("GET", "DELETE") or route.endswith("token"):
        return {}
    name = platform.application.name
    known = {
        "services": service_info(),
        "{service_id}": service_info(serName=platform.service.ser_name),
        "liveness": {"state": "ACTIVE"},
        "subscriptions": END if "app_support" in route else NEWS,
        "{rule_id}": traffic() if "traffic_rules" in route else dns(domain="new.example.com"),
        "confirm_ready": {"indication": "READY"},
        "confirm_termination": {"operationAction": "TERMINATING"},
        "registrations": INFO,
        "{application_id}": INFO,
        "confs": confs(platform.access_key, SECRET_KEY),
        "appd_configuration": appd(name, appDNSRule=[]),
        "kong_log": {"service": {"name": platform.service.ser_name}},
    }
    return {"body": known[route.rsplit("/", 1)[-1]]}
