"""What a host's score lacks to be among the chosen, said as a change of one fact.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.orchestration.placement.facts import SPREAD
from apps.orchestration.placement.scores import (
    DISTANCE,
    FILL,
    LOAD,
    REGION,
    WHOLE,
    Part,
    km_for,
    load_for,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """What has to be beaten: the score of the last choice, None while places are left.

    For spreading also, by region, the weakest choice's score without the region's part, and what
    a region earned when the last choice was made.
    """

    order: str
    last: int | None
    weakest: Mapping[str, int] = field(default_factory=dict)
    earned: Mapping[str, int] = field(default_factory=dict)


def to_win(bar: Bar, parts: Sequence[Part], score: int, region: str) -> tuple[Reason, ...]:
    """The change of its score that would make a host one of the chosen; nothing if none is needed.

    A host that was dropped is measured as if it had passed.
    """
    if bar.last is None:
        return ()
    if bar.order == SPREAD:
        return _in_its_region(bar, parts, region)
    lack = bar.last + 1 - score
    return (_change(parts[0], lack),) if lack > 0 else ()


def _in_its_region(bar: Bar, parts: Sequence[Part], region: str) -> tuple[Reason, ...]:
    """Beat the weakest choice of its own region, or the last choice in spite of its region."""
    rest = sum(part.worth for part in parts if part.name != REGION)
    last = bar.last or 0
    needed = last + 1 - bar.earned.get(region, WHOLE * parts[0].weight)
    if region in bar.weakest:
        needed = min(needed, bar.weakest[region] + 1)
    lack = needed - rest
    if lack <= 0:
        return ()
    load = next(part for part in parts if part.name == LOAD)
    if load.points + _ceil(lack, load.weight) > WHOLE:
        return (Reason(N_("be in a region that has fewer of the application"), "region_fewer"),)
    return (_change(load, lack),)


def _change(part: Part, lack: int) -> Reason:
    """How the fact behind ``part`` would have to be for the part to earn ``lack`` more."""
    points = part.points + _ceil(lack, part.weight)
    if points > WHOLE:
        left = _ceil((points - WHOLE) * part.weight, WHOLE // 10) / 10
        return Reason(_BEST[part.name], "points", {"points": f"{left:.1f}"})
    if part.name == DISTANCE:
        km = km_for(points)
        if km:
            return Reason(N_("be within %(km)s km of the point"), "near", {"km": f"{km:.1f}"})
        return Reason(N_("be at the point itself"), "near", {"km": "0.0"})
    text = N_("have at most %(percent)s %% in use")
    if part.name == FILL:
        text = N_("have at least %(percent)s %% in use")
    percent = load_for(part.name, points) * 100
    return Reason(text, part.name, {"percent": f"{percent:.1f}"})


# Where even the best that a part can be is not enough.
_BEST = {
    DISTANCE: N_("be at the point itself, and earn %(points)s points more in other parts"),
    LOAD: N_("have nothing in use, and earn %(points)s points more in other parts"),
    FILL: N_("have everything in use, and earn %(points)s points more in other parts"),
}


def _ceil(number: int, by: int) -> int:
    return -(-number // by)
