"""What a simulated workload says: events and logs as a pure function of record, faults and time.

Nothing is stored.  A container writes one line a second for as long as it runs, and one when it
ends; every line and every message says that it is simulated.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid, NotFound
from apps.common.words import Reason
from apps.vim.causes import cause
from apps.vim.errors import VimRefused
from apps.vim.simulated_plan import roll
from apps.vim.simulated_record import Record, Replica
from apps.vim.simulated_site import Fault
from apps.vim.simulated_view import LOOPING, PULLING, Moment, container_name
from apps.vim.voices import MOST_LINES, LogLine, LogPage, LogQuery, WorkloadEvent

SECOND = timedelta(seconds=1)
CRASHES_AFTER = timedelta(seconds=3)
BACK_OFF = 10  # seconds; simulated_view counts the restarts by the same
EVENT_WORDS = {
    "CrashLoopBackOff": "BackOff",
    "Evicted": "Evicted",
    "NoValidHost": "FailedScheduling",
    "OOMKilled": "OOMKilling",
    "Unschedulable": "FailedScheduling",
}
JOBS = ("Job", "CronJob")


def events_at(record: Record, faults: Iterable[Fault], now: datetime) -> tuple[WorkloadEvent, ...]:
    """What has happened to an instance until ``now``, oldest first; nothing once it is gone."""
    if record.gone(now):
        return ()
    moment = Moment(record, faults, now)
    found = [one for index in range(len(record.replicas)) for one in _events(moment, index)]
    return tuple(sorted(found, key=lambda one: one.last_at or now))


def _events(moment: Moment, index: int) -> Iterator[WorkloadEvent]:
    record, replica = moment.record, moment.record.replicas[index]
    about = ("Server" if record.app_class == "vm" else "Pod", replica.name)
    until = min(moment.now, record.removing_at or moment.now)
    died = moment.death if moment.dead(index) else None
    for at, word, message in _planned(moment, replica):
        never = died and not moment.was_up() and (at > died.at or _prevents(died.cause, word))
        if at <= until and not never:
            yield _event(about, "Normal", word, message, at)
    if died and died.at <= until:
        image = replica.images[0] if replica.images else ""
        why = cause(died.cause, name=replica.name, image=image)
        count = _restarts(died.at, until) if died.cause in LOOPING else 1
        last = _restarted_at(died.at, count) if died.cause in LOOPING else died.at
        word = EVENT_WORDS.get(died.cause, "Failed")
        yield _event(about, "Warning", word, why.text % why.params, died.at, last, count)
    if record.removing_at is not None:
        yield _event(about, "Normal", "Killing", f"{replica.unit} is stopped", record.removing_at)


def _planned(moment: Moment, replica: Replica) -> Iterator[tuple[datetime, str, str]]:
    """What happens where nothing goes wrong: the steps at which ``Moment`` shows them."""
    ordered = moment.record.ordered_at
    way = replica.ready_at + moment.late - ordered
    yield ordered + way / 8, "Scheduled", f"{replica.name} is assigned to {replica.node}"
    for image in replica.images:
        yield ordered + way / 2, "Pulled", f"image {image} counts as pulled"
    yield ordered + way, "Started", f"{replica.unit} counts as started"


def _prevents(trouble: str, word: str) -> bool:
    """Whether a trouble on the way up means that this step has not been reached."""
    if EVENT_WORDS.get(trouble) == "FailedScheduling":
        return True
    return trouble in PULLING and word != "Scheduled"


def _event(
    about: tuple[str, str],
    kind: str,
    word: str,
    message: str,
    first: datetime,
    last: datetime | None = None,
    count: int = 1,
) -> WorkloadEvent:
    return WorkloadEvent(*about, kind, word, f"Simulated: {message}", count, first, last or first)


def _restarts(died: datetime, now: datetime) -> int:
    return 1 + int(math.log2((now - died).total_seconds() / BACK_OFF + 1))


def _restarted_at(died: datetime, number: int) -> datetime:
    """When a container that crashes again and again began its run of this number, from 1 on."""
    return died + timedelta(seconds=BACK_OFF * (2.0 ** (number - 1) - 1))


@dataclass(frozen=True, slots=True)
class _Run:
    """One life of a container; ``end`` is None while it goes on."""

    start: datetime
    end: datetime | None = None

    def count(self, now: datetime) -> int:
        """How many lines it has written until ``now``."""
        if self.end is None or self.end > now:
            return int((now - self.start) / SECOND) + 1
        return math.ceil((self.end - self.start) / SECOND) + 1

    def at(self, number: int) -> datetime:
        """When it wrote this line; the last one when it ended."""
        usual = self.start + number * SECOND
        return usual if self.end is None else min(usual, self.end)


def _runs(moment: Moment, index: int) -> list[_Run]:
    """The lives of a replica's containers that have begun, the present one last; at most two."""
    record, replica = moment.record, moment.record.replicas[index]
    ready = replica.ready_at + moment.late
    died = moment.death if moment.dead(index) else None
    stop, now = record.removing_at, moment.now
    if died is None:
        way = ready - record.ordered_at
        job = replica.kind in JOBS
        found = [_Run(record.ordered_at + way / 2, ready) if job else _Run(ready, stop)]
    elif died.cause in PULLING and not moment.was_up():
        found = []
    else:
        start = max(record.ordered_at, died.at - CRASHES_AFTER)
        found = [_Run(ready if moment.was_up() else start, died.at)]
        if died.cause in LOOPING:
            last = _restarts(died.at, min(now, stop or now))
            starts = [_restarted_at(died.at, number) for number in (last - 1, last) if number]
            found = [*found, *(_Run(start, start + CRASHES_AFTER) for start in starts)][-2:]
    limit = stop or now
    return [
        _Run(run.start, limit) if stop and (run.end is None or run.end > stop) else run
        for run in found
        if run.start <= min(now, limit)
    ]


def log_at(
    record: Record, seed: int, faults: Iterable[Fault], now: datetime, query: LogQuery
) -> LogPage:
    """One page of what a container has written until ``now``; see the promise."""
    moment = Moment(record, faults, now)
    index, container = _named(record, query)
    runs = _runs(moment, index)
    if not runs:
        text = N_("The container “%(name)s” has not started yet.")
        raise VimRefused(text, code="not_started", retryable=True, name=container)
    if query.previous and len(runs) < 2:
        text = N_("The container “%(name)s” has not been restarted: there is no run before this.")
        raise NotFound(text, code="no_previous_run", name=container)
    run = runs[-2] if query.previous else runs[-1]
    first, count = _first(run, query, now), run.count(now)
    upto = min(count, first + MOST_LINES)
    replica = record.replicas[index]
    lines = tuple(
        LogLine(run.at(number).isoformat(), _text(replica, container, seed, run, number, now))
        for number in range(first, upto)
    )
    over = run.end is not None and run.end <= now
    loops = moment.death is not None and moment.dead(index) and moment.death.cause in LOOPING
    ended = over and (query.previous or not loops or record.removing_at is not None)
    cursor = lines[-1].at if lines else query.after
    return LogPage(lines, cursor, more=upto < count, ended=ended and upto == count)


def _named(record: Record, query: LogQuery) -> tuple[int, str]:
    """The replica and the container that a query means."""
    names = [one.name for one in record.replicas]
    if query.pod not in names:
        raise NotFound(N_("This instance has no pod “%(name)s”."), code="no_pod", name=query.pod)
    index = names.index(query.pod)
    replica = record.replicas[index]
    boxes = [container_name(replica, number) for number in range(max(len(replica.images), 1))]
    wanted = query.container or (boxes[0] if len(boxes) == 1 else "")
    if wanted not in boxes:
        raise NotFound(
            N_("The pod “%(pod)s” has no container “%(name)s”; it has %(known)s."),
            code="no_container",
            pod=query.pod,
            name=query.container,
            known=", ".join(boxes),
        )
    return index, wanted


def _first(run: _Run, query: LogQuery, now: datetime) -> int:
    """The number of the first line that a query wants."""
    lines = range(run.count(now))
    first = bisect_left(lines, query.since, key=run.at) if query.since else 0
    if query.after:
        return max(first, bisect_right(lines, _moment(query.after), key=run.at))
    return max(first, len(lines) - query.tail)


def _moment(cursor: str) -> datetime:
    try:
        found = datetime.fromisoformat(cursor)
        if found.tzinfo is not None:
            return found
    except ValueError:
        pass
    why = Reason(N_("is not a cursor of this log"))
    raise Invalid(N_("The request is not valid."), fields={"after": why})


def _text(
    replica: Replica, container: str, seed: int, run: _Run, number: int, now: datetime
) -> str:
    """One line; the same for the same place in the same run, whoever asks and whenever."""
    if run.end is not None and run.end <= now and run.at(number) == run.end:
        return f"simulated {container}: stops"
    if number == 0:
        return f"simulated {container}: starts on {replica.node}; nothing really runs here"
    took = roll(seed, replica.name, container, run.start.isoformat(), str(number)) % 900 + 100
    return f"simulated {container}: line {number}, {took} ms"
