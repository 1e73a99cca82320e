"""What a site does once when its process starts, before it takes any work."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Coroutine
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connection

from apps.hosts import provisioning
from apps.hosts import services as hosts
from apps.images import work as image_work
from apps.instances import operations
from apps.journal import idempotency
from apps.mep import mirror
from apps.mep.liveness import records, watch
from apps.mep.notify import queue
from apps.packages import distribution_work, store_work
from apps.rules import work as rule_work
from apps.sync import puller, timeline
from apps.sync.channel import doors

AGAIN_SECONDS = 1.0
_log = logging.getLogger("mecm.site")


def forget_leases() -> None:
    """Take back what the workers of this site's last process held: they lived inside it."""
    operations.drop_leases()
    distribution_work.drop_leases()
    store_work.drop_leases()
    image_work.drop_leases()
    rule_work.drop_leases()
    hosts.drop_deliveries()
    idempotency.drop_claims()
    puller.drop_leases()
    doors.forget_channels()
    queue.drop_leases()
    mirror.drop_leases()
    connection.close()


def set_mark() -> None:
    """Mark the place in this site's history at which the process starts."""
    timeline.set_mark()
    connection.close()


def load_memory() -> None:
    """Read what this process keeps in memory: until when which service has to beat."""
    records.load()
    connection.close()
    # What was loaded lives as long as the process: the collector need not look at it each time.
    gc.collect()
    gc.freeze()


def take_in_repositories() -> None:
    """Register the source repositories that the environment names."""
    provisioning.provision(settings.SOURCE_REPOS)
    connection.close()


def save_memory() -> None:
    """Write what is only in memory and worth keeping, as the site stops."""
    watch.save()
    connection.close()


def start_watches() -> list[asyncio.Task[Any]]:
    """Start the coroutines that this role runs on the site's event loop."""
    return [asyncio.create_task(_kept(name)) for name in settings.ROLE.watches]


async def _kept(path: str) -> None:
    """Run a watch for as long as the site does: one that fails is told of and begun again."""
    while True:
        try:
            await _coroutine(path)
            return
        except Exception:
            _log.exception("%s failed and begins again", path)
        await asyncio.sleep(AGAIN_SECONDS)


def _coroutine(path: str) -> Coroutine[Any, Any, Any]:
    module, _, name = path.rpartition(".")
    found: Coroutine[Any, Any, Any] = getattr(import_module(module), name)()
    return found
