"""The yardstick: an application that does nothing on the fastest ASGI server there is here."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer 204 without looking at anything."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        application, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="uvloop",
        lifespan="off", log_level="error", access_log=False,
    )
