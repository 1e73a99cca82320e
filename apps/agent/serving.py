"""Serves an ASGI application inside a running loop: uvicorn, without its hand on the signals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from apps.agent.checks import SettingsError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Server(uvicorn.Server):
    """The program decides when to stop: it has to say goodbye to the MEP first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.  Raises SettingsError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return bound


@contextlib.asynccontextmanager
async def serving(app: App, bound: socket.socket) -> AsyncIterator[int]:
    """Serve on the socket inside the block; gives the port."""
    config = uvicorn.Config(
        app,
        interface="asgi3",
        http="h11",  # loaded already, for the client
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def answer(
    send: Send,
    status: int,
    body: object = None,
    *,
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    """Send ``body`` as JSON; None is an empty body."""
    raw = b"" if body is None else json.dumps(body).encode()
    lines = {"content-length": str(len(raw)), "cache-control": "no-store", **(headers or {})}
    if raw:
        lines["content-type"] = kind
    pairs = [(name.encode(), value.encode()) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": raw})


async def problem(
    send: Send, status: int, title: str, detail: str, headers: dict[str, str] | None = None
) -> None:
    """Send an RFC 9457 problem document."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    await answer(send, status, body, kind="application/problem+json", headers=headers)


async def body_of(receive: Receive, most: int) -> bytes | None:
    """The body of a request, None when it is longer than ``most`` bytes or does not come whole."""
    raw = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        raw += message.get("body", b"")
        if len(raw) > most:
            return None
        if not message.get("more_body"):
            return bytes(raw)
