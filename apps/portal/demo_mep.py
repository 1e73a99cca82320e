"""What an edge of the demo world has at its MEC platform: one application to try Mp1 with, and some
whose agents register services and keep them alive.

The keys of the latter are written to a file of the site, from which the supervisor starts them.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.mep import applications, rules
from apps.mep.models import Application, Credential
from apps.tenants import keys, tokens
from apps.tenants.actors import SYSTEM

APPS_FILE = "demo-apps.json"
TOKEN_LIFETIME = timedelta(days=7)
DNS_RULE, TRAFFIC_RULE = "dns-rule-1", "traffic-rule-1"
# Name and kind of each; the restless one falls silent now and then.
APPS = (
    ("harbour-positioning", "producer"),
    ("quay-video", "producer"),
    ("traffic-lights", "restless"),
    ("harbour-dashboard", "consumer"),
)


def prepare_platform() -> dict[str, Any]:
    """Make the applications, and say how to try Mp1."""
    _write_apps([_with_keys(name, kind) for name, kind in APPS])
    return {"mp1_test_app": _test_app()}


def _test_app() -> dict[str, str]:
    application = _application("mp1-test-app")
    if application.appd is None:
        rules.replace_all(
            actor=SYSTEM,
            application=application,
            dns={
                DNS_RULE: {
                    "domainName": "www.example.com",
                    "ipAddressType": "IP_V4",
                    "ipAddress": "192.0.2.10",
                    "ttl": 300,
                    "state": "INACTIVE",
                }
            },
            traffic={
                TRAFFIC_RULE: {
                    "filterType": "FLOW",
                    "priority": 1,
                    "trafficFilter": [{"dstAddress": ["192.0.2.0/24"], "protocol": ["TCP"]}],
                    "action": "DROP",
                    "state": "INACTIVE",
                }
            },
            appd={"appName": application.name, "appSupportMp1": True},
        )
    token = tokens.application_token(
        application.pk, stamp=application.stamp, lifetime=TOKEN_LIFETIME, extra={}
    )
    return {
        "app_instance_id": str(application.pk),
        "token": token,
        "dns_rule_id": DNS_RULE,
        "traffic_rule_id": TRAFFIC_RULE,
    }


def _with_keys(name: str, kind: str) -> dict[str, str]:
    application = _application(name)
    row = Credential.objects.filter(application=application).first()
    if row is None:
        row = applications.configure(
            actor=SYSTEM,
            application=application,
            access_key=base64.b64encode(secrets.token_bytes(15)).decode(),
            secret_key=base64.b64encode(secrets.token_bytes(48)).decode(),
            required_services=[],
        )
        row.refresh_from_db()
    return {
        "app_instance_id": str(application.pk),
        "name": name,
        "kind": kind,
        "ak": row.access_key,
        "sk": row.secret_key.reveal(),
    }


def _application(name: str) -> Application:
    """The same application at every start of this site, and another one at every other site."""
    key = uuid.uuid5(keys.this_site().site_id, name)
    return applications.ensure(actor=SYSTEM, application_id=key, name=name)


def _write_apps(apps: list[dict[str, str]]) -> None:
    path = Path(settings.SITE_DIR) / APPS_FILE
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"mep": settings.SITE_URL, "apps": apps}, file)
    draft.replace(path)
