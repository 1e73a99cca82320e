"""Sends each connection to its side: pages to threads, sockets and the feed to the loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]

PAGE_THREADS = 8


class SiteApplication:
    """One ASGI application out of Django's WSGI pages, the sockets and the long polls.

    ``waiting`` maps a path to the asynchronous application that answers it: a request that waits
    for news would keep one of the few page threads for as long as it waits.
    """

    def __init__(
        self,
        *,
        pages: Callable[..., Any],
        sockets: Application,
        waiting: Mapping[str, Application],
        threads: int = PAGE_THREADS,
    ) -> None:
        self._pages: Any = WSGIMiddleware(pages, workers=threads)
        self._sockets = sockets
        self._waiting = waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        elif scope["type"] == "http":
            await self._waiting.get(scope["path"], self._pages)(scope, receive, send)
