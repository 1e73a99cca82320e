"""The log of one run of a container.

A container writes steadily, so its log follows from when it started, its rate and when it ended: no
line is stored, and a log that nobody reads costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

BILLION = 1_000_000_000


@dataclass(slots=True)
class Run:
    """One run of a container, from start to end; times are in seconds since 1970."""

    started: float
    number: int
    rate: float
    text: str
    ended: float | None = None
    exit_code: int = 0
    reason: str = ""
    last_line: str = ""
    id: str = field(default_factory=lambda: f"stand-in://{uuid4().hex}")

    def end(self, at: float, exit_code: int, reason: str, last_line: str = "") -> None:
        """The container ends; ``last_line`` is what it still had to say."""
        self.ended, self.exit_code, self.reason = at, exit_code, reason
        self.last_line = last_line

    def steady_lines(self, now: float) -> int:
        """How many lines it has written at its rate."""
        upto = now if self.ended is None else min(now, self.ended)
        return (
            1 + max(0, math.floor((upto - self.started) * self.rate)) if self.started <= now else 0
        )

    def lines(self, now: float) -> int:
        """How many lines there are."""
        over = self.ended is not None and self.ended <= now
        return self.steady_lines(now) + (1 if over and self.last_line else 0)

    def time_of(self, index: int) -> float:
        """When a line was or will be written."""
        if self.ended is not None and index >= self.steady_lines(self.ended):
            return self.ended
        return self.started + (index / self.rate if self.rate else math.inf if index else 0)

    def line(self, index: int, *, timestamps: bool) -> str:
        """One line with its end."""
        if self.ended is not None and index >= self.steady_lines(self.ended):
            text = self.last_line
        else:
            text = f"run {self.number} line {index}" + (f" {self.text}" if self.text else "")
        return (f"{stamp(self.time_of(index))} {text}\n") if timestamps else f"{text}\n"


@dataclass(frozen=True, slots=True)
class Query:
    """Which lines are wanted, in the words of the kubelet's ``/containerLogs``."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: float | None = None
    tail: int | None = None
    limit_bytes: int | None = None

    @classmethod
    def read(cls, said: Mapping[str, str], now: float) -> Query:
        """Of the query string; raises ValueError."""
        since = None
        if said.get("sinceSeconds"):
            since = now - int(said["sinceSeconds"])
        elif said.get("sinceTime"):
            since = datetime.fromisoformat(said["sinceTime"]).timestamp()
        return cls(
            follow=said.get("follow") == "true",
            previous=said.get("previous") == "true",
            timestamps=said.get("timestamps") == "true",
            since=since,
            tail=int(said["tailLines"]) if said.get("tailLines") else None,
            limit_bytes=int(said["limitBytes"]) if said.get("limitBytes") else None,
        )

    def first(self, run: Run, now: float) -> int:
        """The index of the first line that is wanted."""
        total = run.lines(now)
        first = 0 if self.tail is None else max(0, total - self.tail)
        if self.since is not None:
            # Not limited to what there is now: lines are added while these are read.
            first = max(first, math.floor((self.since - run.started) * run.rate))
            # One that has ended writes no more, and none of its lines is as late as that.
            while run.time_of(first) < self.since and (first < total or run.ended is None):
                first += 1
        return first


def stamp(at: float) -> str:
    """A time as the kubelet writes it before a line."""
    nanoseconds = round(at * BILLION)
    whole = datetime.fromtimestamp(nanoseconds // BILLION, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{nanoseconds % BILLION:09d}Z"
