"""Finds where a service is, without asking the MEP each time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from apps.agent.client import SERVICES, MepClient, Unreachable
from apps.agent.pace import Pace

FRESH_SECONDS = 3.0
STALE_SECONDS = 60.0
PATIENCE_SECONDS = 6.0  # also covers waiting for a token
MOST_NAMES = 256


class NotFound(LookupError):
    """No active service has the name."""


@dataclass(frozen=True)
class Found:
    """An endpoint as the MEP has it; ``stale`` when the MEP could not be asked just now."""

    endpoint: dict[str, Any]
    at: float
    stale: bool = False


class Endpoints:
    """A small cache of what the MEP answered."""

    def __init__(self, client: MepClient, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._found: dict[str, Found] = {}

    async def find(self, name: str) -> Found:
        """The endpoint of the first active service of that name; raises NotFound or Unreachable."""
        known = self._found.get(name)
        if known and self._age(known) < FRESH_SECONDS:
            return known
        try:
            endpoint = await self._ask(name)
        except Unreachable:
            if known and self._age(known) < STALE_SECONDS:
                return Found(known.endpoint, known.at, stale=True)
            raise
        self._found.pop(name, None)
        if endpoint is None:
            raise NotFound(name)
        if len(self._found) >= MOST_NAMES:
            self._found.pop(next(iter(self._found)))  # the one asked for longest ago
        self._found[name] = Found(endpoint, self._pace.monotonic())
        return self._found[name]

    def _age(self, found: Found) -> float:
        return self._pace.monotonic() - found.at

    async def _ask(self, name: str) -> dict[str, Any] | None:
        link = f"{SERVICES}/services?{urlencode({'ser_name': name})}"
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await self._client.call("GET", link)
        except TimeoutError:
            raise Unreachable("there is no token") from None
        if not answer.fine:
            if answer.status in (400, 404):
                return None  # no service can have such a name
            raise Unreachable(f"the MEP answered {answer}")
        for info in answer.items():
            transport = info.get("transportInfo")
            endpoint = transport.get("endpoint") if isinstance(transport, dict) else None
            if (info.get("serName"), info.get("state")) == (name, "ACTIVE") and isinstance(
                endpoint, dict
            ):
                return endpoint
        return None
