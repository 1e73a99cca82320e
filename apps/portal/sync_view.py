"""Synchronization in words: the link's numbers, runs, kinds of rows.  Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.common.words import Text, say
from apps.monitoring.marks import BAD, BUSY, OK, UNKNOWN, WARN, Mark
from apps.sync.kinds import NAMES
from apps.sync.models import Peer, SyncRun

KINDS: Mapping[str, Text] = {
    "tenant": _("Tenant"),
    "mechost": _("Host"),
    "package": _("Package"),
    "distribution": _("Distribution"),
    "appinstance": _("Instance"),
    "appdconfiguration": _("Rules"),
    "mecservice": _("Service"),
}
COUNTED = ("new", "changed", "gone", "held")
_RUN: Mapping[str, str] = {
    SyncRun.State.QUEUED: UNKNOWN,
    SyncRun.State.RUNNING: BUSY,
    SyncRun.State.DONE: OK,
    SyncRun.State.FAILED: BAD,
}


@dataclass(frozen=True, slots=True)
class Line:
    """What a run brought of one kind of rows, in the order of ``COUNTED``."""

    kind: str
    counts: tuple[int, ...]


def kind_name(kind: str) -> str:
    """What people call a kind of rows."""
    return str(KINDS.get(kind, kind))


def run_mark(run: SyncRun) -> Mark:
    """How far a synchronization is; one that held rows back is not all well."""
    mark = Mark(run.state, run.get_state_display(), _RUN.get(run.state, UNKNOWN), say(run.why))
    if run.state == SyncRun.State.DONE and run.total("held"):
        return Mark(run.state, _("Done, rows held back"), WARN)
    return mark


def lines_of(run: SyncRun) -> list[Line]:
    """The counts of a run, one line per kind that it had rows of."""
    known = [name for name in NAMES if name in run.counts]
    rest = sorted(set(run.counts) - set(NAMES))
    return [
        Line(kind, tuple(int(run.counts[kind].get(what, 0)) for what in COUNTED))
        for kind in (*known, *rest)
    ]


def brought(run: SyncRun) -> str:
    """What a run brought, in one line; empty for one that brought nothing."""
    nouns = {
        "new": lambda n: ngettext("%(n)s new", "%(n)s new", n),
        "changed": lambda n: ngettext("%(n)s changed", "%(n)s changed", n),
        "gone": lambda n: ngettext("%(n)s gone", "%(n)s gone", n),
        "held": lambda n: ngettext("%(n)s held back", "%(n)s held back", n),
    }
    totals = [(what, run.total(what)) for what in COUNTED]
    return ", ".join(nouns[what](n) % {"n": number_format(n)} for what, n in totals if n)


def skew(peer: Peer) -> str:
    """How far the edge's clock is before ours (+) or behind it (−); empty when not measured."""
    if peer.skew_seconds is None:
        return ""
    sign = "−" if peer.skew_seconds < 0 else "+"
    amount = number_format(abs(peer.skew_seconds), _digits(peer.skew_seconds))
    if peer.skew_within is None:
        return gettext("%(sign)s%(amount)s s") % {"sign": sign, "amount": amount}
    within = number_format(peer.skew_within, _digits(peer.skew_within))
    return gettext("%(sign)s%(amount)s s ± %(within)s s") % {
        "sign": sign, "amount": amount, "within": within,
    }


def autonomy(peer: Peer) -> str:
    """For how long an edge may be silent before it is called so, in words."""
    hours = peer.autonomy.total_seconds() / 3600
    if hours >= 48:
        return ngettext("%(n)s day", "%(n)s days", round(hours / 24)) % {"n": amount(hours / 24)}
    if hours >= 1:
        return ngettext("%(n)s hour", "%(n)s hours", round(hours)) % {"n": amount(hours)}
    minutes = hours * 60
    return ngettext("%(n)s minute", "%(n)s minutes", round(minutes)) % {"n": amount(minutes)}


def amount(number: float) -> str:
    """At most one digit after the point, and none that says nothing."""
    return number_format(round(number, 1) if round(number, 1) % 1 else round(number))


def lag(peer: Peer) -> str:
    """How many changes waited at an edge when it was read last; empty where that is not known."""
    if peer.pending is None:
        return ""
    if not peer.pending:
        return gettext("none")
    return number_format(peer.pending, force_grouping=True)


def _digits(seconds: float) -> int:
    """A tenth is enough; what is less is told as far as it says something."""
    return 1 if abs(seconds) >= 0.1 else 3
