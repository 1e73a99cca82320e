"""Waits at every edge for news and has it pulled at once.  Copies nothing itself.

One long poll per edge on the site's event loop; the pull is a Celery task like any other.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from channels.db import database_sync_to_async

from apps.common import clock
from apps.common.http import CONNECT_SECONDS, authorities
from apps.edgelink.link import EdgeLink
from apps.edgelink.through import FAULT_HEADER
from apps.hosts.models import AppLcm
from apps.sync.tasks import pull_edge

WAIT_SECONDS = 25.0
# Of many edges that are new to this process, so many are asked in a second.
NEW_IN_A_SECOND = 100
LOOK_FOR_EDGES_SECONDS = 2.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
# Well within the life of a token.
LINK_SECONDS = 60.0
_PATIENCE = aiohttp.ClientTimeout(
    total=WAIT_SECONDS + 20, sock_connect=CONNECT_SECONDS, sock_read=WAIT_SECONDS + 10
)
_log = logging.getLogger("mecm.sync")


async def watch_edges() -> None:
    """Keep one watch per registered edge until cancelled."""
    # One session for all: httpx, which is used elsewhere, takes four times as long for a question,
    # and a session for each edge as much again.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=authorities()),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_PATIENCE,
    ) as session, asyncio.TaskGroup() as group:
        watches: dict[uuid.UUID, asyncio.Task[None]] = {}
        while True:
            try:
                known = set(await database_sync_to_async(_edge_ids)())
            except Exception:
                # The database may be busy for a moment; without this loop nobody would notice news.
                _log.exception("the edges to watch could not be read")
                known = set(watches)
            for number, edge_id in enumerate(known - watches.keys()):
                after = number / NEW_IN_A_SECOND
                watches[edge_id] = group.create_task(_watch(session, edge_id, after))
            for edge_id in [key for key in watches if key not in known]:
                watches.pop(edge_id).cancel()
            await asyncio.sleep(LOOK_FOR_EDGES_SECONDS)


async def _watch(session: aiohttp.ClientSession, edge_id: uuid.UUID, after: float) -> None:
    """Long-poll one edge for ever; back off with jitter while it does not answer."""
    await asyncio.sleep(after)
    seen, pause = 0, SHORTEST_PAUSE
    link = _Link(edge_id)
    while True:
        try:
            if pause > SHORTEST_PAUSE:
                await link.knock()
            newest = await _wait_for_news(session, link, seen)
            if newest != seen or pause > SHORTEST_PAUSE:
                asked = clock.now().timestamp()
                await asyncio.to_thread(pull_edge.delay, str(edge_id), newest, asked)
        except Exception as error:
            link.failed(error)
            _log.debug("watch of edge %s: %r", edge_id, error)
            if pause == SHORTEST_PAUSE:
                # Whatever it is, the pull meets it too and writes it down for people to see.  Where
                # not even that can be asked for, it comes in its own time.
                with suppress(Exception):
                    asked = clock.now().timestamp()
                    await asyncio.to_thread(pull_edge.delay, str(edge_id), 0, asked)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause = min(LONGEST_PAUSE, pause * 2)
            continue
        seen, pause = newest, SHORTEST_PAUSE


class _Link:
    """Where an edge is asked and with what: looked up now and then, and when it may be another."""

    def __init__(self, edge_id: uuid.UUID) -> None:
        self._edge_id = edge_id
        self._url, self._headers, self._dials_in = "", dict[str, str](), False
        self._until = 0.0

    async def found(self) -> tuple[str, dict[str, str]]:
        """The URL and the headers."""
        if clock.monotonic() >= self._until:
            found = await database_sync_to_async(_link)(self._edge_id)
            self._url, self._headers, self._dials_in = found
            self._until = clock.monotonic() + LINK_SECONDS
        return self._url, self._headers

    async def knock(self) -> None:
        """Raise OSError when nobody opens where we dial: a request takes twice as long to fail.

        Hundreds of edges that went away together are asked for again each second.
        """
        url, _ = await self.found()
        if self._dials_in:
            return
        where = urlsplit(url)
        async with asyncio.timeout(CONNECT_SECONDS):
            port = where.port or (443 if where.scheme == "https" else 80)
            _, writer = await asyncio.open_connection(where.hostname, port)
        writer.close()

    def failed(self, error: Exception) -> None:
        """It may be another now, unless it is just that nobody answers where we dial."""
        is_nobody = isinstance(error, OSError) and not isinstance(error, aiohttp.SocketTimeoutError)
        if self._dials_in or not is_nobody:
            self._until = 0.0


async def _wait_for_news(session: aiohttp.ClientSession, link: _Link, seen: int) -> int:
    url, headers = await link.found()
    question = f"{url}/sync/v1/changes?after={seen}&limit=0&wait={WAIT_SECONDS}"
    async with session.get(question, headers=headers, allow_redirects=False) as response:
        if FAULT_HEADER in response.headers:
            # What the line could not carry was never an answer of the edge.
            raise ConnectionError(response.headers[FAULT_HEADER])
        if response.status != HTTPStatus.OK:
            raise ValueError(response.status)
        body: dict[str, Any] = await response.json()
    return int(body["newest"])


def _edge_ids() -> list[uuid.UUID]:
    return list(AppLcm.objects.filter(revoked_at=None).values_list("pk", flat=True))


def _link(edge_id: uuid.UUID) -> tuple[str, dict[str, str], bool]:
    edge = AppLcm.objects.get(pk=edge_id)
    with EdgeLink(edge) as link:
        return link.url, link.headers(), edge.dials_in
