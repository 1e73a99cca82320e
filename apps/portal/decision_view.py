"""A placement decision as its page draws it: rows with bars, grouped by the filter that dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from apps.common.words import say
from apps.orchestration.deployments import verdicts_for
from apps.orchestration.models import PlacementDecision
from apps.orchestration.placement.decide import Verdict
from apps.orchestration.placement.filters import filters_of
from apps.orchestration.placement.scores import LABELS, WHOLE, Part
from apps.orchestration.placement.words import TREATMENTS, amounts, asked, fact_of
from apps.orchestration.printout import dropped, to_win
from apps.tenants.actors import Actor

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a score's bar: where it begins and how long it is, of 100, and what it says."""

    label: str
    fact: str
    points: float
    most: int
    x: float


@dataclass(frozen=True, slots=True)
class Row:
    """One host; ``whys`` are what filters said of it, ``to_win`` the change that it needs."""

    verdict: Verdict
    score: float
    segments: list[Segment]
    whys: list[str]
    to_win: str
    seen: str


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading; ``more`` is how many are not drawn."""

    name: str
    label: str
    rows: list[Row]
    total: int

    @property
    def more(self) -> int:
        """How many rows are left out."""
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A whole decision, ready for the template."""

    asked: list[str]
    demand: str
    treatments: list[str]
    considered: int
    passed: int
    chosen: Section
    others: Section
    dropped: list[Section]


def drawn(actor: Actor, decision: PlacementDecision) -> Drawn:
    """What the page shows of a decision to ``actor``."""
    verdicts = verdicts_for(actor, decision)
    seen = {one.id: one.seen.as_of for one in decision.known}
    question = decision.asked
    chosen = [one for one in verdicts if one.chosen]
    others = [one for one in verdicts if not one.chosen and not one.dropped_by]
    return Drawn(
        asked=[say(one) for one in asked(question)],
        demand=", ".join(say(one) for one in amounts(question.demand)),
        treatments=[
            f"{gettext(one.label)}: {gettext(TREATMENTS[treatment])}"
            for one, treatment in filters_of(question) if treatment
        ],
        considered=len(verdicts),
        passed=len(chosen) + len(others),
        chosen=_section("chosen", gettext("Chosen"), chosen, seen),
        others=_section("passed", gettext("Passed and not chosen"), others, seen),
        dropped=[
            _section(one.filter, gettext(one.label), one.verdicts, seen)
            for one in dropped(verdicts)
        ],
    )


def _section(name: str, label: str, verdicts: Sequence[Verdict], seen: dict[str, str]) -> Section:
    rows = [_row(one, seen[one.id]) for one in verdicts[:MOST_ROWS]]
    return Section(name, label, rows, len(verdicts))


def _row(one: Verdict, seen: str) -> Row:
    return Row(
        verdict=one,
        score=one.score / WHOLE,
        segments=_segments(one.parts),
        whys=[say(each.why) for each in one.objections],
        to_win=to_win(one),
        seen=seen,
    )


def _segments(parts: Sequence[Part]) -> list[Segment]:
    found, x = [], 0.0
    for part in parts:
        points = part.worth / WHOLE
        found.append(
            Segment(gettext(LABELS[part.name]), say(fact_of(part)), points, part.weight, x)
        )
        x += points
    return found
