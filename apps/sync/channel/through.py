"""Leads requests of this center's processes onto the line of an edge, and its answers back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound, Unauthenticated, Upstream
from apps.edgelink import through
from apps.edgelink.frames import Headers, Malformed, RequestHead
from apps.edgelink.line import Broken, Exchange, Line
from apps.sync.channel import problems
from apps.sync.channel.board import Board
from apps.tenants import tokens

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
# Of one connection only, or for this center and not for the edge (RFC 9110, section 7.6.1).
_OURS = frozenset(
    {b"host", b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"expect", b"cookie"}
    | {b"proxy-authorization", b"proxy-connection", through.TOKEN_HEADER.lower().encode()}
)
_THEIRS = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"set-cookie"}
    | {through.FAULT_HEADER.lower().encode()}
)


class ThroughApplication:
    """``/sync/v1/through/{applcm_id}/…``: what the edge answers to the rest of the path."""

    def __init__(self, on: Board) -> None:
        self._board = on

    async def __call__(self, scope: Scope, receive: Receive, send: problems.Send) -> None:
        """Answer one request."""
        path = scope["path"]
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        parted = through.parted(target)
        if parted is None:
            await problems.say(send, NotFound(N_("There is nothing here by that name.")), path)
        elif not _may(scope, parted[0]):
            error = Unauthenticated(N_("A valid access token is needed."))
            await problems.say(send, error, path)
        else:
            edge_id, rest = parted
            head = RequestHead(scope["method"], rest, without(scope["headers"], _OURS))
            try:
                await _carry(self._line(edge_id), head, receive, send)
            except (Broken, Malformed) as error:
                fault = str(error)
                why = Upstream(N_("The line does not carry it (%(why)s)."), why=fault)
                await problems.say(send, why, path, more={through.FAULT_HEADER: fault})

    def _line(self, edge_id: uuid.UUID) -> Line:
        line = self._board.find(edge_id)
        if line is None:
            raise Broken("the edge has not dialled in")
        return line


def without(headers: Any, names: frozenset[bytes]) -> Headers:
    """The headers but for those that are meant for somebody else."""
    return tuple((key, value) for key, value in headers if key.lower() not in names)


def _may(scope: Scope, edge_id: uuid.UUID) -> bool:
    wanted = through.TOKEN_HEADER.lower().encode()
    shown = [value for key, value in scope["headers"] if key == wanted]
    return len(shown) == 1 and tokens.opens_through(shown[0].decode("latin-1"), edge_id)


async def _carry(line: Line, head: RequestHead, receive: Receive, send: problems.Send) -> None:
    """Carry one request and its answer; Broken when that fails before the answer has begun.

    One that breaks off later ends without its end, which the server shows by closing.
    """
    exchange = await line.open(head)
    giving = asyncio.create_task(_give(exchange, receive))
    try:
        answer = await exchange.answer()
        await send({
            "type": "http.response.start",
            "status": answer.status,
            "headers": list(without(answer.headers, _THEIRS)),
        })
        try:
            while piece := await exchange.receive():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Broken:
            return
        await send({"type": "http.response.body", "body": b""})
    finally:
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)
        await exchange.leave()


async def _give(exchange: Exchange, receive: Receive) -> None:
    """Send the request's body, then see whether the caller leaves before the answer is whole."""
    more = True
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.cut("the caller left")
            return
        if more:
            await exchange.send(message.get("body", b""))
            more = bool(message.get("more_body"))
            if not more:
                await exchange.end()
