"""Samples of load in a ring of bytes.  Pure: knows no rows and no clock.

A ring has a place for each of its last ``length`` slots of ``step`` seconds.  A sample carries the
number of its slot, so that what is older than the ring, or was never written, is a gap by itself.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from apps.vim.contract import Meter

_RECORD: Final = struct.Struct("<I6f")  # slot, then used and total of each meter; NaN: not known
UNKNOWN: Final = Meter()
METERS: Final = ("cpu", "memory", "storage")


@dataclass(frozen=True, slots=True)
class Resolution:
    """So many slots of so many seconds."""

    step: int
    length: int

    @property
    def seconds(self) -> int:
        """How far back it reaches."""
        return self.step * self.length

    @property
    def size(self) -> int:
        """Bytes of a ring."""
        return self.length * _RECORD.size


# An hour closely, a day coarsely.  A center that asks its edges does so half as often.
NEAR: Final = Resolution(30, 120)
FAR: Final = Resolution(60, 60)
DAY: Final = Resolution(600, 144)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured in the slot that begins at ``at``."""

    at: datetime
    cpu: Meter = UNKNOWN
    memory: Meter = UNKNOWN
    storage: Meter = UNKNOWN


def empty(kind: Resolution) -> bytes:
    """A ring without samples."""
    return bytes(kind.size)


def put(ring: bytes, kind: Resolution, sample: Sample) -> bytes:
    """The ring with ``sample`` in its slot, whatever stood there before."""
    held = bytearray(ring if len(ring) == kind.size else empty(kind))
    slot = _slot(kind, sample.at)
    meters = (getattr(sample, name) for name in METERS)
    numbers = [_packed(value) for meter in meters for value in (meter.used, meter.total)]
    _RECORD.pack_into(held, slot % kind.length * _RECORD.size, slot, *numbers)
    return bytes(held)


def read(ring: bytes, kind: Resolution, now: datetime) -> list[Sample]:
    """The samples that are not older than the ring reaches, oldest first."""
    if len(ring) != kind.size:
        return []
    last = _slot(kind, now)
    found = []
    for slot, *numbers in _RECORD.iter_unpack(ring):
        if last - kind.length < slot <= last:
            known = [None if math.isnan(value) else float(f"{value:.6g}") for value in numbers]
            pairs = (Meter(*known[at : at + 2]) for at in range(0, len(known), 2))
            found.append((slot, Sample(datetime.fromtimestamp(slot * kind.step, UTC), *pairs)))
    return [sample for _, sample in sorted(found, key=lambda pair: pair[0])]


def closed(samples: Iterable[Sample], kind: Resolution, now: datetime) -> list[Sample]:
    """The means of ``samples`` in each slot of ``kind`` that has ended by ``now``."""
    by_slot: dict[int, list[Sample]] = {}
    for sample in samples:
        by_slot.setdefault(_slot(kind, sample.at), []).append(sample)
    current = _slot(kind, now)
    return [
        Sample(
            datetime.fromtimestamp(slot * kind.step, UTC),
            *(_mean(getattr(one, name) for one in rows) for name in METERS),
        )
        for slot, rows in sorted(by_slot.items())
        if slot < current
    ]


def _slot(kind: Resolution, at: datetime) -> int:
    return int(at.timestamp()) // kind.step


def _packed(value: float | None) -> float:
    return math.nan if value is None else min(value, 1e38)  # the greatest that four bytes hold


def _mean(meters: Iterable[Meter]) -> Meter:
    """What was used on average, out of the last total that was known."""
    used, last = [], None
    for meter in meters:
        if meter.used is not None:
            used.append(meter.used)
        last = meter.total if meter.total is not None else last
    return Meter(sum(used) / len(used) if used else None, last)
