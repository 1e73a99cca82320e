"""The filters: each passes a host, or says why not and what would have to change.  Pure.

``unknown`` is what a filter does with a host of which it does not know the fact: requirements that
somebody stated drop it, since what cannot be shown does not hold; what nobody asked for by name
keeps it.  A strategy may say otherwise for every filter that has a choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.orchestration.placement.facts import (
    CORDONED,
    DRAINING,
    DROP,
    KEEP,
    REMOVING,
    Amounts,
    HostFacts,
    Question,
)
from apps.orchestration.placement.space import fibre_ms, km_between, room_of

RESOURCES = ("cpus", "memory_mb", "storage_gb")


class Finding(NamedTuple):
    """Why a filter does not pass a host, and the change that would make it.

    ``unknown`` when the fact is missing rather than wrong.
    """

    why: Reason
    change: Reason
    unknown: bool = False


Test = Callable[[HostFacts, Question], Finding | None]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter; ``unknown`` is "keep", "drop", or empty where its fact is always known."""

    name: str
    label: str
    unknown: str
    wanted: Callable[[Question], object]
    test: Test


def _standing(host: HostFacts, ask: Question) -> Finding | None:
    standing = host.configured.standing
    if standing == CORDONED:
        return Finding(Reason(N_("It is cordoned.")), Reason(N_("uncordon it"), "uncordon"))
    if standing == DRAINING:
        return Finding(
            Reason(N_("It is being drained.")),
            Reason(N_("end the draining and uncordon it"), "uncordon"),
        )
    if standing == REMOVING:
        return Finding(
            Reason(N_("It is being removed.")), Reason(N_("register it again"), "register")
        )
    return None


def _tenant(host: HostFacts, ask: Question) -> Finding | None:
    if host.configured.open_to_tenant:
        return None
    return Finding(
        Reason(N_("It is not open to the tenant.")), Reason(N_("open it to the tenant"), "grant")
    )


def _excluded(host: HostFacts, ask: Question) -> Finding | None:
    if not {host.id, host.ip, host.name} & set(ask.strategy.exclude):
        return None
    return Finding(
        Reason(N_("The strategy excludes it.")),
        Reason(N_("take it off the strategy's exclusions"), "include"),
    )


def _name(host: HostFacts, ask: Question) -> Finding | None:
    if not host.counted.taken:
        return None
    named = {"name": ask.app_name}
    return Finding(
        Reason(N_("The tenant has an instance “%(name)s” there already."), "", named),
        Reason(N_("terminate “%(name)s” there, or choose another name"), "name_taken", named),
    )


def _runs(host: HostFacts, ask: Question) -> Finding | None:
    if ask.app_class in host.configured.runs:
        return None
    params = {"vim": host.configured.vim, "class": ask.app_class}
    return Finding(
        Reason(N_("%(vim)s cannot run a package of class “%(class)s”."), "", params),
        Reason(N_("have a VIM that runs packages of class “%(class)s”"), "runs", params),
    )


def _reachable(host: HostFacts, ask: Question) -> Finding | None:
    if host.seen.reachable:
        return None
    if host.seen.reachable is None:
        return Finding(
            Reason(N_("Whether it answers is unknown.")), Reason(N_("be probed"), "reach"), True
        )
    return Finding(Reason(N_("It does not answer.")), Reason(N_("answer again"), "reach"))


def _region(host: HostFacts, ask: Question) -> Finding | None:
    wanted, region = ask.strategy.regions, host.configured.region
    return None if region in wanted else _elsewhere(region, wanted)


@lru_cache(maxsize=1024)
def _elsewhere(region: str, wanted: tuple[str, ...]) -> Finding:
    change = Reason(N_("be in the region %(wanted)s"), "region", {"wanted": _any(wanted)})
    if not region:
        return Finding(Reason(N_("Its region is unknown.")), change, True)
    return Finding(Reason(N_("It is in the region %(region)s."), "", {"region": region}), change)


def _tags(host: HostFacts, ask: Question) -> Finding | None:
    missing = _missing(ask.strategy.tags, host.configured.tags)
    return _untagged(tuple(missing)) if missing else None


@lru_cache(maxsize=1024)
def _untagged(missing: tuple[str, ...]) -> Finding:
    params = {"missing": ", ".join(missing)}
    return Finding(
        Reason(N_("It lacks the tag %(missing)s."), "", params),
        Reason(N_("be tagged %(missing)s"), "tag", params),
    )


def _architecture(host: HostFacts, ask: Question) -> Finding | None:
    wanted, has = ask.strategy.architectures, host.seen.architectures
    if has is not None and not _plain_set(wanted).isdisjoint(has):
        return None
    change = Reason(
        N_("have the architecture %(wanted)s"), "architecture", {"wanted": _any(wanted)}
    )
    if has is None:
        return Finding(Reason(N_("Its architecture is unknown.")), change, True)
    return Finding(Reason(N_("It is %(has)s."), "", {"has": ", ".join(has)}), change)


def _capability(host: HostFacts, ask: Question) -> Finding | None:
    has = host.seen.capabilities
    missing = _missing(ask.strategy.capabilities, has or ())
    if not missing:
        return None
    params = {"missing": ", ".join(missing)}
    change = Reason(N_("have the capability %(missing)s"), "capability", params)
    if has is None:
        return Finding(Reason(N_("Its capabilities are unknown.")), change, True)
    return Finding(Reason(N_("It lacks the capability %(missing)s."), "", params), change)


def _vim(host: HostFacts, ask: Question) -> Finding | None:
    wanted, vim = ask.strategy.vims, host.configured.vim
    if vim in wanted:
        return None
    change = Reason(N_("have the VIM %(wanted)s"), "vim", {"wanted": _any(wanted)})
    if not vim:
        return Finding(Reason(N_("Its kind of VIM is unknown.")), change, True)
    return Finding(Reason(N_("Its VIM is %(vim)s."), "", {"vim": vim}), change)


def _demand(host: HostFacts, ask: Question) -> Finding | None:
    return _lacking(host, ask.demand)


def _free(host: HostFacts, ask: Question) -> Finding | None:
    return _lacking(host, ask.strategy.free)


_SHORT = (
    (N_("It has %(free)s of %(wanted)s vCPU free."), N_("free %(lack)s vCPU")),
    (N_("It has %(free)s of %(wanted)s MiB of memory free."), N_("free %(lack)s MiB of memory")),
    (N_("It has %(free)s of %(wanted)s GiB of storage free."), N_("free %(lack)s GiB of storage")),
)
_NOT_TOLD = (
    N_("How many vCPU are free is unknown."),
    N_("How much memory is free is unknown."),
    N_("How much storage is free is unknown."),
)


def _lacking(host: HostFacts, wanted: Amounts) -> Finding | None:
    """The first resource of which too little is free; else the first that is not known."""
    unknown: Finding | None = None
    room = room_of(host)
    for at in (0, 1, 2):
        need, free = wanted[at], room[at]
        if not need or (free is not None and free >= need):
            continue
        if free is None:
            unknown = unknown or Finding(Reason(_NOT_TOLD[at]), _knowing(at, need), True)
            continue
        change = _freeing(at, need, free)
        return Finding(Reason(_SHORT[at][0], "", change.params), change)
    return unknown


def _freeing(at: int, need: float, free: float) -> Reason:
    params = {"free": _amount(free), "wanted": _amount(need), "lack": _amount(need - free)}
    return Reason(_SHORT[at][1], f"free_{RESOURCES[at]}", params)


def shortfalls(host: HostFacts, ask: Question) -> list[Reason]:
    """What has to be freed, or be known, of each resource: a filter only names the first."""
    found = []
    strict = {
        "demand": ask.strategy.unknown.get("demand", KEEP) == DROP,
        "free": ask.strategy.unknown.get("free", DROP) == DROP,
    }
    for at, free in enumerate(room_of(host)):
        demand, wanted = ask.demand[at] or 0.0, ask.strategy.free[at] or 0.0
        need = max(demand, wanted)
        if free is None:
            if (demand and strict["demand"]) or (wanted and strict["free"]):
                found.append(_knowing(at, need))
        elif free < need:
            found.append(_freeing(at, need, free))
    return found


def _knowing(at: int, need: float) -> Reason:
    return Reason(N_("say how much is free"), f"know_{RESOURCES[at]}", {"wanted": need})


def _distance(host: HostFacts, ask: Question) -> Finding | None:
    most = ask.strategy.max_distance_km or 0.0
    return _near(host, ask, most, N_("It is %(km)s km away."))


def _latency(host: HostFacts, ask: Question) -> Finding | None:
    most = (ask.strategy.max_latency_ms or 0.0) / fibre_ms(1)
    return _near(
        host, ask, most,
        N_("It is %(km)s km away: there and back takes light in fibre %(ms)s ms at best."),
    )


def _near(host: HostFacts, ask: Question, most: float, text: str) -> Finding | None:
    km = km_between(host, ask.strategy)
    change = Reason(N_("be within %(most)s km"), "near", {"most": _amount(most)})
    if km is None:
        return Finding(Reason(N_("Where it stands is unknown.")), change, True)
    if km <= most:
        return None
    params = {"km": _amount(km), "ms": _amount(fibre_ms(km))}
    return Finding(Reason(text, "", params), change)


def plain_architecture(text: str) -> str:
    """One spelling for each architecture: x86_64, arm64, or what was written in small letters."""
    small = text.strip().lower().replace("-", "_")
    if small in ("x86", "x86_64", "amd64", "x64"):
        return "x86_64"
    return "arm64" if small in ("arm64", "aarch64", "arm", "arm_64") else small


@lru_cache(maxsize=256)
def _plain_set(wanted: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(plain_architecture, wanted))


def _missing(wanted: tuple[str, ...], has: tuple[str, ...]) -> Sequence[str]:
    if not set(wanted).difference(has):
        return ()
    known = {one.casefold() for one in has}
    return [one for one in wanted if one.casefold() not in known]


def _any(wanted: tuple[str, ...]) -> str:
    return " / ".join(wanted)


def _amount(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


# In the order in which the first that drops a host is named.
FILTERS: tuple[Filter, ...] = (
    Filter("standing", N_("Takes instances"), "", lambda ask: True, _standing),
    Filter("tenant", N_("Open to the tenant"), "", lambda ask: True, _tenant),
    Filter("excluded", N_("Not excluded"), "", lambda ask: ask.strategy.exclude, _excluded),
    Filter("runs", N_("Runs the package's class"), "", lambda ask: ask.app_class, _runs),
    Filter("name", N_("Name is free"), "", lambda ask: ask.app_name, _name),
    Filter("region", N_("Region"), DROP, lambda ask: ask.strategy.regions, _region),
    Filter("tags", N_("Tags"), "", lambda ask: ask.strategy.tags, _tags),
    Filter("vim", N_("Kind of VIM"), DROP, lambda ask: ask.strategy.vims, _vim),
    Filter(
        "architecture", N_("Architecture"), DROP, lambda ask: ask.strategy.architectures,
        _architecture,
    ),
    Filter(
        "capability", N_("Capabilities"), DROP, lambda ask: ask.strategy.capabilities, _capability
    ),
    Filter(
        "distance", N_("Distance"), DROP,
        lambda ask: ask.strategy.max_distance_km is not None, _distance,
    ),
    Filter(
        "latency", N_("Latency"), DROP, lambda ask: ask.strategy.max_latency_ms is not None,
        _latency,
    ),
    Filter("reachable", N_("Answers"), KEEP, lambda ask: True, _reachable),
    Filter("demand", N_("Room for the package"), KEEP, lambda ask: any(ask.demand), _demand),
    Filter("free", N_("Free capacity"), DROP, lambda ask: any(ask.strategy.free), _free),
)
LABELS = {one.name: one.label for one in FILTERS}
CHOICES = tuple(one.name for one in FILTERS if one.unknown)


def filters_of(ask: Question) -> list[tuple[Filter, str]]:
    """The filters that this question needs, each with what it does with the unknown."""
    return [
        (one, ask.strategy.unknown.get(one.name, one.unknown) if one.unknown else "")
        for one in FILTERS
        if one.wanted(ask)
    ]
