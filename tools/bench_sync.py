#!/usr/bin/env python3
"""The synchronization part of `make bench`: real site processes that talk over HTTP.

``python -m tools.bench_sync [growth] [first] [country]`` prints its figures alone.  Of what others
on the machine do, processor time knows least: where a ratio is promised, it is of that.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from tools.bench_mep import Figure, wait_for
from tools.bench_sync_country import country
from tools.sync_running import Site

FEW, MANY, CHANGES, ROUNDS = 100, 10_000, 10, 15
FIRST, OTHERS, FIRST_ROUNDS = 10_000, 1_000, 3
WORLD = [
    "Sites are processes of their own on SQLite and talk over HTTP; whatever makes load counts in",
    "the same cores.",
]


class Pair:
    """An edge that serves, and a center that reads it in another process."""

    def __init__(self, folder: Path, instances: int, others: int = 0) -> None:
        self.center = Site(folder, "center", "center")
        self.edge = Site(folder, "edge", "edge")
        self.edge.do("trust", **self.center.key)
        self.rows = self.edge.do("fill", instances=instances, others=others)
        self.known = self.center.do("follow", ip="127.0.0.1", port=self.edge.port)
        self.server: psutil.Process | None = None

    @contextmanager
    def serving(self) -> Iterator[Pair]:
        """With the edge's server."""
        with closing(self.center), closing(self.edge), self.edge.serving() as process:
            wait_for(self.edge.port)
            self.server = psutil.Process(process.pid)
            yield self

    def pull(self) -> dict[str, Any]:
        """One pull: its rows, its seconds, and the processor time of both sides."""
        before = self._busy()
        came: dict[str, Any] = self.center.do("pull", edge=self.known)
        if came["came"] != "ok" or came["held"]:
            raise RuntimeError(str(came))
        return came | {"both": came["busy"] + self._busy() - before}

    def _busy(self) -> float:
        assert self.server is not None  # noqa: S101 - it serves
        return sum(self.server.cpu_times()[:2])


def measure(chapters: tuple[str, ...] = ("growth", "first", "country")) -> list[Figure]:
    """All figures of these chapters."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "growth" in chapters:
            found.append(growth(folder / "growth"))
        if "first" in chapters:
            found += first(folder / "first")
        if "country" in chapters:
            found += country(folder / "country")
    return found


def growth(folder: Path) -> Figure:
    """A sync of ten changes at a large edge against a small one, in turn."""
    with ExitStack() as stack:
        small, large = (
            stack.enter_context(Pair(folder / str(size), size).serving()) for size in (FEW, MANY)
        )
        small.pull()
        large.pull()
        times = [(_changes(small), _changes(large)) for _ in range(ROUNDS + 2)][2:]
    busy = [statistics.median(one[side]["both"] for one in times) for side in (0, 1)]
    took = [statistics.median(one[side]["seconds"] for one in times) for side in (0, 1)]
    return Figure(
        f"sync of {CHANGES} changes, {MANY:,} instances at the edge against {FEW}",
        f"{busy[1] / busy[0]:.2f} times the CPU ({busy[1] * 1000:.0f} ms, {busy[0] * 1000:.0f} ms),"
        f" {took[1] / took[0]:.2f} times the time ({took[1] * 1000:.0f} ms)",
        "≤ 1.5 times",
    )


def _changes(pair: Pair) -> dict[str, Any]:
    pair.edge.do("touch", count=CHANGES)
    came = pair.pull()
    if came["rows"] < CHANGES:
        raise RuntimeError(str(came))
    return came


def first(folder: Path) -> list[Figure]:
    """The first sync of 10,000 rows: of instances alone, and of everything that travels."""
    mixed = FIRST - 4 * OTHERS
    return [
        _first(folder / "instances", "instances", FIRST, 0),
        _first(folder / "mixed", f"rows of every kind ({mixed:,} instances, {OTHERS:,} each of"
               " packages, distributions, rule sets, services)", mixed, OTHERS),
    ]


def _first(folder: Path, what: str, instances: int, others: int) -> Figure:
    rates, busy = [], []
    for number in range(FIRST_ROUNDS):
        with Pair(folder / str(number), instances, others).serving() as pair:
            came = pair.pull()
            if came["rows"] < pair.rows:
                raise RuntimeError(str(came))
            rates.append(came["rows"] / came["seconds"])
            busy.append(came["rows"] / max(came["busy"], came["both"] - came["busy"]))
    return Figure(
        f"first sync of {FIRST:,} {what}",
        f"{statistics.median(rates):.0f} rows/s ({statistics.median(busy):.0f} by the processor"
        " time of the busier side)",
        "≥ 2000 rows/s",
    )


def main() -> int:
    """Measure what the command line names, or all."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    sys.stdout.write(f"{os.cpu_count()} cores; load before: {load}\n")
    for one in measure(tuple(sys.argv[1:]) or ("growth", "first", "country")):
        sys.stdout.write(f"{one.what}: {one.measured} [{one.promised}]\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
