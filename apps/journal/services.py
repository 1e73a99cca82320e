"""The only writers of the record.  Not for log lines: an entry is something a person asks about."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Protocol

from django.db import DEFAULT_DB_ALIAS, models, transaction
from django.db.models.deletion import Collector

from apps.common import clock
from apps.common.models import Versioned, next_version
from apps.common.rows import insert, insert_many
from apps.journal import orders
from apps.journal.context import request_id
from apps.journal.fanout import Event, publish
from apps.journal.models import Entry, RememberedAnswer, Tombstone

ENTRY_DAYS = 365
ANSWER_HOURS = 24
TOMBSTONE_DAYS = 90


class Actor(Protocol):
    """Whoever does something: a user, another site's user, or the system itself."""

    @property
    def actor_id(self) -> str:
        """Who it is, also when the name changes or the account is gone."""

    @property
    def actor_name(self) -> str:
        """What people call them."""

    def acts_for(self, tenant_id: uuid.UUID | None) -> bool:
        """Whether they do it for somebody else's tenant."""


def record(
    verb: str,
    subject: models.Model,
    *,
    actor: Actor,
    tenant_id: uuid.UUID | None = None,
    data: dict[str, Any] | None = None,
    quiet: bool = False,
) -> None:
    """Write an entry for ``verb`` on ``subject`` and announce it once the transaction commits.

    ``quiet`` announces without an entry: for changes that are seen but are nobody's deed.
    Must be called inside the transaction that makes the change.
    """
    entry = _entry(verb, subject, actor, tenant_id, data or {})
    if not quiet:
        insert(entry)
    _announce(entry, recorded=not quiet)


def record_many(
    verb: str,
    subjects: Sequence[tuple[models.Model, dict[str, Any]]],
    *,
    actor: Actor,
    tenant_id: uuid.UUID | None = None,
) -> None:
    """The same for many of one tenant with the data of each: an entry and an event for each."""
    entries = [_entry(verb, subject, actor, tenant_id, data) for subject, data in subjects]
    insert_many(entries)
    for entry in entries:
        _announce(entry, recorded=True)


def _entry(
    verb: str, subject: models.Model, actor: Actor, tenant_id: uuid.UUID | None,
    data: dict[str, Any],
) -> Entry:
    if actor.acts_for(tenant_id):
        data = {**data, "on_behalf_of": str(tenant_id)}
    return Entry(
        verb=verb,
        kind=subject._meta.model_name or "",
        subject_id=str(subject.pk),
        subject_name=str(subject)[:256],
        version=getattr(subject, "version", 0),
        tenant_id=tenant_id,
        actor_id=actor.actor_id,
        actor_name=actor.actor_name,
        request_id=request_id.get(),
        data=data,
    )


def _announce(entry: Entry, *, recorded: bool) -> None:
    event = Event(
        entry.verb,
        entry.kind,
        entry.subject_id,
        entry.version,
        entry.tenant_id,
        entry.data,
        recorded=recorded,
        subject_name=entry.subject_name,
        actor_name=entry.actor_name,
    )
    transaction.on_commit(lambda: publish(event))


def announce(
    verb: str, rows: Sequence[models.Model], *, tenant_id: uuid.UUID | None = None
) -> None:
    """The same news of many rows of one kind and tenant, told at once when the transaction commits.

    For changes that are seen but are nobody's deed: no entry.  ``ids`` has them all.
    """
    last = max(rows, key=lambda row: int(getattr(row, "version", 0)))
    ids = [str(row.pk) for row in rows]
    event = Event(
        verb,
        last._meta.model_name or "",
        ids[0],
        getattr(last, "version", 0),
        tenant_id,
        {"ids": ids},
    )
    transaction.on_commit(lambda: publish(event))


def record_refusal(
    verb: str,
    *,
    kind: str,
    name: str,
    actor: Actor,
    tenant_id: uuid.UUID | None,
    data: dict[str, Any],
) -> None:
    """Write an entry about something that was refused and of which nothing else is kept."""
    Entry.objects.create(
        verb=verb,
        kind=kind,
        subject_id="",
        subject_name=name[:256],
        tenant_id=tenant_id,
        actor_id=actor.actor_id,
        actor_name=actor.actor_name,
        request_id=request_id.get(),
        data=data,
    )


def bury(
    verb: str,
    subject: Versioned,
    *,
    actor: Actor,
    tenant_id: uuid.UUID | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Delete ``subject``, leave its tombstone under a new version, and announce it.

    What the database deletes with it gets a tombstone too.
    """
    with transaction.atomic():
        collector = Collector(using=subject._state.db or DEFAULT_DB_ALIAS, origin=subject)
        collector.collect([subject])
        for row in _going_with(collector, subject):
            _entomb(row, next_version(), getattr(row, "tenant_id", tenant_id))
        subject.version = next_version()
        _entomb(subject, subject.version, tenant_id)
        record(verb, subject, actor=actor, tenant_id=tenant_id, data=data)
        collector.delete()


def _going_with(collector: Collector, subject: Versioned) -> Iterator[Versioned]:
    """The travelling rows that the database deletes with ``subject``: they are gone as well."""
    for rows in collector.data.values():
        yield from (row for row in rows if isinstance(row, Versioned) and row is not subject)
    for fast in collector.fast_deletes:
        if issubclass(fast.model, Versioned):
            yield from (row for row in fast if isinstance(row, Versioned))


def _entomb(row: Versioned, version: int, tenant_id: uuid.UUID | None) -> None:
    Tombstone.objects.update_or_create(
        kind=row._meta.model_name or "",
        subject_id=row.pk,
        defaults={
            "version": version,
            "tenant_id": tenant_id,
            "deleted_at": clock.now(),
            "data": {"origin": row.origin, **row.remains()},
        },
    )


def purge() -> dict[str, int]:
    """Delete what is older than its stated retention; returns the counts per table."""
    moment = clock.now()
    gone = {
        "entries": Entry.objects.filter(at__lt=moment - timedelta(days=ENTRY_DAYS)),
        "answers": RememberedAnswer.objects.filter(
            created_at__lt=moment - timedelta(hours=ANSWER_HOURS)
        ),
    }
    return {name: rows.delete()[0] for name, rows in gone.items()} | {"orders": orders.purge()}
