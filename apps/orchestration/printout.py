"""A decision on paper: what was asked, who was chosen, and for every other host why not.

The groups are those of the page; both read them from here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext, ngettext

from apps.common.words import say
from apps.orchestration.placement.decide import Verdict
from apps.orchestration.placement.facts import HostFacts, Question
from apps.orchestration.placement.filters import FILTERS, filters_of
from apps.orchestration.placement.scores import LABELS, WHOLE, Part
from apps.orchestration.placement.words import TREATMENTS, amounts, asked, fact_of

BAR = 20
WIDTH = 118
TEXT = 41  # where the text begins beside a name and an address
_BLOCKS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Group:
    """The hosts that one filter dropped."""

    filter: str
    label: str
    verdicts: list[Verdict]


def dropped(verdicts: Sequence[Verdict]) -> list[Group]:
    """The dropped hosts by the filter that did it, in the order of the filters, by name."""
    found = []
    for one in FILTERS:
        mine = [each for each in verdicts if each.dropped_by == one.name]
        if mine:
            mine.sort(key=lambda each: (each.name, each.id))
            found.append(Group(one.name, one.label, mine))
    return found


def printout(
    question: Question, verdicts: Sequence[Verdict], hosts: Sequence[HostFacts], *, heading: str
) -> str:
    """The whole decision as text."""
    known = {one.id: one for one in hosts}
    lines = [
        heading,
        *_question(question),
        "",
        *_chosen(question, verdicts, known),
        *_others(verdicts),
        *_dropped(verdicts),
    ]
    return "\n".join(_wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    """A long line over several, each as far in as the text of the first."""
    if len(line) <= WIDTH:
        return line
    inset = max(len(line) - len(line.lstrip()), 2)
    if line[2:3].strip() and line.startswith("  "):
        inset = TEXT
    return textwrap.fill(
        line, WIDTH, subsequent_indent=" " * inset, break_on_hyphens=False,
        drop_whitespace=True,
    )


def _question(question: Question) -> Iterator[str]:
    yield gettext("Asked: %(what)s") % {"what": "; ".join(say(one) for one in asked(question))}
    wants = ", ".join(say(one) for one in amounts(question.demand))
    yield gettext("The package asks for: %(what)s") % {"what": wants or gettext("nothing it says")}
    treated = [
        f"{gettext(one.label)}: {gettext(TREATMENTS[treatment])}"
        for one, treatment in filters_of(question) if treatment
    ]
    if treated:
        yield gettext("Where a fact is unknown: %(what)s") % {"what": ", ".join(treated)}


def _chosen(
    question: Question, verdicts: Sequence[Verdict], known: dict[str, HostFacts]
) -> Iterator[str]:
    passed = sum(not one.dropped_by for one in verdicts)
    chosen = [one for one in verdicts if one.chosen]
    yield gettext("Chosen: %(chosen)s of %(passed)s that passed, of %(considered)s considered") % {
        "chosen": len(chosen), "passed": passed, "considered": len(verdicts)}
    for one in chosen:
        yield _line(one)
        age = _age(question, known[one.id])
        yield f"        {_parts(one.parts)}; {age}"
        for each in one.objections:
            yield f"        {say(each.why)}"
    missing = question.strategy.count - len(chosen)
    if missing > 0:
        yield "  " + ngettext(
            "%(n)s host is missing to the number that was wanted.",
            "%(n)s hosts are missing to the number that was wanted.", missing,
        ) % {"n": missing}


def _others(verdicts: Sequence[Verdict]) -> Iterator[str]:
    rest = [one for one in verdicts if not one.chosen and not one.dropped_by]
    if rest:
        yield ""
        yield gettext("Passed and not chosen: %(n)s") % {"n": len(rest)}
    for one in rest:
        yield _line(one)
        yield f"        {_parts(one.parts)}"
        yield f"        {to_win(one)}"


def _dropped(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for group in dropped(verdicts):
        yield ""
        yield gettext("Dropped by “%(filter)s”: %(n)s") % {
            "filter": gettext(group.label), "n": len(group.verdicts)}
        for one in group.verdicts:
            why = " ".join(say(each.why) for each in one.objections if not each.kept)
            yield f"  {one.name:<22} {one.ip:<15} {why}"
            yield f"{'':<{TEXT}}{to_win(one)}"


def to_win(verdict: Verdict) -> str:
    """What would have to change for the host to win, in one sentence."""
    changes = gettext(", and ").join(say(one) for one in verdict.to_win)
    if not changes:
        return ""
    return gettext("To win it would have to %(changes)s.") % {"changes": changes}


def _line(one: Verdict) -> str:
    score = one.score / WHOLE
    return f"  {one.rank:>3}. {one.name:<22} {one.ip:<15} {score:5.1f} {_bar(score)}"


def _parts(parts: Sequence[Part]) -> str:
    return ", ".join(
        f"{gettext(LABELS[part.name])} {part.worth / WHOLE:.1f}/{part.weight}"
        f" ({say(fact_of(part))})"
        for part in parts
    )


def _bar(score: float) -> str:
    """A bar of at most ``BAR`` signs for a score of 0 to 100, to an eighth of a sign."""
    eighths = round(score / 100 * BAR * 8)
    full, part = divmod(eighths, 8)
    return "█" * full + (_BLOCKS[part] if part else "")


def _age(question: Question, host: HostFacts) -> str:
    """How old what was seen of the host was when it was decided."""
    if not host.seen.as_of:
        return gettext("never seen")
    age = datetime.fromisoformat(question.at) - datetime.fromisoformat(host.seen.as_of)
    return gettext("seen %(seconds)s s before") % {"seconds": round(age.total_seconds())}


def heading_of(name: str, package: str, when: str, *, dry_run: bool) -> str:
    """The first line of a printout."""
    text = gettext("Placement of “%(name)s” (%(package)s), %(when)s")
    line = text % {"name": name, "package": package, "when": when}
    return f"{line}, {gettext('dry run')}" if dry_run else line


