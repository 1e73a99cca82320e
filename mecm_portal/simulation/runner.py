"""Many runs, in one process or several, and what they reached."""

from __future__ import annotations

import gc
import multiprocessing
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait

from mecm_portal.simulation.schedule import Outcome, Schedule
from mecm_portal.simulation.world import World, empty_database, simulated

AT_ONCE = 10
Part = tuple[Counter[str], list[Outcome]]


@dataclass
class Report:
    """What many runs came to."""

    tally: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, part: Part) -> None:
        """Some more runs."""
        self.tally.update(part[0])
        self.failed = sorted([*self.failed, *part[1]], key=lambda one: one.seed)

    def line(self) -> str:
        """All of it in one line."""
        first = ("seeds", "steps", "requests", "violations")
        rest = sorted(name for name in self.tally if name not in first)
        words = ", ".join(f"{self.tally[name]} {name}" for name in (*first, *rest))
        return f"{words}; {self.tally['steps'] / max(self.seconds, 1e-9):.0f} steps/s"


def play(world: World, seeds: Iterable[int], steps: int) -> Iterator[Part]:
    """Play the seeds, some at a time; of those that violated something with their traces."""
    failed: list[Outcome] = []
    # What a run leaves is looked through once, when it is over.
    gc.disable()
    try:
        for number, seed in enumerate(seeds, start=1):
            outcome = Schedule(world, seed).go(steps)
            if outcome.violation:
                failed.append(outcome)
            if number % AT_ONCE == 0:
                gc.collect()
                yield Counter(world.tally), failed
                world.tally.clear()
                failed = []
    finally:
        gc.enable()
    yield Counter(world.tally), failed
    world.tally.clear()


def play_all(
    seeds: Sequence[int], steps: int, *, jobs: int = 1, empty: sqlite3.Connection | None = None
) -> Iterator[Report]:
    """The report so far, now and then, and at the end; ``jobs`` processes share the seeds."""
    report, began = Report(), time.monotonic()
    empty = empty or empty_database()
    parts = _alone(seeds, steps, empty) if jobs == 1 else _together(seeds, steps, jobs, empty)
    for part in parts:
        report.add(part)
        report.seconds = time.monotonic() - began
        yield report


def _alone(seeds: Sequence[int], steps: int, empty: sqlite3.Connection) -> Iterator[Part]:
    with simulated(empty) as world:
        world.tally.clear()
        yield from play(world, seeds, steps)


def _together(
    seeds: Sequence[int], steps: int, jobs: int, empty: sqlite3.Connection
) -> Iterator[Part]:
    # Forked, so that each has the empty database and the program as they are now.
    context = multiprocessing.get_context("fork")
    ends: list[Connection] = []
    for number in range(jobs):
        ours, theirs = context.Pipe(duplex=False)
        context.Process(
            target=_child, args=(seeds[number::jobs], steps, empty, theirs), daemon=True
        ).start()
        theirs.close()
        ends.append(ours)
    while ends:
        for end in wait(ends):
            assert isinstance(end, Connection)  # noqa: S101 - nothing else is waited for
            try:
                yield end.recv()
            except EOFError:
                ends.remove(end)


def _child(
    seeds: Sequence[int], steps: int, empty: sqlite3.Connection, end: Connection
) -> None:
    for part in _alone(seeds, steps, empty):
        end.send(part)
    end.close()
