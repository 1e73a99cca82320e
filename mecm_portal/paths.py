"""One ASGI application out of several, each at a path of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]


class ByPath:
    """Hands a connection to whom its path belongs; a path with a slash at its end has all below."""

    def __init__(self, applications: Mapping[str, Application], *, otherwise: Application) -> None:
        self._applications = applications
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        found = belongs(self._applications, scope["path"]) or self._otherwise
        await found(scope, receive, send)


def belongs(applications: Mapping[str, Application], path: str) -> Application | None:
    """The application that has a path, if one does."""
    for start, application in applications.items():
        if path == start or (start.endswith("/") and path.startswith(start)):
            return application
    return None
