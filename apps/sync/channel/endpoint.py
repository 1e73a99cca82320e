"""Where edges dial in: ``/sync/v1/channel``, a websocket of the center."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

from channels.db import database_sync_to_async
from django.conf import settings
from django.utils.datastructures import CaseInsensitiveMapping
from django.utils.translation import gettext_noop as N_

from apps.common.errors import DomainError, Invalid
from apps.common.problem import as_domain_error
from apps.edgelink.frames import SUBPROTOCOL
from apps.edgelink.line import Line, Pace
from apps.sync.channel import PATH, doors, problems
from apps.sync.channel.board import Board, board

LOOK_SECONDS = 5.0
_log = logging.getLogger("mecm.link")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Gate(Protocol):
    """The database's side of a line; the functions of ``doors``."""

    def admit(self, headers: Mapping[str, str], /) -> uuid.UUID:
        """The edge that dials, or an error of the house."""

    def opened(self, edge_id: uuid.UUID, url: str, /) -> None:
        """Its line stands."""

    def closed(self, edge_id: uuid.UUID, url: str, why: str, /) -> None:
        """Its line is over."""


class ChannelApplication:
    """Takes in the line of an edge and holds it until it is over."""

    def __init__(self, on: Board, *, gate: Gate = doors, pace: Pace | None = None) -> None:
        self._board = on
        self._gate = gate
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: problems.Send) -> None:
        """Carry one line."""
        await receive()
        headers = CaseInsensitiveMapping(
            {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        )
        try:
            if SUBPROTOCOL not in scope["subprotocols"]:
                raise Invalid(N_("A link speaks “%(spoken)s”."), spoken=SUBPROTOCOL)
            edge_id = await database_sync_to_async(self._gate.admit)(headers)
        except Exception as error:
            await _refuse(scope, send, as_domain_error(error))
            # uvicorn tells twice that it is over, and complains of who returns before the second.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await receive()
                    await receive()
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await self._hold(edge_id, internal_url(scope), receive, send)

    async def _hold(
        self, edge_id: uuid.UUID, url: str, receive: Receive, send: problems.Send
    ) -> None:
        async def write(message: bytes) -> None:
            await send({"type": "websocket.send", "bytes": message})

        async def read() -> bytes | str | None:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return None
            found: bytes | str = message.get("bytes") or message.get("text") or b""
            return found

        line = Line(write, pace=self._pace)
        held = self._board.take(edge_id, line, url)
        carrying = asyncio.create_task(line.run(read))
        try:
            await database_sync_to_async(self._gate.opened)(edge_id, url)
            held.told = True
            await carrying
        finally:
            line.close("the center closed the line")
            await asyncio.gather(carrying, return_exceptions=True)
            if self._board.drop(edge_id, held):
                _log.info("the line of edge %s is over: %s", edge_id, line.fault)
                await database_sync_to_async(self._gate.closed)(edge_id, url, line.fault)
            with contextlib.suppress(Exception):  # most often there is nobody any more
                await send({"type": "websocket.close", "code": 1001})


async def watch_channels() -> None:
    """Close the lines of edges that were shut out, or that dialled in at another process."""
    while True:
        told = board.told()
        if told:
            for edge_id in await database_sync_to_async(doors.outdated)(told):
                if board.told().get(edge_id) == told[edge_id]:
                    board.close(edge_id, "the edge has no line here any more")
        await asyncio.sleep(LOOK_SECONDS)


def internal_url(scope: Scope) -> str:
    """Where the other processes of this center reach this one."""
    ip, port = scope.get("server") or ("", None)
    if settings.INTERNAL_URL or not port:  # a Unix socket has no port
        return str(settings.INTERNAL_URL or settings.SITE_URL).rstrip("/")
    return f"http://[{ip}]:{port}" if ":" in ip else f"http://{ip}:{port}"


async def _refuse(scope: Scope, send: problems.Send, error: DomainError) -> None:
    if error.status >= 500:
        _log.error("%s failed: %r", PATH, error)
    if problems.SOCKET in (scope.get("extensions") or {}):
        await problems.say(send, error, PATH, over=problems.SOCKET)
    else:
        await send({"type": "websocket.close", "code": 4000 + error.status})
