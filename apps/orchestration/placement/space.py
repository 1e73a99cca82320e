"""Room and distance, computed from facts.  Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from apps.orchestration.placement.facts import Amounts, HostFacts, Question, Strategy

EARTH_KM = 6371.0
# Light in fibre covers about 200 km in a millisecond; the way there and back is twice as long.
FIBRE_KM_PER_MS = 200.0


def room_of(host: HostFacts) -> Amounts:
    """What is free: the total less what the probe saw in use and what was promised since."""
    total, used, promised = host.seen.total, host.seen.used, host.counted.promised
    return (
        _left(total[0], used[0], promised[0]),
        _left(total[1], used[1], promised[1]),
        _left(total[2], used[2], promised[2]),
    )


def _left(total: float | None, used: float | None, promised: float | None) -> float | None:
    return None if total is None or used is None else total - used - (promised or 0.0)


def load_of(host: HostFacts) -> float | None:
    """The share in use of the scarcest resource, from 0 to 1; None when none of them is known."""
    totals = host.seen.total
    free = room_of(host)
    shares = [
        1 - free[at] / totals[at]  # type: ignore[operator]
        for at in (0, 1, 2)
        if totals[at] and free[at] is not None
    ]
    return min(1.0, max(0.0, *shares)) if shares else None


def relieved(host: HostFacts, ask: Question) -> HostFacts:
    """The host with as much freed as the question needs of each resource that is known."""
    used = []
    for at, (amount, free) in enumerate(zip(host.seen.used, room_of(host), strict=True)):
        need = max(ask.demand[at] or 0.0, ask.strategy.free[at] or 0.0)
        known = amount is not None and free is not None
        used.append(amount - max(0.0, need - free) if known else amount)  # type: ignore[operator]
    return replace(host, seen=replace(host.seen, used=(used[0], used[1], used[2])))


def km_between(host: HostFacts, strategy: Strategy) -> float | None:
    """Kilometres along the great circle from the host to the strategy's point; None if unknown."""
    there = host.configured
    if there.latitude is None or there.longitude is None:
        return None
    if strategy.latitude is None or strategy.longitude is None:
        return None
    return _great_circle(
        there.latitude, there.longitude, strategy.latitude, strategy.longitude
    )


@lru_cache(maxsize=8192)
def _great_circle(latitude: float, longitude: float, to_lat: float, to_long: float) -> float:
    first, second = math.radians(latitude), math.radians(to_lat)
    half_up = (second - first) / 2
    half_along = math.radians(to_long - longitude) / 2
    chord = math.sin(half_up) ** 2 + math.cos(first) * math.cos(second) * math.sin(half_along) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))


def fibre_ms(km: float) -> float:
    """The round trip over ``km`` of fibre at best, in milliseconds: no network is quicker."""
    return 2 * km / FIBRE_KM_PER_MS
