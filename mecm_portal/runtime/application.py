"""Sends each connection to its side: pages to threads, sockets and the feed to the loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware

from mecm_portal.paths import Application, Receive, Scope, Send, belongs
from mecm_portal.runtime import core
from mecm_portal.runtime.short import ShortRequests, asks_little

PAGE_THREADS, MACHINE_THREADS, UPLOAD_THREADS = 8, 4, 4


class SiteApplication:
    """One ASGI application out of Django's WSGI pages, the sockets and the long polls.

    ``waiting`` maps a path to the asynchronous application that answers it: a request that waits
    for news would keep one of the few page threads for as long as it waits.  A path that ends in a
    slash stands for all below it.  What is below a path
    of ``machines`` is answered by threads of its own: applications that ask by the thousand take
    no page's place.  Nor do uploads, which stream in for as long as they take.
    """

    def __init__(
        self,
        *,
        pages: Callable[..., Any],
        sockets: Application,
        waiting: Mapping[str, Application],
        machines: tuple[str, ...] = (),
        threads: int = PAGE_THREADS,
    ) -> None:
        self._pages = ShortRequests(pages, threads=threads, name="page")
        self._uploads: Any = WSGIMiddleware(_roaming(pages), workers=UPLOAD_THREADS)
        self._machines = machines
        self._short = ShortRequests(pages, threads=MACHINE_THREADS, name="machine")
        self._sockets = sockets
        self._waiting = waiting
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Answer everybody who waits: the server ends when nobody does any more."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        elif scope["type"] == "http":
            waiting = belongs(self._waiting, scope["path"])
            if scope["path"].startswith(self._machines):
                await self._short(scope, receive, send)
            elif waiting is not None:
                await self._until_stopped(waiting, scope, receive, send)
            elif asks_little(scope):
                await self._pages(scope, receive, send)
            else:
                await self._uploads(scope, receive, send)

    async def _until_stopped(
        self, application: Application, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the application answer, or say 503 for it when the site stops first."""
        begun = False

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        answering = asyncio.ensure_future(application(scope, receive, watched))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done() or begun:
                await answering
            else:
                await _say_stopping(send)
        finally:
            stopping.cancel()
            answering.cancel()


def _roaming(pages: Callable[..., Any]) -> Callable[..., Any]:
    """``pages`` for bodies that take long to check: on any core, beside the others."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        core.roam()
        return pages(environ, start_response)

    return answer


async def _say_stopping(send: Send) -> None:
    body = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
