"""Asks a site over HTTP whether it answers.  Loads no HTTP library: the supervisor stays small."""

from __future__ import annotations

import asyncio

PATH = "/healthz"
SECONDS = 2.0


async def answers(ip: str, port: int) -> bool:
    """Whether ``GET /healthz`` is answered with 200 in time."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _status(ip, port) == b"200"
    except (OSError, TimeoutError):
        return False


async def _status(ip: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(ip, port)
    try:
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nHost: {ip}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        words = (await reader.readline()).split()
        return words[1] if len(words) > 1 else b""
    finally:
        writer.close()
