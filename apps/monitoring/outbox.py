"""What waits to be written to one socket: bounded, in order, and honest about what it dropped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from apps.monitoring.hub import Item

SIZE = 64
MOST = 512

# A message of the socket itself, or an item of the hub.
Letter = Mapping[str, Any] | Item
GAP: Mapping[str, Any] = {"kind": "gap"}


class Outbox:
    """Letters for one socket.  When news is too much, all of it gives way to one gap marker.

    Answers to the client itself stay; a client that asks and never reads loses those too.
    """

    def __init__(self, size: int = SIZE, most: int = MOST) -> None:
        self._letters: deque[Letter] = deque(maxlen=most)
        self._size = size
        self._news = 0
        self._filled = asyncio.Event()

    def put(self, letter: Letter) -> None:
        """Add a letter; never waits."""
        if isinstance(letter, Item):
            if self._news >= self._size:
                self.gap()
                return
            self._news += 1
        self._letters.append(letter)
        self._filled.set()

    def gap(self) -> None:
        """Drop the news that waits and say so instead."""
        kept = [one for one in self._letters if not isinstance(one, Item) and one is not GAP]
        self._letters.clear()
        self._letters.extend([*kept, GAP])
        self._news = 0
        self._filled.set()

    async def get(self) -> Letter:
        """The next letter, waiting for one."""
        while not self._letters:
            self._filled.clear()
            await self._filled.wait()
        letter = self._letters.popleft()
        if isinstance(letter, Item):
            self._news -= 1
        return letter
