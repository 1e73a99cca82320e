"""Small requests of programs to Django in one hand-over: body first, then answered whole.

A page's request crosses between loop and thread for each piece of body and answer, so that uploads
and downloads stream.  What applications ask is a few kilobytes: gathered on the loop, answered by
one call in a thread of their own.  Not for anything that streams.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from a2wsgi.wsgi import build_environ

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 4
MOST_BODY = 1024 * 1024  # the views allow far less; their own answer says how much


class ShortRequests:
    """An ASGI application out of a WSGI one for requests and answers that fit in memory."""

    def __init__(self, application: Callable[..., Any], threads: int = THREADS) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="short")

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await _whole(receive)
        if body is None:
            return
        environ: dict[str, Any] = dict(build_environ(scope, io.BytesIO(body)))  # type: ignore[arg-type]
        environ["wsgi.errors"] = sys.stderr
        environ["CONTENT_LENGTH"] = str(len(body))  # a body in chunks comes without
        loop = asyncio.get_running_loop()
        status, headers, content = await loop.run_in_executor(self._pool, self._call, environ)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _call(self, environ: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        told: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            told[:] = [status, headers]

        answer = self._application(environ, start_response)
        try:
            content = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        headers = [(key.lower().encode(), value.encode("latin-1")) for key, value in told[1]]
        return int(told[0].split(" ", 1)[0]), headers, content


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
