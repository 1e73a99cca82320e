"""The one source of time, so that tests set it and nobody sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def _system_now() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system_now
_seconds: Callable[[], float] = time.time
_ticks: Callable[[], float] = time.monotonic


def now() -> datetime:
    """The current time, aware and in UTC."""
    return _source()


def wall() -> float:
    """Seconds since the epoch: ``now`` as a number, for what happens very often."""
    return _seconds()


def monotonic() -> float:
    """Seconds that only ever grow, whatever happens to the wall clock: for deadlines in memory."""
    return _ticks()


class FrozenClock:
    """Time that stands still until ``advance`` is called."""

    def __init__(self, start: datetime) -> None:
        self.at = start
        self._ticks_offset = time.monotonic() - start.timestamp()

    def seconds(self) -> float:
        """The wall's time as a number."""
        return self.at.timestamp()

    def ticks(self) -> float:
        """The monotonic side of this clock: it advances with the wall."""
        return self.at.timestamp() + self._ticks_offset

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> datetime:
        """Move on by a ``timedelta(**delta)`` and return the new time."""
        self.at += timedelta(**delta)
        return self.at


@contextmanager
def frozen(at: datetime | None = None) -> Iterator[FrozenClock]:
    """Hold the clock still inside the block; the clock that comes out can be advanced."""
    global _source, _seconds, _ticks
    before = _source, _seconds, _ticks
    clock = FrozenClock(at or _source())
    _source, _seconds, _ticks = clock, clock.seconds, clock.ticks
    try:
        yield clock
    finally:
        _source, _seconds, _ticks = before
