"""Who has to beat until when: the deadlines of all services with a heartbeat, in memory.

A heartbeat is not news, it moves a deadline: ``touch`` costs the same however many services there
are.  Deadlines lie in buckets of a tenth of a second, and an entry is in the bucket of its deadline
(or of one shortly before it), so that a sweep costs what expires and not what exists.

Not the truth about states: that is the database, which ``transitions`` changes and which this book
follows by version.  Used from the event loop and from page threads at once: whatever moves an entry
between buckets holds one lock, which most heartbeats do without, since they move by little.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from apps.common import clock
from apps.mep.states import ServiceState

TICK_SECONDS = 0.1
NEVER = -1
GONE_KEPT_SECONDS = 60.0
BEATS_PER_SECOND = 200  # of one application: fifty services at the shortest interval need ten
ACTIVE = ServiceState.ACTIVE.value


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of a service with a heartbeat; times in seconds."""

    service_id: uuid.UUID
    application_id: uuid.UUID
    state: str
    interval: int
    allowance: float
    version: int
    beat_at: float
    told: bool


class Producer:
    """An application whose services are in the book; counts its heartbeats of this second."""

    __slots__ = ("beats", "id", "key", "second")

    def __init__(self, application_id: uuid.UUID) -> None:
        self.id = application_id
        self.key = str(application_id).encode()
        self.second = 0
        self.beats = 0

    def floods(self, now: float) -> bool:
        """Whether one more heartbeat is more than an application can need."""
        second = int(now)
        if second != self.second:
            self.second, self.beats = second, 0
        self.beats += 1
        return self.beats > BEATS_PER_SECOND


class Entry:
    """One service: ``seen`` is the monotonic time of its last heartbeat, ``beat_at`` the wall's.

    ``told`` says that its first heartbeat was answered, ``busy`` that a transition is on its way.
    """

    __slots__ = (
        "allowance", "beat_at", "busy", "interval", "key", "producer", "seen", "state", "tick",
        "told", "version",
    )

    state: str
    version: int
    interval: int
    allowance: float
    seen: float

    def __init__(self, key: bytes, producer: Producer) -> None:
        self.key = key
        self.producer = producer
        self.tick = NEVER
        self.interval = 0
        self.beat_at = 0.0
        self.busy = False
        self.told = False

    @property
    def id(self) -> uuid.UUID:
        """The service's id."""
        return uuid.UUID(self.key.decode())

    @property
    def due(self) -> float:
        """The monotonic time after which the heartbeat is missed."""
        return self.seen + self.allowance


class Book:
    """The deadlines of one process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything, as at the start of a process."""
        self.entries: dict[bytes, Entry] = {}
        self.producers: dict[uuid.UUID, Producer] = {}
        self._buckets: dict[int, set[Entry]] = {}
        self._swept = math.floor(clock.monotonic() / TICK_SECONDS)
        self._gone: dict[bytes, tuple[int, float]] = {}
        self._unsaved: set[Entry] = set()
        self._turn: list[Entry] = []

    # --- what the database said ------------------------------------------------------------------
    def apply(self, facts: Facts) -> Entry | None:
        """Take over a committed row unless a newer one is known.

        The time begins anew for a new service, and where one becomes ACTIVE or its interval
        changes; any other change of a service is no heartbeat.
        """
        key = str(facts.service_id).encode()
        with self._lock:
            gone = self._gone.get(key)
            entry = self.entries.get(key)
            if gone is not None and gone[0] >= facts.version:
                return None
            if entry is not None and entry.version >= facts.version:
                return entry
            if entry is None:
                entry = self.entries[key] = Entry(key, self.producer(facts.application_id))
                anew = True
            else:
                wakes = facts.state == ACTIVE and entry.state != ACTIVE
                anew = wakes or facts.interval != entry.interval
            # What was told since the row was last saved is known here only.
            entry.told = facts.told or (entry.told and entry.interval == facts.interval)
            entry.state, entry.version = facts.state, facts.version
            entry.interval, entry.allowance = facts.interval, facts.allowance
            entry.beat_at = max(facts.beat_at, entry.beat_at)
            entry.busy = False
            if anew:
                entry.seen = clock.monotonic()
            self._place(entry)
            return entry

    def remove(self, service_id: uuid.UUID, version: int) -> None:
        """Forget a service that is gone since ``version``; older news of it is ignored after."""
        key = str(service_id).encode()
        with self._lock:
            self._gone.pop(key, None)  # the newest is the last, so that the oldest is the first
            self._gone[key] = (version, clock.monotonic())
            entry = self.entries.pop(key, None)
            if entry is not None:
                entry.state = ""
                self._unplace(entry)
                self._unsaved.discard(entry)

    def forget_producer(self, application_id: uuid.UUID) -> None:
        """Drop an application that is gone."""
        self.producers.pop(application_id, None)

    def producer(self, application_id: uuid.UUID) -> Producer:
        """The one object that stands for an application."""
        found = self.producers.get(application_id)
        return found or self.producers.setdefault(application_id, Producer(application_id))

    def find(self, service_id: uuid.UUID) -> Entry | None:
        """The entry of a service, if it has a heartbeat."""
        return self.entries.get(str(service_id).encode())

    def held(self) -> AbstractContextManager[object]:
        """The lock, for a look at an entry and a change of it that belong together."""
        return self._lock

    # --- heartbeats ------------------------------------------------------------------------------
    def touch(self, entry: Entry) -> None:
        """A heartbeat came: the deadline moves."""
        self.note(entry, clock.monotonic(), clock.wall())

    def note(self, entry: Entry, now: float, wall: float) -> None:
        """The same for a caller who has looked at both clocks."""
        entry.seen = now
        entry.beat_at = wall
        self._unsaved.add(entry)
        # A deadline that moves by little stays in its bucket: the sweep looks at it again there.
        allowance = entry.allowance
        if (now + allowance) / TICK_SECONDS - entry.tick > allowance and entry.state == ACTIVE:
            with self._lock:
                self._place(entry)

    def sweep(self) -> list[Entry]:
        """Take out the ACTIVE entries whose time is over; each is returned once, as busy."""
        with self._lock:
            return self._sweep(clock.monotonic())

    def _sweep(self, now: float) -> list[Entry]:
        last = math.floor(now / TICK_SECONDS)
        first, self._swept = self._swept + 1, last
        if last - first > len(self._buckets):  # the clock was moved, or nobody swept for long
            ticks: Iterable[int] = sorted(tick for tick in self._buckets if tick <= last)
        else:
            ticks = range(first, last + 1)
        expired = []
        for tick in ticks:
            for entry in self._buckets.pop(tick, ()):
                if entry.tick != tick or entry.state != ACTIVE:
                    continue
                entry.tick = NEVER
                if entry.due > now:
                    self._place(entry)
                    continue
                entry.busy = True
                expired.append(entry)
        if self._gone:
            self._forget_gone(now)
        return expired

    def release(self, entry: Entry, seconds: float) -> None:
        """Take back an entry that was not suspended: at its deadline, or in ``seconds`` from now.

        Writing may have failed, or a heartbeat came in the last moment.
        """
        with self._lock:
            entry.seen = max(entry.seen, clock.monotonic() + seconds - entry.allowance)
            entry.busy = False
            self._place(entry)

    def renew(self) -> None:
        """Give everybody their full time from now on: nobody could beat while we did not serve."""
        now = clock.monotonic()
        with self._lock:
            for entry in self:
                entry.seen = now
                self._place(entry)

    @property
    def in_turn(self) -> int:
        """How many entries of the turn that began are still to be taken."""
        return len(self._turn)

    @property
    def unsaved(self) -> int:
        """How many entries are to be taken at all."""
        return len(self._turn) + len(self._unsaved)

    def take_unsaved(self, most: int) -> list[Entry]:
        """At most ``most`` of the entries that had a heartbeat since they were last taken.

        A turn is everybody heard of when it began; who is heard of again waits for the next one.
        """
        if not self._turn:
            turn, self._unsaved = self._unsaved, set()
            # A list at once: a heartbeat that began before the exchange may still come in.
            self._turn = list(turn)
        taken = self._turn[-most:]
        del self._turn[-most:]
        return [entry for entry in taken if entry.state]

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self.entries.values()))

    def __len__(self) -> int:
        return len(self.entries)

    # --- buckets ---------------------------------------------------------------------------------
    def _place(self, entry: Entry) -> None:
        if entry.state != ACTIVE:
            self._unplace(entry)
            return
        # One tick later than the deadline at most, and never before it.
        tick = math.ceil((entry.seen + entry.allowance) / TICK_SECONDS)
        if tick == entry.tick:
            return
        tick = max(tick, self._swept + 1)
        self._unplace(entry)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets.setdefault(tick, set())
        bucket.add(entry)
        entry.tick = tick

    def _unplace(self, entry: Entry) -> None:
        # An empty bucket stays until its time: another thread may be about to put something in.
        bucket = self._buckets.get(entry.tick)
        if bucket is not None:
            bucket.discard(entry)
        entry.tick = NEVER

    def _forget_gone(self, now: float) -> None:
        oldest = next(iter(self._gone.items()))
        while now - oldest[1][1] > GONE_KEPT_SECONDS:
            del self._gone[oldest[0]]
            if not self._gone:
                return
            oldest = next(iter(self._gone.items()))


book = Book()
