"""ACTIVE to SUSPENDED and back: in the database, with everybody who is told, or not at all.

The only writer of both moves.  Each compares the version that the book knows with the row's, so
that whoever changed the service in between wins.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from apps.common import clock
from apps.common.models import next_version
from apps.journal.fanout import Event, publish
from apps.mep.liveness.book import Entry, book
from apps.mep.models import MecService
from apps.mep.notify import outbox
from apps.mep.notify.matching import Happening
from apps.mep.states import SERVICE, Cause, Change, ServiceState

AT_ONCE = 500
RETRY_SECONDS = 1.0
_UPDATE = (
    "UPDATE mep_mecservice SET state = %s, version = %s, updated_at = %s, state_since = %s"
    " WHERE id = %s"
)
_COLUMNS = ("pk", "application_id", "ser_name", "category_key", "state", "version")
_log = logging.getLogger("mecm.mep")


def suspend(entries: Sequence[Entry]) -> int:
    """Suspend services that missed their heartbeat, ``AT_ONCE`` a transaction; how many were.

    A batch that cannot be written is tried one by one: what is wrong with one service stays there.
    """
    count = 0
    for start in range(0, len(entries), AT_ONCE):
        part = entries[start : start + AT_ONCE]
        try:
            count += _move(part, "miss", Cause.MISSED)
        except Exception:
            count += sum(_suspend_alone(entry) for entry in part)
    return count


def _suspend_alone(entry: Entry) -> int:
    try:
        return _move([entry], "miss", Cause.MISSED)
    except Exception:
        _log.exception("service %s could not be suspended; it is tried again", entry.id)
        book.retry(entry, RETRY_SECONDS)
        return 0


def resume(entry: Entry) -> bool:
    """Bring a suspended service back, as its heartbeat came; False when it was not suspended."""
    book.touch(entry)
    return bool(_move([entry], "beat", Cause.RESUMED))


def _move(entries: Sequence[Entry], verb: str, cause: Cause) -> int:
    """Apply ``verb`` of the table to those whose row is as the book knows it."""
    source = ServiceState.ACTIVE if verb == "miss" else ServiceState.SUSPENDED
    after = SERVICE.move(source, verb)
    with transaction.atomic():
        known = {entry.id: entry for entry in entries}
        # Taking the versions first locks out every other writer of versions until the commit.
        last = next_version(len(known))
        rows = MecService.objects.filter(pk__in=known, state=source).values_list(*_COLUMNS)
        fresh = [row for row in rows if row[5] == known[row[0]].version]
        happenings = [
            Happening(row[0], row[1], row[2], row[3], after, Change.STATE_CHANGED, cause)
            for row in fresh
        ]
        versions = dict(zip((row[0] for row in fresh), range(last - len(fresh) + 1, last + 1)))
        _write(after, versions)
        outbox.put(happenings)
        transaction.on_commit(lambda: _moved(known, after, versions))
    return len(fresh)


def _write(state: str, versions: dict[uuid.UUID, int]) -> None:
    moment = MecService._meta.get_field("updated_at").get_db_prep_save(clock.now(), connection)
    key: Any = MecService._meta.pk
    values = [
        (str(state), version, moment, moment, key.get_db_prep_save(service_id, connection))
        for service_id, version in versions.items()
    ]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(_UPDATE, values)


def _moved(known: dict[uuid.UUID, Entry], after: str, versions: dict[uuid.UUID, int]) -> None:
    """Follow in the book what was committed, and tell the pages once for the whole batch."""
    for service_id, entry in known.items():
        version = versions.get(service_id)
        if version is not None and entry.version < version:
            entry.state, entry.version = str(after), version
            if entry.state == ServiceState.ACTIVE:
                book.touch(entry)
        elif entry.busy and entry.state == ServiceState.ACTIVE:
            # Somebody else changed the row; what they wrote follows by its own commit.
            book.retry(entry, RETRY_SECONDS)
        entry.busy = False
    if versions:
        ids = [str(service_id) for service_id in versions]
        verb = "suspended" if after == ServiceState.SUSPENDED else "resumed"
        publish(
            Event(f"mep.service.{verb}", "mecservice", ids[0], max(versions.values()), None,
                  {"ids": ids})
        )
