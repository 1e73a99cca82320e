"""What waits to be written to one socket: bounded, in order, and honest about what it dropped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from apps.monitoring.hub import Item

SIZE = 64

# A message of the socket itself, or an item of the hub.
Letter = Mapping[str, Any] | Item
GAP: Mapping[str, Any] = {"kind": "gap"}


class Outbox:
    """Letters for one socket.  When it is full, all of them give way to one gap marker."""

    def __init__(self, size: int = SIZE) -> None:
        self._letters: deque[Letter] = deque()
        self._size = size
        self._filled = asyncio.Event()

    def put(self, letter: Letter) -> None:
        """Add a letter; never waits."""
        if len(self._letters) >= self._size:
            self.gap()
            return
        self._letters.append(letter)
        self._filled.set()

    def gap(self) -> None:
        """Drop what waits and say so instead."""
        self._letters.clear()
        self._letters.append(GAP)
        self._filled.set()

    async def get(self) -> Letter:
        """The next letter, waiting for one."""
        while not self._letters:
            self._filled.clear()
            await self._filled.wait()
        return self._letters.popleft()
