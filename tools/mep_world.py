"""A MEC platform of any size for benchmarks: written to a site's database in bulk.

Run inside a site's environment: ``python tools/mep_world.py APPLICATIONS SERVICES FILE [INTERVAL]``
makes the applications with their services, which beat every INTERVAL seconds, and writes one line
per service to FILE: path and token.
"""

from __future__ import annotations

import os
import sys
import uuid
from datetime import timedelta
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")

import django

django.setup()

from django.db import transaction  # noqa: E402 - needs loaded apps

from apps.common.models import next_version  # noqa: E402 - needs loaded apps
from apps.mep import addresses  # noqa: E402 - needs loaded apps
from apps.mep.models import Application, MecService  # noqa: E402 - needs loaded apps
from apps.tenants import tokens  # noqa: E402 - needs loaded apps

INTERVAL = 3600  # nothing expires while heartbeats are counted
TRANSPORT = {
    "id": "t", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP", "version": "2.0",
    "endpoint": {"uris": ["http://10.0.0.1:8080/"]}, "security": {},
}


def make(applications: int, services: int, interval: int = INTERVAL) -> list[tuple[str, str]]:
    """The applications with ``services`` each; path of the heartbeat and token per service."""
    with transaction.atomic():
        rows = Application.objects.bulk_create(
            Application(id=uuid.uuid4(), name=f"app-{number}") for number in range(applications)
        )
        first = next_version(applications * services) - applications * services + 1
        made = MecService.objects.bulk_create(
            [
                service(row, number * services + one, first + number * services + one, interval)
                for number, row in enumerate(rows)
                for one in range(services)
            ],
            batch_size=2000,
        )
    held = {
        row.pk: tokens.application_token(
            row.pk, stamp=row.stamp, lifetime=timedelta(hours=12), extra={}
        )
        for row in rows
    }
    return [
        (addresses.liveness_path(row.application_id, row.pk), held[row.application_id])
        for row in made
    ]


def service(
    application: Application, number: int, version: int, interval: int
) -> MecService:
    """A row that is not saved yet; its name is its own."""
    return MecService(
        application=application, ser_name=f"service-{number}", ser_version="1.0", state="ACTIVE",
        serializer="JSON", transport=TRANSPORT, scope_of_locality="MEC_HOST",
        liveness_interval=interval, liveness_told=True, version=version,
    )


def main(arguments: list[str]) -> int:
    """Make a world and write where its heartbeats go."""
    applications, services, path = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    lines = make(applications, services, *map(int, arguments[3:]))
    path.write_text("".join(f"{one} {token}\n" for one, token in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
