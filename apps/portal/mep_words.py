"""The MEC platform in words and shapes: criteria, events, strips and columns.  Reads no rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.words import Text
from apps.mep.history import ABSENT, UNKNOWN, Span
from apps.mep.models import Delivery, ServiceEvent, Subscription
from apps.mep.states import Cause, Change, ServiceState

NAMED = 4
WIDTH, HEIGHT = 1000, 120
LEAST = 4.0  # what is short is seen as well
_SPAN_WORDS: dict[str, Text] = {
    **{str(state): state.label for state in ServiceState},
    ABSENT: _("Not registered"), UNKNOWN: _("Unknown"),
}
_CAUSES: dict[str, Text] = {str(cause): cause.label for cause in Cause}
_CHANGES: dict[str, Text] = {str(change): change.label for change in Change}
_ACTIONS: dict[str, Text] = {
    "TERMINATING": _("It is told that it will be terminated."),
    "STOPPING": _("It is told that it will be stopped."),
}


# --- subscriptions -------------------------------------------------------------------------------
def wanted(subscription: Subscription, names: Mapping[str, str] | None = None) -> str:
    """What a subscriber wants to hear of, as a sentence; ``names`` are those of service ids."""
    if subscription.kind == Subscription.Kind.TERMINATION:
        return gettext("the application's own end")
    criteria = subscription.criteria if isinstance(subscription.criteria, dict) else {}
    parts = [_which(criteria, names or {})]
    states = criteria.get("states")
    if isinstance(states, list):
        said = ", ".join(str(_SPAN_WORDS.get(str(one), one)) for one in states)
        parts.append(gettext("only when they are %(states)s") % {"states": said})
    if criteria.get("isLocal") is False:
        parts.append(gettext("only on other platforms"))
    return "; ".join(parts)


def _which(criteria: Mapping[str, Any], names: Mapping[str, str]) -> str:
    if "serInstanceIds" in criteria:
        ids = [str(one) for one in criteria["serInstanceIds"]]
        told = _some([names.get(one, one) for one in ids])
        return ngettext("the service %(names)s", "the services %(names)s", len(ids)) % {
            "names": told}
    if "serNames" in criteria:
        told = _some([str(one) for one in criteria["serNames"]])
        return gettext("services named %(names)s") % {"names": told}
    if "serCategories" in criteria:
        told = _some([str(one.get("name") or one.get("id")) for one in criteria["serCategories"]])
        return gettext("services of the category %(names)s") % {"names": told}
    return gettext("all services")


def _some(names: Sequence[str]) -> str:
    told = [f"“{name}”" for name in names[:NAMED]]
    more = len(names) - NAMED
    if more > 0:
        told.append(ngettext("%(n)s more", "%(n)s more", more) % {"n": more})
    return ", ".join(told)


def service_ids(subscriptions: Sequence[Subscription]) -> set[str]:
    """The ids of services that these subscriptions name."""
    found: set[str] = set()
    for one in subscriptions:
        criteria = one.criteria if isinstance(one.criteria, dict) else {}
        found |= {str(key) for key in criteria.get("serInstanceIds", [])[:NAMED]}
    return found


# --- events --------------------------------------------------------------------------------------
def happening(event: ServiceEvent) -> str:
    """What happened to a service, and why."""
    cause = _CAUSES.get(event.cause, event.cause)
    if event.cause == Cause.UPDATED:
        return f"{_CHANGES.get(event.change, event.change)}: {cause}"
    return str(cause)


def news(delivery: Delivery) -> str:
    """What a notification tells."""
    if delivery.event is not None:
        return happening(delivery.event)
    body = delivery.body if isinstance(delivery.body, dict) else {}
    action = str(body.get("operationAction", ""))
    return str(_ACTIONS.get(action, action or gettext("unknown")))


# --- a strip of time -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of a strip, ``x`` and ``width`` of ``WIDTH``."""

    state: str
    word: Text
    cause: Text
    start: datetime
    end: datetime
    lasted: str
    x: float
    width: float

    @property
    def title(self) -> str:
        """What the pointer is told."""
        first, last = (f"{timezone.localtime(one):%H:%M:%S}" for one in (self.start, self.end))
        return f"{self.word} · {first} – {last} · {self.lasted}"


@dataclass(frozen=True, slots=True)
class Strip:
    """A service over a stretch of time, oldest first."""

    name: str
    label: Text
    begins: Text
    pieces: Sequence[Piece]
    summary: str


def strip(name: str, label: Text, begins: Text, spans: Sequence[Span]) -> Strip:
    """Spans as they are drawn, and what they come to in a sentence."""
    whole = sum(span.seconds for span in spans) or 1.0
    pieces, at, totals = [], 0.0, dict.fromkeys(_SPAN_WORDS, 0.0)
    for span in spans:
        width = max(WIDTH * span.seconds / whole, LEAST)
        totals[span.state] = totals.get(span.state, 0.0) + span.seconds
        pieces.append(Piece(
            span.state.lower(), _SPAN_WORDS.get(span.state, span.state),
            _CAUSES.get(span.cause, span.cause), span.start, span.end, lasted(span.seconds),
            round(min(at, WIDTH - LEAST), 2), round(width, 2),
        ))
        at += WIDTH * span.seconds / whole
    told = [
        f"{_SPAN_WORDS.get(state, state)} {lasted(seconds)}"
        for state, seconds in totals.items() if seconds
    ]
    return Strip(name, label, begins, pieces, ", ".join(told))


def lasted(seconds: float) -> str:
    """A length of time in the two largest units that it has."""
    whole = round(seconds)
    if whole < 60:
        return gettext("%(s)s s") % {"s": whole}
    if whole < 3600:
        return gettext("%(m)s min %(s)s s") % {"m": whole // 60, "s": whole % 60}
    return gettext("%(h)s h %(m)s min") % {"h": whole // 3600, "m": whole % 3600 // 60}


# --- columns of a week ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Bar:
    """One column: which series, how many, and where it stands; ``count`` None is not known."""

    series: int
    label: Text
    count: int | None
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """The columns of one day (UTC)."""

    name: str
    middle: float
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Plot:
    """Calls per day, oldest first; ``known`` says whether any day was counted."""

    days: Sequence[Day]
    series: Sequence[Text]
    most: int
    known: bool


def plot(series: Sequence[tuple[Text, Sequence[int]]], first_day: date | None) -> Plot:
    """Columns of several series, each newest first, as ``calls.last_days`` has them.

    A day before ``first_day`` was not counted, which is not the same as no calls.
    """
    length = max((len(counts) for _, counts in series), default=0)
    most = max((max(counts, default=0) for _, counts in series), default=0)
    today = clock.now().date()
    room = WIDTH / max(length, 1)
    width = room * 0.6 / max(len(series), 1)
    days = []
    for number in range(length):
        day = today - timedelta(days=length - 1 - number)
        counted = first_day is not None and day >= first_day
        left = number * room + room * 0.2
        bars = [
            _bar(place, label, counts[length - 1 - number] if counted else None, most,
                 left + place * width, width)
            for place, (label, counts) in enumerate(series)
        ]
        days.append(Day(date_format(day, "m-d"), (number + 0.5) * room, bars))
    return Plot(days, [label for label, _ in series], most, first_day is not None)


def _bar(
    series: int, label: Text, count: int | None, most: int, x: float, width: float
) -> Bar:
    height = HEIGHT * (count or 0) / (most or 1)
    height = max(height, 2.0) if count else height
    return Bar(series, label, count, round(x, 1), round(HEIGHT - height, 1), round(width * 0.9, 1),
               round(height, 1))
