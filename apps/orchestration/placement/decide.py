"""The decision: filters, then scores, then a choice, and for each host what would make it win.

Pure and deterministic: the same question and the same facts give the same decision, in whatever
order the hosts come.  Hosts with the same score go by name, then by id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from apps.common.words import Reason
from apps.orchestration.placement.facts import DROP, SPREAD, HostFacts, Question, Seen
from apps.orchestration.placement.filters import filters_of, shortfalls
from apps.orchestration.placement.scores import REGION, Part, parts_of, region_points
from apps.orchestration.placement.space import relieved
from apps.orchestration.placement.winning import Bar, to_win

# Raised whenever the same question and facts could give another decision than before.
ALGORITHM = 1


class Objection(NamedTuple):
    """A filter that did not pass a host, or passed it although the fact is unknown (``kept``)."""

    filter: str
    why: Reason
    change: Reason
    unknown: bool
    kept: bool


class Verdict(NamedTuple):
    """What became of one host.

    ``rank`` counts from 1 among the hosts that passed, 0 for a dropped one.  A dropped host has the
    score that it would have.  ``to_win`` is empty for a chosen host.
    """

    id: str
    name: str
    ip: str
    chosen: bool
    rank: int
    dropped_by: str
    objections: tuple[Objection, ...]
    score: int
    parts: tuple[Part, ...]
    to_win: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdicts: the chosen in the order of choice, then by rank, then what was dropped."""

    algorithm: int
    wanted: int
    chosen: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def short(self) -> int:
        """How many hosts are missing to the number that was wanted."""
        return max(0, self.wanted - len(self.chosen))


@dataclass(slots=True)
class _Candidate:
    """A host on its way through; ``rest`` is its score without the part of its region.

    ``tie`` is what hosts with the same score go by.
    """

    host: HostFacts
    tie: tuple[str, str]
    objections: tuple[Objection, ...]
    dropped_by: str
    parts: Sequence[Part] = ()
    score: int = 0
    rest: int = 0

    @property
    def order(self) -> tuple[int, tuple[str, str]]:
        return -self.score, self.tie


def decide(ask: Question, hosts: Sequence[HostFacts]) -> Decision:
    """Choose hosts for ``ask``."""
    strategy = ask.strategy
    named = set(strategy.hosts)
    if named:
        hosts = [one for one in hosts if named & {one.id, one.ip, one.name}]
    candidates = _judged(ask, hosts)
    counts = _per_region(candidates)
    for one in candidates:
        _score(one, ask, counts)
    fit = sorted((one for one in candidates if not one.dropped_by), key=attrgetter("order"))
    if strategy.order == SPREAD:
        chosen, bar = _spread(ask, fit, counts)
        settled = {id(one) for one in chosen}
        for one in candidates:
            if id(one) not in settled:
                _score(one, ask, counts)
    else:
        chosen = fit[: strategy.count]
        last = chosen[-1].score if len(chosen) == strategy.count else None
        bar = Bar(strategy.order, last)
    return _decision(ask, candidates, chosen, bar)


def _judged(ask: Question, hosts: Sequence[HostFacts]) -> list[_Candidate]:
    """Every host with what the filters say of it, in an order of its own."""
    found = []
    wanted = [(one.name, one.test, treatment) for one, treatment in filters_of(ask)]
    oldest = _oldest(ask)
    for host in hosts:
        known = _forgotten(host) if oldest and host.seen.as_of < oldest else host
        objections, dropped_by = [], ""
        for name, one, treatment in wanted:
            finding = one(known, ask)
            if finding is not None:
                kept = finding.unknown and treatment != DROP
                objections.append(
                    Objection(name, finding.why, finding.change, finding.unknown, kept)
                )
                dropped_by = dropped_by or ("" if kept else name)
        tie = (host.name, host.id)
        found.append(_Candidate(known, tie, tuple(objections), dropped_by))
    return sorted(found, key=attrgetter("tie"))


def _oldest(ask: Question) -> str:
    """The time before which nothing that was seen counts, as facts write it; empty for none."""
    if ask.strategy.max_age_s is None:
        return ""
    at = datetime.fromisoformat(ask.at)
    return (at - timedelta(seconds=ask.strategy.max_age_s)).isoformat(timespec="microseconds")


def _forgotten(host: HostFacts) -> HostFacts:
    return replace(host, seen=Seen(as_of=host.seen.as_of))


def _per_region(candidates: Sequence[_Candidate]) -> dict[str, int]:
    """How many instances of the application each region has; hosts without one stand together."""
    counts: dict[str, int] = defaultdict(int)
    for one in candidates:
        counts[one.host.configured.region] += one.host.counted.same
    return counts


def _score(one: _Candidate, ask: Question, counts: dict[str, int]) -> None:
    one.parts = parts_of(one.host, ask, counts[one.host.configured.region])
    one.score = one.rest = 0
    for name, points, weight, _ in one.parts:
        one.score += points * weight
        if name != REGION:
            one.rest += points * weight


def _spread(
    ask: Question, fit: Sequence[_Candidate], counts: dict[str, int]
) -> tuple[list[_Candidate], Bar]:
    """One host after the other, each from where there are fewest: every choice fills its region."""
    waiting: dict[str, list[_Candidate]] = defaultdict(list)
    for one in sorted(fit, key=lambda one: (-one.rest, one.tie), reverse=True):
        waiting[one.host.configured.region].append(one)
    chosen: list[_Candidate] = []
    before: dict[str, int] = dict(counts)
    while waiting and len(chosen) < ask.strategy.count:
        heads = [queue[-1] for queue in waiting.values()]
        for one in heads:
            _score(one, ask, counts)
        best = min(heads, key=attrgetter("order"))
        region = best.host.configured.region
        waiting[region].pop()
        if not waiting[region]:
            del waiting[region]
        before = dict(counts)
        counts[region] += 1
        chosen.append(best)
    if not chosen or len(chosen) < ask.strategy.count:
        return chosen, Bar(SPREAD, None)
    weakest: dict[str, int] = {}
    for one in chosen:
        region = one.host.configured.region
        weakest[region] = min(one.rest, weakest.get(region, one.rest))
    weight = next(part.weight for part in chosen[-1].parts if part.name == REGION)
    earned = {region: region_points(count) * weight for region, count in before.items()}
    return chosen, Bar(SPREAD, chosen[-1].score, weakest, earned)


def _changes(ask: Question, one: _Candidate, bar: Bar) -> tuple[Reason, ...]:
    """Everything that would have to change for a host to be chosen, in the order of the filters.

    What has to be freed for a filter counts as free for the score.
    """
    changes = [each.change for each in one.objections if not each.kept]
    parts, score = one.parts, one.score
    if any(change.code.startswith("free_") for change in changes):
        changes = [one for one in changes if not one.code.startswith(("free_", "know_"))]
        changes += shortfalls(one.host, ask)
        in_region = next((int(part.value or 0) for part in parts if part.name == REGION), 0)
        parts = parts_of(relieved(one.host, ask), ask, in_region)
        score = sum(part.worth for part in parts)
    last = to_win(bar, parts, score, one.host.configured.region)
    if any(change.code == "near" for change in last):  # and so within what a filter asks
        changes = [change for change in changes if change.code != "near"]
    return (*changes, *last)


def _decision(
    ask: Question, candidates: Sequence[_Candidate], chosen: Sequence[_Candidate], bar: Bar
) -> Decision:
    taken = {id(one) for one in chosen}
    others = [one for one in candidates if id(one) not in taken]
    passed = sorted((one for one in others if not one.dropped_by), key=attrgetter("order"))
    dropped = sorted((one for one in others if one.dropped_by), key=attrgetter("order"))
    verdicts = []
    for rank, one in enumerate([*chosen, *passed, *dropped], start=1):
        is_chosen = id(one) in taken
        verdicts.append(
            Verdict(
                id=one.host.id,
                name=one.host.name,
                ip=one.host.ip,
                chosen=is_chosen,
                rank=0 if one.dropped_by else rank,
                dropped_by=one.dropped_by,
                objections=one.objections,
                score=one.score,
                parts=tuple(one.parts),
                to_win=() if is_chosen else _changes(ask, one, bar),
            )
        )
    return Decision(
        ALGORITHM, ask.strategy.count, tuple(one.host.id for one in chosen), tuple(verdicts)
    )
