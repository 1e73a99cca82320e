"""The scores: how well a host that passed suits the order, in parts that add up.  Pure.

A part is worth 0 to ``WHOLE`` points and counts with its weight; the weights of an order add up to
100.  All of it is whole numbers, so that the same facts give the same sum on every machine.  What
is not known earns nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from django.utils.translation import gettext_noop as N_

from apps.orchestration.placement.facts import (
    LEAST_LOADED,
    NEAREST,
    PACK,
    SPREAD,
    HostFacts,
    Question,
)
from apps.orchestration.placement.space import km_between, load_of

WHOLE = 1_000_000
HALF_KM = 100.0  # at this distance a host is worth half of one at the point itself

LOAD, FILL, DISTANCE, REGION = "load", "fill", "distance", "region"
INSTANCES, COMPANY, PACKAGE = "instances", "company", "package"
LABELS = {
    LOAD: N_("Low load"),
    FILL: N_("High load"),
    DISTANCE: N_("Nearness"),
    REGION: N_("Few in its region"),
    INSTANCES: N_("Few instances"),
    COMPANY: N_("Many instances"),
    PACKAGE: N_("Has the package"),
}

# The first part is what the order is about; the others only decide between hosts that are close.
WEIGHTS: dict[str, tuple[tuple[str, int], ...]] = {
    LEAST_LOADED: ((LOAD, 94), (INSTANCES, 4), (PACKAGE, 2)),
    NEAREST: ((DISTANCE, 96), (LOAD, 3), (PACKAGE, 1)),
    SPREAD: ((REGION, 80), (LOAD, 18), (PACKAGE, 2)),
    PACK: ((FILL, 94), (COMPANY, 4), (PACKAGE, 2)),
}


class Part(NamedTuple):
    """One part of a score: its points, its weight, and the fact it came from.

    ``value`` is that fact as a number, None when it is unknown: a share from 0 to 1, kilometres, or
    a count.
    """

    name: str
    points: int
    weight: int
    value: float | None

    @property
    def worth(self) -> int:
        """What the part adds to the sum."""
        return self.points * self.weight


def parts_of(host: HostFacts, ask: Question, in_region: int = 0) -> list[Part]:
    """The parts of a host's score; ``in_region`` is how many its region has of the application."""
    return [
        _PARTS[name](name, weight, host, ask, in_region)
        for name, weight in WEIGHTS[ask.strategy.order]
    ]


def _load(name: str, weight: int, host: HostFacts, ask: Question, in_region: int) -> Part:
    load = load_of(host)
    if load is None:
        return Part(name, 0, weight, None)
    return Part(name, _points(load if name == FILL else 1 - load), weight, load)


def _distance(name: str, weight: int, host: HostFacts, ask: Question, in_region: int) -> Part:
    km = km_between(host, ask.strategy)
    points = 0 if km is None else _points(HALF_KM / (HALF_KM + km))
    return Part(name, points, weight, km)


def _region(name: str, weight: int, host: HostFacts, ask: Question, in_region: int) -> Part:
    return Part(name, region_points(in_region), weight, float(in_region))


def _package(name: str, weight: int, host: HostFacts, ask: Question, in_region: int) -> Part:
    has = host.counted.has_package
    return Part(name, WHOLE if has else 0, weight, float(has))


def _instances(name: str, weight: int, host: HostFacts, ask: Question, in_region: int) -> Part:
    count = host.counted.instances
    share = 1 / (1 + count)
    points = _points(share if name == INSTANCES else 1 - share)
    return Part(name, points, weight, float(count))


_PARTS: dict[str, Callable[[str, int, HostFacts, Question, int], Part]] = {
    LOAD: _load,
    FILL: _load,
    DISTANCE: _distance,
    REGION: _region,
    PACKAGE: _package,
    INSTANCES: _instances,
    COMPANY: _instances,
}


def region_points(in_region: int) -> int:
    """What a region earns that has so many of the application already."""
    return WHOLE // (1 + in_region)


def load_for(name: str, points: int) -> float:
    """The load that earns so many points, on the safe side by 0.1 %."""
    if name == FILL:
        return min(1.0, math.ceil((points + 1) / WHOLE * 1000) / 1000)
    return max(0.0, math.floor((WHOLE - points - 1) / WHOLE * 1000) / 1000)


def km_for(points: int) -> float:
    """The distance that earns so many points, on the safe side by 100 m."""
    return max(0.0, math.floor((HALF_KM * WHOLE / (points + 1) - HALF_KM) * 10) / 10)


def _points(share: float) -> int:
    if share >= 1.0:
        return WHOLE
    return int(share * WHOLE) if share > 0.0 else 0
