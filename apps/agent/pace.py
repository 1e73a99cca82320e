"""Time and chance.  Tests give a pace of their own, so that nothing has to be waited for."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

SHORTEST, LONGEST = 1.0, 60.0
LONGEST_ASKED = 300.0  # whatever a server says, it is asked again some day
SPREAD = 0.2  # beats come up to this share early, so that a thousand agents do not beat as one


@dataclass(frozen=True)
class Pace:
    """How long to wait, and the waiting itself."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def after(self, failures: int) -> float:
        """Seconds until the next try after so many failures in a row: 1 to 60, with jitter."""
        most = min(LONGEST, 2.0 ** min(failures, 8))
        return max(SHORTEST, most * (0.5 + 0.5 * self.chance()))

    def asked(self, seconds: float) -> float:
        """How long to leave a server alone that asked for it: as long, or up to a fifth longer."""
        return min(seconds, LONGEST_ASKED) * (1 + SPREAD * self.chance())

    def early(self, interval: float) -> float:
        """The interval or up to a fifth less; never more, since who is late is suspended."""
        return interval * (1 - SPREAD * self.chance())

    async def wait(self, seconds: float, wake: asyncio.Event) -> None:
        """Sleep for ``seconds``, or until ``wake`` is set, which is taken back then."""
        waits = [
            asyncio.ensure_future(self.sleep(max(0.0, seconds))),
            asyncio.ensure_future(wake.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        wake.clear()
