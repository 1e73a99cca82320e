"""Does what it is told inside a site's environment: one JSON line in, one JSON line out.

``python -m tools.sync_site`` is started by ``tools.bench_sync``, once for each site; what takes
long here takes long in a process of its own, as a worker of that site would.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")

ANSWERS, sys.stdout = sys.stdout, sys.stderr  # before logging is set up

import django  # noqa: E402 - as above

django.setup()

from django.core.management import call_command  # noqa: E402 - needs loaded apps
from django.db import transaction  # noqa: E402 - needs loaded apps

from apps.common.models import next_version  # noqa: E402 - needs loaded apps
from apps.hosts.models import AppLcm  # noqa: E402 - needs loaded apps
from apps.instances.models import AppInstance  # noqa: E402 - needs loaded apps
from apps.sync import puller, timeline  # noqa: E402 - needs loaded apps
from apps.tenants import keys, tokens  # noqa: E402 - needs loaded apps
from apps.tenants.actors import SYSTEM  # noqa: E402 - needs loaded apps
from apps.tenants.models import Tenant  # noqa: E402 - needs loaded apps
from apps.tenants.roles import Role  # noqa: E402 - needs loaded apps
from apps.tenants.services import create_user  # noqa: E402 - needs loaded apps
from apps.tenants.specs import UserSpec  # noqa: E402 - needs loaded apps
from tools import sync_rows  # noqa: E402 - needs loaded apps


def migrate() -> dict[str, Any]:
    """The database, a mark, and what others need to believe this site's tokens."""
    call_command("migrate", verbosity=0)
    timeline.set_mark()
    key = keys.own_key()
    return {"kid": key.kid, "site_id": str(key.site_id), "public_key": key.public_key}


def trust(**key: Any) -> None:
    """Believe another site's tokens."""
    keys.trust(**key | {"site_id": uuid.UUID(key["site_id"])}, site_name="center")


@transaction.atomic
def fill(instances: int, others: int = 0) -> int:
    """Rows for an edge; how many."""
    return sync_rows.fill_edge(instances, others)


def touch(count: int) -> None:
    """Changes at an edge, each in a transaction of its own."""
    sync_rows.touch(count)


def follow(ip: str, port: int) -> str:
    """A center is told of an edge; the id of its AppLCM."""
    edge = AppLcm(name=f"edge at {port}", ip=ip, port=port)
    edge.save()
    return str(edge.pk)


def pull(edge: str) -> dict[str, Any]:
    """One pull, with the time and the processor time that it took here."""
    began, busy = time.perf_counter(), time.process_time()
    came = puller.pull(uuid.UUID(edge), ahead=True)
    return came | {
        "seconds": time.perf_counter() - began,
        "busy": time.process_time() - busy,
    }


@transaction.atomic
def country(edges: int, port: int, changes: int, path: str) -> None:
    """Make it a center of many edges, and write what each of them has to tell to ``path``."""
    with Path(path).open("w") as file:
        for line in sync_rows.fill_center(edges, port, changes=changes):
            file.write(json.dumps(line) + "\n")


def token() -> dict[str, Any]:
    """A token of somebody of the country's tenant."""
    tenant = Tenant.objects.get(name="country")
    spec = UserSpec(f"user-{next_version()}", Role.TENANT, "correct-horse-9", tenant.pk)
    user = create_user(actor=SYSTEM, spec=spec)
    return {"token": tokens.access_token(user), "tenant": str(tenant.pk)}


def standing() -> dict[str, int]:
    """How many edges answer, and how many instances are known to have failed."""
    return {
        "reachable": AppLcm.objects.filter(reachable=True).count(),
        "failed": AppInstance.objects.filter(health="Failed").count(),
    }


VERBS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (migrate, trust, fill, touch, follow, pull, country, token, standing)
}


def main() -> int:
    """Serve until the end of the input."""
    for line in sys.stdin:
        asked = json.loads(line)
        said = VERBS[asked.pop("verb")](**asked)
        ANSWERS.write(json.dumps(said) + "\n")
        ANSWERS.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
