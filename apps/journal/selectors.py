"""Readings of the record.  What an asker may see is decided by the tenant given here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from apps.journal.models import Entry, Tombstone


def entries(*, tenant_id: uuid.UUID | None = None) -> QuerySet[Entry]:
    """Entries newest first; with ``tenant_id`` those of that tenant only."""
    rows = Entry.objects.order_by("-id")
    return rows if tenant_id is None else rows.filter(tenant_id=tenant_id)


def history_of(kind: str, subject_id: str) -> QuerySet[Entry]:
    """Everything that happened to one thing, newest first."""
    return Entry.objects.filter(kind=kind, subject_id=str(subject_id)).order_by("-id")


def tombstones_after(version: int) -> QuerySet[Tombstone]:
    """What was deleted under a version greater than ``version``, in order."""
    return Tombstone.objects.filter(version__gt=version).order_by("version")


def buried(kind: str, subject_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these were here once and are gone."""
    rows = Tombstone.objects.filter(kind=kind, subject_id__in=list(subject_ids))
    return set(rows.values_list("subject_id", flat=True))


def is_buried(kind: str, subject_id: uuid.UUID) -> bool:
    """Whether something of this kind was here under this id and is gone."""
    return Tombstone.objects.filter(kind=kind, subject_id=subject_id).exists()


def end_of(kind: str, subject_id: uuid.UUID) -> int:
    """The version under which something ended here; 0 for what never did or is forgotten."""
    stones = Tombstone.objects.filter(kind=kind, subject_id=subject_id)
    return stones.values_list("version", flat=True).first() or 0
