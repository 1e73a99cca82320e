"""The one source of time, so that tests set it and nobody sleeps.  Not for measuring durations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def _system_now() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system_now


def now() -> datetime:
    """The current time, aware and in UTC."""
    return _source()


class FrozenClock:
    """Time that stands still until ``advance`` is called."""

    def __init__(self, start: datetime) -> None:
        self.at = start

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> datetime:
        """Move on by a ``timedelta(**delta)`` and return the new time."""
        self.at += timedelta(**delta)
        return self.at


@contextmanager
def frozen(at: datetime | None = None) -> Iterator[FrozenClock]:
    """Hold the clock still inside the block; the clock that comes out can be advanced."""
    global _source
    before = _source
    clock = FrozenClock(at or before())
    _source = clock
    try:
        yield clock
    finally:
        _source = before
