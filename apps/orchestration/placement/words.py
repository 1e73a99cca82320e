"""What was asked and what a score came from, as sentences for people.  Pure."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.orchestration.placement.facts import (
    DROP,
    KEEP,
    LEAST_LOADED,
    NEAREST,
    PACK,
    SPREAD,
    Amounts,
    Question,
)
from apps.orchestration.placement.scores import (
    DISTANCE,
    FILL,
    LOAD,
    PACKAGE,
    REGION,
    Part,
)

ORDER_LABELS = {
    LEAST_LOADED: N_("least loaded first"),
    NEAREST: N_("nearest first"),
    SPREAD: N_("spread over the regions"),
    PACK: N_("fullest first"),
}
TREATMENTS = {KEEP: N_("kept"), DROP: N_("dropped")}
_UNITS = (N_("%(amount)s vCPU"), N_("%(amount)s MiB of memory"), N_("%(amount)s GiB of storage"))


def asked(question: Question) -> list[Reason]:
    """The strategy as a list of short sentences, only what it asks for."""
    wants = question.strategy
    told = [Reason(N_("hosts wanted: %(count)s"), "", {"count": wants.count})]
    for text, values in (
        (N_("only: %(values)s"), wants.hosts),
        (N_("none of: %(values)s"), wants.exclude),
        (N_("region: %(values)s"), wants.regions),
        (N_("tagged: %(values)s"), wants.tags),
        (N_("architecture: %(values)s"), wants.architectures),
        (N_("capability: %(values)s"), wants.capabilities),
        (N_("VIM: %(values)s"), wants.vims),
    ):
        if values:
            told.append(Reason(text, "", {"values": ", ".join(values)}))
    told += [
        Reason(N_("free at least: %(values)s"), "", {"values": str(one)})
        for one in amounts(wants.free)
    ]
    if wants.has_point:
        point = {"latitude": f"{wants.latitude:.4f}", "longitude": f"{wants.longitude:.4f}"}
        told.append(Reason(N_("near %(latitude)s, %(longitude)s"), "", point))
    for text, number in (
        (N_("at most %(number)s km away"), wants.max_distance_km),
        (N_("at most %(number)s ms there and back"), wants.max_latency_ms),
        (N_("seen in the last %(number)s s"), wants.max_age_s),
    ):
        if number is not None:
            told.append(Reason(text, "", {"number": f"{number:g}"}))
    told.append(Reason(ORDER_LABELS[wants.order]))
    return told


def amounts(room: Amounts) -> list[Reason]:
    """The resources of which something is asked."""
    return [
        Reason(unit, "", {"amount": f"{amount:g}"})
        for unit, amount in zip(_UNITS, room, strict=True)
        if amount
    ]


def fact_of(part: Part) -> Reason:
    """The fact that a part of a score came from."""
    if part.value is None:
        return Reason(N_("unknown"))
    if part.name in (LOAD, FILL):
        return Reason(N_("%(percent)s %% in use"), "", {"percent": f"{part.value * 100:.0f}"})
    if part.name == DISTANCE:
        return Reason(N_("%(km)s km away"), "", {"km": f"{part.value:.1f}"})
    if part.name == PACKAGE:
        return Reason(N_("it is there")) if part.value else Reason(N_("it is not there"))
    if part.name == REGION:
        return Reason(N_("%(number)s in the region"), "", {"number": int(part.value)})
    return Reason(N_("%(number)s instances"), "", {"number": int(part.value)})
