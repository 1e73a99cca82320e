"""What the supervisor writes to its terminal: one line per event, with the site's name in front."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

LINE_LIMIT = 2**20


class Console:
    """Writes whole lines; a terminal that went away does not stop the sites."""

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names), default=0)

    def say(self, line: str = "") -> None:
        """Write a line of the supervisor itself."""
        with suppress(OSError, ValueError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def event(self, name: str, line: str) -> None:
        """Write a line about one site."""
        self.say(f"{name:<{self._width}} | {line}")

    async def follow(self, name: str, stream: asyncio.StreamReader) -> None:
        """Write every line that a site's process writes, until it ends."""
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # longer than the limit
                continue
            if not line:
                return
            self.event(name, line.decode(errors="replace").rstrip())
