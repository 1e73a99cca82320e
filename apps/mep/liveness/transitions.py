"""ACTIVE to SUSPENDED and back: in the database, with everybody who is told, or not at all.

The only writer of both moves.  Suspending compares the version that the book knows with the row's,
so that whoever changed the service in between wins; a heartbeat resumes whatever is suspended.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from apps.common import clock
from apps.common.models import next_version
from apps.journal.fanout import Event, publish
from apps.mep import locking
from apps.mep.liveness import records
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
_COLUMNS = ("pk", "application_id", "ser_name", "category_key", "state", "version",
            "application__tenant_id")
# The new version of each service that was moved, and whose it is.
Moved = dict[uuid.UUID, tuple[int, uuid.UUID | None]]
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
        book.release(entry, RETRY_SECONDS)
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
        locking.hold(MecService.objects.filter(pk__in=known))
        last = next_version(len(known))
        rows = list(MecService.objects.filter(pk__in=known).values_list(*_COLUMNS))
        present = {row[0]: row[5] for row in rows}
        fresh = [
            row for row in rows
            if row[4] == source and (verb == "beat" or _is_over(known[row[0]], row[5]))
        ]
        happenings = [
            Happening(row[0], row[1], row[2], row[3], after, Change.STATE_CHANGED, cause)
            for row in fresh
        ]
        first = last - len(fresh) + 1
        moved = {row[0]: (first + number, row[6]) for number, row in enumerate(fresh)}
        _write(after, moved)
        if happenings:
            outbox.put(happenings)
        transaction.on_commit(lambda: _moved(known, after, moved))
        transaction.on_commit(lambda: _follow(known, after, moved, present, last))
    return len(fresh)


def _is_over(entry: Entry, version: int) -> bool:
    """Whether nobody changed the service, and no heartbeat came, since the sweep took it."""
    return entry.version == version and entry.due <= clock.monotonic()


def _write(state: str, moved: Moved) -> None:
    moment = MecService._meta.get_field("updated_at").get_db_prep_save(clock.now(), connection)
    key: Any = MecService._meta.pk
    values = [
        (str(state), version, moment, moment, key.get_db_prep_save(service_id, connection))
        for service_id, (version, _) in moved.items()
    ]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(_UPDATE, values)


def _follow(
    known: dict[uuid.UUID, Entry], after: str, moved: Moved, present: dict[uuid.UUID, int],
    last: int,
) -> None:
    """What becomes of those that were not moved: none is looked at for ever for nothing."""
    changed = []
    for service_id, entry in known.items():
        if service_id in moved:
            continue
        if service_id not in present:  # removed, perhaps by a process that cannot tell this book
            book.remove(service_id, last)
        elif present[service_id] != entry.version:
            changed.append(service_id)
        elif after == ServiceState.SUSPENDED:  # a heartbeat came after all
            book.release(entry, RETRY_SECONDS)
    if changed:
        records.refresh(changed)


def _moved(known: dict[uuid.UUID, Entry], after: str, moved: Moved) -> None:
    """Follow in the book what was committed, and tell the pages once per tenant and batch."""
    for service_id, entry in known.items():
        version, _ = moved.get(service_id, (0, None))
        if entry.version < version:
            entry.state, entry.version = str(after), version
            entry.busy = False
            if entry.state == ServiceState.ACTIVE:
                book.touch(entry)
    verb = "suspended" if after == ServiceState.SUSPENDED else "resumed"
    tenants: dict[uuid.UUID | None, list[uuid.UUID]] = defaultdict(list)
    for service_id, (_, tenant_id) in moved.items():
        tenants[tenant_id].append(service_id)
    for tenant_id, ids in tenants.items():
        newest = max(moved[service_id][0] for service_id in ids)
        data = {"ids": [str(service_id) for service_id in ids]}
        publish(
            Event(f"mep.service.{verb}", "mecservice", str(ids[0]), newest, tenant_id, data)
        )
