"""Waits at every edge for news and has it pulled at once.  Copies nothing itself.

One long poll per edge on the site's event loop; the pull is a Celery task like any other.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from typing import Any

import httpx
from channels.db import database_sync_to_async

from apps.common.http import CONNECT_SECONDS
from apps.edgelink.client import EdgeClient
from apps.edgelink.through import raise_fault
from apps.hosts.models import AppLcm
from apps.sync.tasks import pull_edge

WAIT_SECONDS = 25.0
LOOK_FOR_EDGES_SECONDS = 2.0
LONGEST_PAUSE = 10.0
_log = logging.getLogger("mecm.sync")


async def watch_edges() -> None:
    """Keep one watch per registered edge until cancelled."""
    watches: dict[uuid.UUID, asyncio.Task[None]] = {}
    try:
        while True:
            try:
                known = set(await database_sync_to_async(_edge_ids)())
            except Exception:
                # The database may be busy for a moment; without this loop nobody would notice news.
                _log.exception("the edges to watch could not be read")
                known = set(watches)
            for edge_id in known - watches.keys():
                watches[edge_id] = asyncio.create_task(_watch(edge_id))
            for edge_id in [key for key in watches if key not in known]:
                watches.pop(edge_id).cancel()
            await asyncio.sleep(LOOK_FOR_EDGES_SECONDS)
    finally:
        for watch in watches.values():
            watch.cancel()


async def _watch(edge_id: uuid.UUID) -> None:
    """Long-poll one edge for ever; back off with jitter while it does not answer."""
    seen, pause = 0, 0.5
    async with httpx.AsyncClient(trust_env=False) as session:
        while True:
            try:
                newest = await _wait_for_news(session, edge_id, seen)
            except Exception as error:
                # Whatever it is, the pull meets it too and writes it down for people to see.
                _log.debug("watch of edge %s: %r", edge_id, error)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            if newest != seen or pause > 0.5:
                pull_edge.delay(str(edge_id))
            seen, pause = newest, 0.5


async def _wait_for_news(session: httpx.AsyncClient, edge_id: uuid.UUID, seen: int) -> int:
    url, headers = await database_sync_to_async(_link)(edge_id)
    response = await session.get(
        f"{url}/sync/v1/changes",
        params={"after": seen, "limit": 0, "wait": WAIT_SECONDS},
        headers=headers,
        timeout=httpx.Timeout(WAIT_SECONDS + 10, connect=CONNECT_SECONDS),
    )
    raise_fault(response)
    response.raise_for_status()
    body: dict[str, Any] = response.json()
    return int(body["newest"])


def _edge_ids() -> list[uuid.UUID]:
    return list(AppLcm.objects.filter(revoked_at=None).values_list("pk", flat=True))


def _link(edge_id: uuid.UUID) -> tuple[str, dict[str, str]]:
    edge = AppLcm.objects.get(pk=edge_id)
    with EdgeClient(edge) as link:
        return link.url, link.headers()
