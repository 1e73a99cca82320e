"""Takes rows of an edge over into this center.  Knows nothing of links, leases and cursors.

What a row brings and that it was taken are written together, so that a death in between costs a
repetition and never a row.  A row that must wait is kept whole.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.rows import insert_many
from apps.common.words import Reason
from apps.journal.selectors import is_buried
from apps.sync.kinds import BY_NAME, NAMES, Kind, Row, Source
from apps.sync.models import Copy, HeldRow

CHUNK = 100
MOST_STEPS = 200
# Codes of why a row is held: it waits for another, is broken, or is to be put right at the edge.
WAITS, BROKEN = "waits", "broken"
LOST, ENDED_BEFORE = "lost", "ended_before"
CAME_BACK = Reason(
    N_("It had ended; the edge was set back to a backup and has it again."), ENDED_BEFORE
)
UNREADABLE = Reason(N_("It cannot be read; the log has the details."), BROKEN)
_log = logging.getLogger("mecm.sync")
Key = tuple[str, str]
Counts = dict[str, Counter[str]]


@dataclass(slots=True)
class Taken:
    """What came of rows, by kind: new, changed, gone, held; of all rows, and of each tenant's.

    And the steps by which they came.  ``holds`` is False as long as it is known that no row of the
    edge waits here.
    """

    counts: Counts = field(default_factory=dict)
    of_tenants: dict[str, Counts] = field(default_factory=dict)
    since: datetime = field(default_factory=clock.now)
    log: list[dict[str, Any]] = field(default_factory=list)
    full: bool = False
    holds: bool = True

    def add(self, row: Row, what: str) -> None:
        """One more."""
        for counts in (self.counts, self.of_tenants.setdefault(_tenant_of(row), {})):
            counts.setdefault(row["kind"], Counter())[what] += 1

    def hold(self, rows: Iterable[Row]) -> None:
        """These wait in the end; what waited on the way and came after all is not held."""
        for counts in (self.counts, *self.of_tenants.values()):
            for one in counts.values():
                one.pop("held", None)
        for row in rows:
            self.add(row, "held")

    def note(self, text: str, **params: Any) -> None:
        """One more step; of a very long way only the first ones are kept."""
        if len(self.log) < MOST_STEPS:
            step = Reason(text, params=params).as_json()
            self.log.append(step | {"at": clock.now().isoformat()})

    def total(self, what: str) -> int:
        """How many of all kinds."""
        return sum(one[what] for one in self.counts.values())

    @property
    def changed(self) -> bool:
        """Whether anything here is other than before."""
        news = ("new", "changed", "gone")
        return any(one[what] for one in self.counts.values() for what in news)

    def as_json(self, tenant_id: uuid.UUID | None = None) -> dict[str, dict[str, int]]:
        """As it is stored with a run: of everything, or of one tenant's things."""
        counts = self.counts if tenant_id is None else self.of_tenants.get(str(tenant_id), {})
        return {kind: dict(one) for kind, one in counts.items() if one}


def take(
    source: Source, rows: Iterable[Row], taken: Taken, *, copying: uuid.UUID | None = None
) -> None:
    """Take what is new of ``rows``; ``copying`` is the full copy that they are part of."""
    for chunk in _chunks(_in_order(rows)):
        with transaction.atomic():
            _take_chunk(source, chunk, taken, copying)


def take_held(source: Source, taken: Taken) -> int:
    """Try once more what waits for another row, until nothing moves; returns how much is left."""
    if not taken.holds:
        return 0
    held = HeldRow.objects.filter(edge=source.edge, code__in=(WAITS, BROKEN))
    left, before = [_as_row(one) for one in held], 0
    while left and len(left) != before:
        before = len(left)
        take(source, left, taken)
        left = [_as_row(one) for one in held.all()]
    taken.hold(left)
    return len(left)


def _take_chunk(
    source: Source, chunk: Sequence[Row], taken: Taken, copying: uuid.UUID | None
) -> None:
    known = _copies(source, chunk)
    copies, held, free, fresh = [], [], [], []
    for row in chunk:
        key = (row["kind"], row["id"])
        copy = known.get(key)
        if copy is None or int(row["version"]) > copy.version:
            fresh.append((row, copy, _came_back(source, copy, row)))
            continue
        if copying is not None:
            copy.seen = copying
            copies.append(copy)
        free.append((key, "gone" in row))
    came = _came_of(source, [row for row, _, back in fresh if back is None])
    for row, copy, back in fresh:
        key = (row["kind"], row["id"])
        reason = back or came[key]
        if reason is not None:
            held.append(_held(source, row, reason))
            taken.add(row, "held")
        else:
            free.append((key, "gone" in row))
            taken.add(row, _what(copy, row))
        if reason is None or reason.code == ENDED_BEFORE:
            copies.append(_copied(source, copy, row, copying, ended=reason is not None))
    _write(source, copies, held, free if taken.holds else [])
    taken.holds = taken.holds or bool(held)


def _came_of(source: Source, rows: Sequence[Row]) -> dict[Key, Reason | None]:
    """Take rows in their order, those of one kind together; why each has to wait, where it does."""
    came: dict[Key, Reason | None] = {}
    for (name, gone), group in groupby(rows, key=lambda row: (row["kind"], "gone" in row)):
        some, kind = list(group), BY_NAME[name]
        reasons = None if gone else _taken_at_once(source, kind, some)
        if reasons is None:
            reasons = [_taken(source, row) for row in some]
        came |= {(name, row["id"]): why for row, why in zip(some, reasons, strict=True)}
    return came


def _taken_at_once(
    source: Source, kind: Kind, rows: Sequence[Row]
) -> list[Reason | None] | None:
    """Take rows of one kind together; None where that fails, and they are tried one by one."""
    if len(rows) == 1:
        return None
    try:
        with transaction.atomic():
            outcomes = kind.take(source, rows)
    except Exception:
        _log.debug("%s of %s are taken one by one", kind.name, source.edge.name, exc_info=True)
        return None
    return [_reason(kind, outcome) for outcome in outcomes]


def _reason(kind: Kind, outcome: bool | DomainError) -> Reason | None:
    if isinstance(outcome, DomainError):
        return Reason(outcome.reason.text, BROKEN, outcome.reason.params)
    return None if outcome else Reason(kind.waits, WAITS)


def _taken(source: Source, row: Row) -> Reason | None:
    """Take one row; returns why it has to wait."""
    kind = BY_NAME[row["kind"]]
    try:
        with transaction.atomic():
            done = kind.end(source, row) if "gone" in row else kind.take(source, [row])[0]
    except DomainError as error:
        return _reason(kind, error)
    except Exception:
        # One row that cannot be taken must not keep all others from coming.
        _log.exception(
            "row %s %s of %s was not taken", row["kind"], row["id"], source.edge.name
        )
        return UNREADABLE
    return _reason(kind, done)


def _came_back(source: Source, copy: Copy | None, row: Row) -> Reason | None:
    """Whether an edge that was restored from a backup has something again that had ended.

    It was known here and is here no more, whichever side ended it.  Rules have the id of their
    instance: those that were made since the edge is back are others.
    """
    here = BY_NAME[row["kind"]].here
    if source.forked_at is None or here is None or "gone" in row:
        return None
    if row["kind"] == "appdconfiguration" and int(row["version"]) >= source.forked_at:
        return None
    known = copy is not None or is_buried(row["kind"], uuid.UUID(row["id"]))
    return CAME_BACK if known and not here(row) else None


def _copies(source: Source, chunk: Sequence[Row]) -> dict[Key, Copy]:
    rows = Copy.objects.filter(edge=source.edge, subject_id__in={row["id"] for row in chunk})
    return {(copy.kind, str(copy.subject_id)): copy for copy in rows}


def _copied(
    source: Source, copy: Copy | None, row: Row, copying: uuid.UUID | None, *, ended: bool
) -> Copy:
    copy = copy or Copy(edge=source.edge, kind=row["kind"], subject_id=uuid.UUID(row["id"]))
    copy.version, copy.gone = int(row["version"]), "gone" in row or ended
    copy.seen, copy.at = copying or copy.seen, clock.now()
    return copy


def _held(source: Source, row: Row, reason: Reason) -> HeldRow:
    return HeldRow(
        edge=source.edge,
        kind=row["kind"],
        subject_id=uuid.UUID(row["id"]),
        version=int(row["version"]),
        gone="gone" in row,
        data={"tenant_id": row.get("tenant_id")} if "gone" in row else row.get("data") or {},
        code=reason.code,
        reason=reason.as_json(),
    )


def _write(
    source: Source, copies: list[Copy], held: list[HeldRow], free: list[tuple[Key, bool]]
) -> None:
    """``free`` are those of which nothing is held any more, and whether each is gone."""
    insert_many(
        copies,
        known_by=["edge", "kind", "subject_id"],
        change=["version", "gone", "seen", "at"],
    )
    insert_many(
        held,
        known_by=["edge", "kind", "subject_id"],
        change=["version", "gone", "data", "code", "reason"],
    )
    if free:
        # What was taken for lost and comes after all is there; what was to be ended has ended when
        # the edge says so itself.
        done = dict(free)
        ids = {key for _, key in done}
        gone = [
            one.pk
            for one in HeldRow.objects.filter(edge=source.edge, subject_id__in=ids)
            if (is_gone := done.get((one.kind, str(one.subject_id)))) is not None
            and (one.code in (WAITS, BROKEN, LOST) or is_gone)
        ]
        if gone:
            HeldRow.objects.filter(pk__in=gone).delete()


def _what(copy: Copy | None, row: Row) -> str:
    if "gone" in row:
        return "gone"
    return "new" if copy is None or copy.gone else "changed"


def _as_row(held: HeldRow) -> Row:
    row: Row = {"kind": held.kind, "id": str(held.subject_id), "version": held.version}
    return row | ({"gone": True, **held.data} if held.gone else {"data": held.data})


def _tenant_of(row: Row) -> str:
    """Whose it is, as its edge says; nobody's is empty."""
    said = row if "gone" in row else row.get("data")
    return str(said.get("tenant_id") or "") if isinstance(said, dict) else ""


def _in_order(rows: Iterable[Row]) -> list[Row]:
    """The newest word on each thing of a known kind: first what is gone, children before their
    parents, then what is there, parents before their children."""
    newest: dict[Key, Row] = {}
    for row in sorted(rows, key=lambda row: int(row["version"])):
        if row["kind"] in BY_NAME:
            newest[row["kind"], row["id"]] = row
    depth = {kind: number for number, kind in enumerate(NAMES, start=1)}
    return sorted(
        newest.values(), key=lambda row: depth[row["kind"]] * (-1 if "gone" in row else 1)
    )


def _chunks(rows: list[Row]) -> Iterator[list[Row]]:
    found = iter(rows)
    while chunk := list(islice(found, CHUNK)):
        yield chunk
