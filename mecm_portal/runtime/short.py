"""Requests with little to say to Django in one hand-over: body first, then answered whole.

Django's own ASGI handler and every WSGI bridge cross between loop and thread for each piece of body
and answer, and each crossing is a fight for the interpreter.  What browsers and applications ask is
a few kilobytes: gathered on the loop, answered by one call in a thread.  An answer that streams, as
a download does, is fetched piece by piece.  Not for uploads, which have to stream in.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from a2wsgi.wsgi import build_environ

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LITTLE_BODY = 64 * 1024
MOST_BODY = 1024 * 1024  # the views allow far less; their own answer says how much


@dataclass(frozen=True)
class _Answer:
    """What Django said; ``rest`` is what is still to be fetched where the answer streams."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes
    rest: Iterator[bytes] | None
    close: Callable[[], None]


class ShortRequests:
    """An ASGI application out of a WSGI one for requests that fit in memory."""

    def __init__(self, application: Callable[..., Any], *, threads: int, name: str) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await _whole(receive)
        if body is None:
            return
        environ: dict[str, Any] = dict(build_environ(scope, io.BytesIO(body)))  # type: ignore[arg-type]
        environ["wsgi.errors"] = sys.stderr
        environ["CONTENT_LENGTH"] = str(len(body))  # a body in chunks comes without
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, self._call, environ)
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        if answer.rest is None:
            await send({"type": "http.response.body", "body": answer.content})
            return
        try:
            while piece := await loop.run_in_executor(self._pool, next, answer.rest, b""):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await loop.run_in_executor(self._pool, answer.close)

    def _call(self, environ: dict[str, Any]) -> _Answer:
        told: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            told[:] = [status, headers]

        answer: Iterable[bytes] = self._application(environ, start_response)
        streams = getattr(answer, "streaming", False)
        close = getattr(answer, "close", _nothing)
        try:
            content = b"" if streams else b"".join(answer)
        finally:
            if not streams:
                close()
        headers = [(key.lower().encode(), value.encode("latin-1")) for key, value in told[1]]
        # An empty piece would be taken for the end.
        rest = (piece for piece in answer if piece) if streams else None
        return _Answer(int(told[0].split(" ", 1)[0]), headers, content, rest, close)


def asks_little(scope: Any) -> bool:
    """Whether the body of a request is known to be small, or not to be there."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return b"transfer-encoding" not in headers and length.isdigit() and int(length) <= LITTLE_BODY


def _nothing() -> None:
    """There is nothing to close."""


async def _whole(receive: Receive) -> bytes | None:
    """The body, or as much of it as shows that it is too large; None when the client left."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        size += len(message.get("body", b""))
        if size <= MOST_BODY:
            parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
