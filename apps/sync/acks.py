"""What the readers of this site's feed have for good.  Nothing is forgotten before they say so.

A reader is a center, or a client of EdgeGallery's own routes.  Acknowledging is a message of its
own: an answer that was lost on its way costs nothing but being asked again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.models import current_version
from apps.common.words import Reason
from apps.journal import services as journal
from apps.journal.models import Tombstone
from apps.journal.services import TOMBSTONE_DAYS
from apps.sync.kinds import BY_NAME
from apps.sync.models import AckedRow, Forgotten, Reader, Refused
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import User


@dataclass(frozen=True, slots=True)
class Named:
    """A row as a reader names it; ``reason`` says why it cannot use it yet, where it cannot."""

    kind: str
    id: uuid.UUID
    version: int
    reason: Reason | None = None

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Named:
        """As it stands in a message or in a file."""
        reason = Reason.from_json(row["reason"]) if row.get("reason") else None
        return cls(str(row["kind"]), uuid.UUID(str(row["id"])), int(row["version"]), reason)


def reader_for(actor: Actor) -> Reader:
    """The reader that an actor is: the site that sent them, or for our own users they themselves.

    One that never acknowledged anything is not stored: reading leaves no trace.
    """
    key = actor.site_id or uuid.UUID(actor.actor_id)
    return reader_of(key, name="" if actor.site_id else actor.actor_name)


def reader_of(site_id: uuid.UUID, *, name: str = "") -> Reader:
    """The same for a site that is named."""
    found = Reader.objects.filter(site_id=site_id).first()
    return found or Reader(site_id=site_id, name=name)


@transaction.atomic
def acknowledge(
    reader: Reader,
    *,
    upto: int | None = None,
    rows: Sequence[Named] = (),
    refused: Sequence[Named] = (),
) -> Reader:
    """The reader has everything up to ``upto``, and ``rows``; it cannot use ``refused`` yet.

    What it has never grows less.  Conflict for a version that this site has not reached.
    """
    rows_of_readers = Reader.objects.select_for_update()
    reader, _ = rows_of_readers.get_or_create(
        site_id=reader.site_id, defaults={"name": reader.name}
    )
    newest = current_version()
    greatest = max([upto or 0, *(one.version for one in (*rows, *refused))])
    if greatest > newest:
        raise Conflict(
            N_("Version %(version)s is not reached here yet; the newest is %(newest)s."),
            code="not_reached",
            version=greatest,
            newest=newest,
        )
    if upto is not None:
        reader.acked = max(reader.acked, upto)
    reader.acked_at = clock.now()
    reader.save()
    _keep_rows(reader, _real(rows))
    # Who acknowledges a place in the feed says of everything before it what it cannot use.
    _keep_refused(reader, rows, refused, refused_is_whole=upto is not None)
    reader.rows.filter(version__lte=reader.acked).delete()
    journal.record("sync.reader.acknowledged", reader, actor=SYSTEM, quiet=True)
    return reader


def _real(rows: Sequence[Named]) -> list[Named]:
    """Those of ``rows`` that are here or were: nobody fills the table with what never was."""
    ids = {one.id for one in rows}
    dead = Tombstone.objects.filter(subject_id__in=ids).values_list("kind", "subject_id")
    there: set[tuple[str, uuid.UUID]] = set(dead)
    for kind in {one.kind for one in rows} & BY_NAME.keys():
        found = BY_NAME[kind].rows().filter(pk__in=ids).values_list("pk", flat=True)
        there |= {(kind, key) for key in found}
    return [one for one in rows if (one.kind, one.id) in there]


def _keep_rows(reader: Reader, rows: Sequence[Named]) -> None:
    AckedRow.objects.bulk_create(
        [
            AckedRow(reader=reader, kind=one.kind, subject_id=one.id, version=one.version)
            for one in rows
            if one.version > reader.acked
        ],
        update_conflicts=True,
        unique_fields=["reader", "kind", "subject_id"],
        update_fields=["version"],
    )


def _keep_refused(
    reader: Reader, rows: Sequence[Named], refused: Sequence[Named], *, refused_is_whole: bool
) -> None:
    for one in rows:
        reader.refused.filter(kind=one.kind, subject_id=one.id, version__lte=one.version).delete()
    if refused_is_whole:
        reader.refused.all().delete()
    for one in refused:
        Refused.objects.update_or_create(
            reader=reader,
            kind=one.kind,
            subject_id=one.id,
            defaults={
                "version": one.version,
                "reason": one.reason.as_json() if one.reason else {},
            },
        )


def unacknowledged(reader: Reader, kind: str, *, key: str = "pk") -> Q:
    """The condition on versioned rows of ``kind`` that ``reader`` does not have yet.

    ``key`` is the column with the id that travels.
    """
    named = AckedRow.objects.filter(
        reader__site_id=reader.site_id,
        kind=kind,
        subject_id=OuterRef(key),
        version__gte=OuterRef("version"),
    )
    return Q(version__gt=reader.acked) & ~Q(Exists(named))


def unacknowledged_dead(reader: Reader, kinds: Iterable[str]) -> QuerySet[Tombstone]:
    """What is gone and of which ``reader`` does not know."""
    named = AckedRow.objects.filter(
        reader__site_id=reader.site_id,
        kind=OuterRef("kind"),
        subject_id=OuterRef("subject_id"),
        version__gte=OuterRef("version"),
    )
    rows = Tombstone.objects.filter(kind__in=list(kinds), version__gt=reader.acked)
    return rows.exclude(Exists(named)).order_by("version")


@transaction.atomic
def purge_tombstones() -> dict[str, int]:
    """Forget the dead that every reader has acknowledged, and in the end all.

    Who asks from before them starts over: one that has been away for longer than
    ``TOMBSTONE_DAYS``, or was restored from a backup.
    """
    old = clock.now() - timedelta(days=TOMBSTONE_DAYS)
    # People who read are told for as long as tombstones are kept, and hold nothing back.
    sites = Reader.objects.exclude(site_id__in=User.objects.values("pk"))
    stale = sites.filter(Q(acked_at__lt=old) | Q(acked_at__isnull=True))
    heard = sites.exclude(pk__in=stale.values("pk")).aggregate(least=Min("acked"))["least"]
    known = Tombstone.objects.filter(deleted_at__lt=old)
    if heard is not None:
        known = known.filter(version__lte=heard)
    newest = known.aggregate(newest=Max("version"))["newest"]
    if newest is not None:
        Forgotten.objects.update_or_create(pk=1, defaults={"upto": newest})
    AckedRow.objects.filter(subject_id__in=known.values("subject_id")).delete()
    return {"tombstones": known.delete()[0]}
