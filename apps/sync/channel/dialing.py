"""Keeps the line from this edge to its center up, where the edge is the one to dial."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from apps.common import clock
from apps.common.words import NO_REASON, Reason
from apps.edgelink.frames import MOST_MESSAGE, SUBPROTOCOL
from apps.edgelink.line import Answerer, Line, Pace
from apps.hosts.models import AppLcm
from apps.sync.channel import PATH
from apps.sync.channel.answering import answering
from apps.sync.models import Center
from apps.tenants import tokens

LOOK_SECONDS = 2.0
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
_log = logging.getLogger("mecm.link")


@dataclass(frozen=True)
class Target:
    """A center that is to be dialled."""

    id: uuid.UUID
    site_id: uuid.UUID
    name: str
    url: str


async def dial_center() -> None:
    """Hold a line to the center for as long as the site runs and is the one to dial."""
    await Dialer(answering).run()


class Dialer:
    """Dials, holds the line, and dials anew; ``answer`` works on what comes over it."""

    def __init__(
        self, answer: Answerer, *, pace: Pace | None = None, shortest: float = SHORTEST_PAUSE
    ) -> None:
        self._answer = answer
        self._pace = pace
        self._shortest = shortest

    async def run(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        pause = self._shortest
        while True:
            target = await database_sync_to_async(target_now)()
            if target is None:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            began = loop.time()
            fault = await self._hold(target)
            if await database_sync_to_async(note_line)(target, fault=fault):
                _log.warning("no link to %s: %s", target.name, fault)
            if loop.time() - began > LONGEST_PAUSE:
                pause = self._shortest
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _hold(self, target: Target) -> Reason:
        """Dial once and hold the line; returns what ended it."""
        try:
            token = await database_sync_to_async(tokens.link_token)(audience=target.site_id)
            async with connect(_websocket_url(target.url), **_options(target.url, token)) as socket:

                async def read() -> bytes | str | None:
                    try:
                        return await socket.recv()
                    except ConnectionClosed:
                        return None

                line = Line(socket.send, answer=self._answer, pace=self._pace)
                carrying = asyncio.create_task(line.run(read))
                looking = asyncio.create_task(_close_when_left(line, target))
                try:
                    await database_sync_to_async(note_line)(target)
                    _log.info("the link to %s stands", target.name)
                    why = await carrying
                finally:
                    looking.cancel()
                    line.close("the edge closed the line")
                    await asyncio.gather(carrying, looking, return_exceptions=True)
        except InvalidStatus as error:
            status = error.response.status_code
            text = N_("%(where)s refused the link (%(status)s).")
            return Reason(text, "refused", {"where": target.name, "status": status})
        except (OSError, TimeoutError, ValueError, WebSocketException) as error:
            why = str(error) or repr(error)
        text = N_("%(where)s cannot be reached (%(why)s).")
        return Reason(text, "unreachable", {"where": target.name, "why": why})


async def _close_when_left(line: Line, target: Target) -> None:
    """Close the line as soon as another center, or none, is to be dialled."""
    look: Callable[[], Awaitable[Target | None]] = database_sync_to_async(target_now)
    while await look() == target:
        await asyncio.sleep(LOOK_SECONDS)
    line.close("the edge has another center now")


def target_now() -> Target | None:
    """The center that this site is to dial, if it is."""
    center = (
        Center.objects.filter(opened_by=AppLcm.Opener.EDGE, left_at=None)
        .exclude(url="")
        .order_by("-joined_at")
        .first()
    )
    return Target(center.pk, center.site_id, center.name, center.url) if center else None


@transaction.atomic
def note_line(target: Target, *, fault: Reason = NO_REASON) -> bool:
    """Write down whether the line stands, and since when; whether that is news."""
    center = Center.objects.select_for_update().filter(pk=target.id).first()
    if center is None:
        return False
    stands = not fault
    news = center.connected is not stands
    if news:
        center.since = clock.now()
    center.connected, center.fault = stands, fault.as_json() if fault else {}
    center.save(update_fields=["connected", "since", "fault"])
    return news


def _websocket_url(url: str) -> str:
    return url.rstrip("/").replace("http", "ws", 1) + PATH


def _options(url: str, token: str) -> dict[str, Any]:
    """How to dial: no proxy variables, no compression, and pings of our own."""
    options: dict[str, Any] = {
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "additional_headers": {"Authorization": f"Bearer {token}"},
        "compression": None,
        "ping_interval": None,
        "max_size": MOST_MESSAGE,
        "proxy": None,
        "open_timeout": 10,
        "close_timeout": 2,
    }
    if url.startswith("https:"):
        options["ssl"] = ssl.create_default_context(cafile=settings.CENTER_CA_FILE or None)
    return options
