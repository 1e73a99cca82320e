"""Between the rows of services and the book: loading, following, and saving heartbeat times.

One malformed row never touches another: rows are looked at one by one where they cannot be read
together.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from django.db import connection, models, transaction
from django.db.models import QuerySet

from apps.mep.liveness.book import Entry, Facts, book
from apps.mep.liveness.policy import allowance
from apps.mep.models import MecService, row_time
from apps.mep.states import ServiceState

SAVED_AT_ONCE = 500  # a few milliseconds, in which nothing else is written
LOADED_AT_ONCE = 2000
_SAVE = "UPDATE mep_mecservice SET beat_at = %s, liveness_told = %s WHERE id = %s"
# All rows in one statement: SQLite gives the interpreter away for its length, once.  With a
# statement for each row, every one of them fights the heartbeats for it.
_SAVE_TOGETHER = """
UPDATE mep_mecservice SET beat_at = json_extract(said.value, '$[0]'),
                          liveness_told = json_extract(said.value, '$[1]')
FROM json_each(%s) AS said WHERE mep_mecservice.id = json_extract(said.value, '$[2]')
"""
M = TypeVar("M", bound=models.Model)
T = TypeVar("T")
_log = logging.getLogger("mecm.mep")


def readable(rows: QuerySet[M]) -> Iterator[M]:
    """The rows that can be read; a malformed one is left out and named in the log."""
    try:
        found = list(rows)
    except Exception:
        keys, singly = rows.values_list("pk", flat=True), rows.model._default_manager.all()
        found = [row for key in keys for row in _one(singly, key)]
    yield from found


def _one(rows: QuerySet[M, T], key: Any) -> list[T]:
    """The row with this key, unless it cannot be read, which is told."""
    try:
        return list(rows.filter(pk=key))
    except Exception as error:
        name = rows.model.__name__
        _log.error("row %s of %s cannot be read: %s", key, name, type(error).__name__)
        return []


class _Row(NamedTuple):
    """The columns of a service that its heartbeat is about."""

    pk: uuid.UUID
    application_id: uuid.UUID
    state: str
    liveness_interval: int | None
    version: int
    beat_at: datetime | None
    created_at: datetime
    liveness_told: bool


def facts_of(row: _Row | MecService) -> Facts:
    """What the book needs of a row; ValueError for one that makes no sense."""
    interval = row.liveness_interval
    if not isinstance(interval, int) or isinstance(interval, bool) or interval <= 0:
        raise ValueError("liveness_interval")
    if row.state not in ServiceState.values:
        raise ValueError("state")
    return Facts(
        service_id=row.pk,
        application_id=row.application_id,
        state=str(row.state),
        interval=interval,
        allowance=allowance(interval),
        version=row.version,
        beat_at=row_time(row.beat_at or row.created_at),
        told=bool(row.liveness_told),
    )


def follow(service: MecService) -> None:
    """Bring the book up to a row that was committed; one without a heartbeat leaves it."""
    if service.liveness_interval is None:
        book.remove(service.pk, service.version)
        return
    book.apply(facts_of(service))


def refresh(keys: Iterable[uuid.UUID]) -> None:
    """Bring the book up to rows that another process changed; one that makes no sense leaves it."""
    rows = MecService.objects.filter(pk__in=list(keys)).values_list(*_Row._fields)
    for row in (_Row(*values) for values in rows):
        if row.liveness_interval is None:
            book.remove(row.pk, row.version)
            continue
        try:
            book.apply(facts_of(row))
        except (ValueError, TypeError) as error:
            _log.error("service %s has no heartbeat: its %s makes no sense", row.pk, error)
            book.remove(row.pk, 0)


def load() -> int:
    """Read all services with a heartbeat at the start of a process: each gets its full time."""
    book.clear()
    for row in _all_rows():
        try:
            book.apply(facts_of(row))
        except (ValueError, TypeError) as error:
            _log.error("service %s has no heartbeat: its %s makes no sense", row.pk, error)
    return len(book)


def _all_rows() -> Iterator[_Row]:
    """Every service with a heartbeat; where one cannot be read, all are read one by one."""
    rows = MecService.objects.filter(
        application__site_id__isnull=True, liveness_interval__isnull=False
    ).values_list(*_Row._fields)
    try:
        for row in rows.iterator(LOADED_AT_ONCE):
            yield _Row(*row)
    except Exception:  # what was read already is read again: the book takes a version once
        for key in rows.values_list("pk", flat=True):
            yield from (_Row(*row) for row in _one(rows, key))


def save_beats(entries: Iterable[Entry]) -> int:
    """Write when services were last heard of; not a change, so no version and no news."""
    rows = [(_moment(entry.beat_at), entry.told, entry.id) for entry in entries]
    if not rows:
        return 0
    rows.sort(key=lambda row: row[2])  # in the order in which everybody locks services
    column = MecService._meta.get_field("beat_at")
    key = MecService._meta.pk
    values = [(_db(column, at), told, _db(key, service_id)) for at, told, service_id in rows]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(_SAVE_TOGETHER, [json.dumps(values)])
        else:
            cursor.executemany(_SAVE, values)
    return len(values)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _db(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)
