"""The lane in front of any ASGI application, where the server's own protocol is not ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.common import clock
from apps.mep.liveness import lane

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]


class LaneApplication:
    """Answers plain heartbeats by itself and leaves everything else to ``application``."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on with what was read of it."""
        authorization = _authorization(scope) if _is_for_the_lane(scope) else b""
        if not authorization:
            await self._application(scope, receive, send)
            return
        message = await receive()
        body = message.get("body", b"")
        outcome = lane.DECLINED
        if message["type"] == "http.request" and not message.get("more_body"):
            path = scope["raw_path"]
            outcome = lane.beat(path, authorization, body, clock.monotonic())
        if outcome == lane.DECLINED:
            await self._application(scope, _replay(message, receive), send)
            return
        await send({"type": "http.response.start", **_START[outcome]})
        await send({"type": "http.response.body", "body": b""})


_START: dict[int, dict[str, Any]] = {
    lane.BEATEN: {"status": 204, "headers": []},
    lane.FLOODED: {
        "status": 429,
        "headers": [(b"retry-after", b"1"), (b"content-length", b"0")],
    },
}


def _is_for_the_lane(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] in ("PATCH", "PUT")
        and not scope.get("query_string")
        and bytes(scope.get("raw_path") or b"").endswith(lane.ENDING)
    )


def _authorization(scope: Scope) -> bytes:
    """The Authorization of a request that the lane can judge; empty for any other."""
    found = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found:
                return b""
            found = value
        elif name == b"if-match" or (name == b"content-type" and value not in PLAIN_TYPES):
            return b""
    return found


PLAIN_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8", b"*/*"})


def _replay(first: Message, receive: Receive) -> Receive:
    """``receive`` once more from its first message on."""
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
