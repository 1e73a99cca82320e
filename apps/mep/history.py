"""How a service was over a stretch of time: its events as spans without gaps.  Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.common import clock
from apps.mep.models import MecService, ServiceEvent
from apps.mep.selectors import events_of
from apps.mep.states import Change

ABSENT, UNKNOWN = "absent", "unknown"
MOST_EVENTS = 400


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch in one state: ETSI's, ABSENT while it was not registered, or UNKNOWN.

    ``cause`` is what began it, empty where that was before the stretch that was asked for.
    """

    state: str
    start: datetime
    end: datetime
    cause: str = ""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end - self.start).total_seconds()


def spans_of(service: MecService, length: timedelta) -> list[Span]:
    """The last ``length`` of a service, oldest first.

    What came before its oldest kept event is told by ``state_since``; where that does not reach, it
    is unknown.  With more than ``MOST_EVENTS`` the older part is unknown too.
    """
    end = clock.now()
    start = end - length
    newest = events_of(service.pk)
    found = list(newest.filter(at__gt=start, at__lte=end)[:MOST_EVENTS])[::-1]
    before = None if len(found) == MOST_EVENTS else newest.filter(at__lte=start).first()
    marks = [(start, _state_at(service, start, before, found), "")]
    marks += [(event.at, _state(event), event.cause) for event in found]
    ends = [moment for moment, _, _ in marks[1:]] + [end]
    spans = [
        Span(state, moment, until, cause)
        for (moment, state, cause), until in zip(marks, ends, strict=True)
    ]
    return _joined([span for span in spans if span.seconds > 0])


def _state(event: ServiceEvent) -> str:
    return ABSENT if event.change == Change.REMOVED else str(event.state)


def _state_at(
    service: MecService, start: datetime, before: ServiceEvent | None, found: list[ServiceEvent]
) -> str:
    """The state in which the stretch began."""
    if before is not None:
        return _state(before)
    if found and found[0].change == Change.ADDED:
        return ABSENT
    if not found and service.state_since <= start:
        return str(service.state)
    return UNKNOWN


def _joined(spans: list[Span]) -> list[Span]:
    """Neighbours in one state as one: a change of attributes is no change of state."""
    kept: list[Span] = []
    for span in spans:
        if kept and kept[-1].state == span.state:
            last = kept.pop()
            span = Span(last.state, last.start, span.end, last.cause)
        kept.append(span)
    return kept
