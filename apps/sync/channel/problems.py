"""Problem documents from where no view answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.common.errors import DomainError
from apps.common.problem import CONTENT_TYPE, body_of

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
HTTP, SOCKET = "http.response", "websocket.http.response"


async def say(
    send: Send,
    error: DomainError,
    path: str,
    *,
    over: str = HTTP,
    more: dict[str, str] | None = None,
) -> None:
    """Answer with a problem; ``over`` a socket that was not accepted this refuses it."""
    payload = json.dumps(body_of(error, path)).encode()
    told = {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(payload))} | (more or {})
    if error.status == 401:
        told["WWW-Authenticate"] = 'Bearer realm="mecm"'
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": f"{over}.start", "status": error.status, "headers": headers})
    await send({"type": f"{over}.body", "body": payload})
