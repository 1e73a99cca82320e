"""A browser may hang: whatever is done with one has a limit, and is begun again once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

LAUNCH_SECONDS, CALL_SECONDS, CLOSE_SECONDS = 20.0, 45.0, 8.0
# What went over its limit in this process; grows.
hangs: list[str] = []


class Hangs(Exception):
    """No answer came from the browser or its driver."""


@contextmanager
def at_most(seconds: float, what: str) -> Iterator[None]:
    """Raise Hangs inside the block when it takes longer; for the main thread only."""

    def over(number: int, frame: FrameType | None) -> None:
        hangs.append(what)
        raise Hangs(f"{what} took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def children() -> set[int]:
    """The processes that descend from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found, more = set(), {os.getpid()}
    while more:
        more = {key for key, parent in parents.items() if parent in more} - found
        found |= more
    return found


def end(processes: set[int]) -> None:
    """``kill -9``: for those that do not end by themselves."""
    for number in processes:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue
