"""Requests of the stand-in to the API server: repeated until they are answered, and watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tools.cluster.api import Access

Object = dict[str, Any]
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
PATIENCE = 0.3
WATCH_SECONDS = 600
TOO_OLD = 410


class Client:
    """One connection pool to one API server."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; inside of the running loop."""
        self._session = aiohttp.ClientSession(
            base_url=self._access.server,
            headers=self._access.headers,
            connector=aiohttp.TCPConnector(ssl=self._access.ssl_context(), limit=32),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def close(self) -> None:
        """Give the connections up."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open pool."""
        if self._session is None:
            raise RuntimeError("the client is not open")
        return self._session

    async def call(
        self, method: str, path: str, body: Object | None = None, kind: str = "application/json"
    ) -> tuple[int, Object]:
        """Status and answer; asked again while the API server is away, busy or broken."""
        data = None if body is None else json.dumps(body)
        while True:
            try:
                async with self.session.request(
                    method, path, data=data, headers={"Content-Type": kind}
                ) as answer:
                    if answer.status < 500 and answer.status != 429:
                        return answer.status, json.loads(await answer.read())
            except (TimeoutError, aiohttp.ClientError):
                pass
            await asyncio.sleep(PATIENCE)

    async def watch(self, path: str, selector: str = "") -> AsyncIterator[tuple[str, Object]]:
        """Changes for ever, as (type, object); LISTED carries a whole list, at each beginning."""
        while True:
            query = f"?fieldSelector={selector}" if selector else "?"
            status, listed = await self.call("GET", path + query)
            if status != 200:
                await asyncio.sleep(PATIENCE)
                continue
            yield "LISTED", listed
            version = listed["metadata"]["resourceVersion"]
            try:
                async for kind, one in self._changes(path + query, version):
                    yield kind, one
            except (TimeoutError, aiohttp.ClientError):
                await asyncio.sleep(PATIENCE)

    async def _changes(self, path: str, version: str) -> AsyncIterator[tuple[str, Object]]:
        """Changes until the watch ends or the server has forgotten where it was."""
        query = f"&watch=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
        patience = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self.session.get(path + query, timeout=patience) as answer:
            if answer.status != 200:
                return
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return
                    yield event["type"], event["object"]
