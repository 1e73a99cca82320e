"""The base of every row that travels between sites.  Not for rows that stay at home."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from apps.common import clock, merging
from apps.common.merging import Content, Merged
from apps.common.rows import insert_many


class Origin(models.TextChoices):
    """Where a row was born, in EdgeGallery's words: orchestrator (center) or platform manager."""

    MEO = "MEO", _("Center")
    MEPM = "MEPM", _("Edge")


def born_here() -> Origin:
    """The origin of rows that are made at this site."""
    return Origin(settings.ROLE.origin)


class VersionCounter(models.Model):
    """One row: the last version that this site gave out.

    Raising it locks the row until the transaction ends, so versions become visible in their own
    order and a reader that asks for "greater than n" never steps over a late commit.
    """

    value = models.BigIntegerField(default=0)

    class Meta:
        db_table = "common_version_counter"


def next_version(count: int = 1) -> int:
    """The next version of this site, the last of ``count`` that are taken at once.

    Must be called inside the transaction that uses it.
    """
    raise_by = "UPDATE common_version_counter SET value = value + %s WHERE id = 1 RETURNING value"
    with connection.cursor() as cursor:
        cursor.execute(raise_by, [count])
        row = cursor.fetchone()
        if row is None:
            VersionCounter.objects.get_or_create(pk=1)
            cursor.execute(raise_by, [count])
            row = cursor.fetchone()
    return int(row[0])


def current_version() -> int:
    """The greatest version that is committed here; 0 at a new site."""
    return VersionCounter.objects.filter(pk=1).values_list("value", flat=True).first() or 0


class Versioned(models.Model):
    """A row with an identity of its own and one integer ``version``, raised by each change.

    The version is the ETag, the order of live messages and what synchronization acknowledges.
    ``DESIRED`` names the columns owned by whoever gives the orders, ``OBSERVED`` those owned by
    the edge; neither side writes the other's.
    """

    DESIRED: ClassVar[tuple[str, ...]] = ()
    OBSERVED: ClassVar[tuple[str, ...]] = ()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.BigIntegerField(default=0, editable=False, db_index=True)
    origin = models.CharField(max_length=4, choices=Origin.choices, default=born_here)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row under a new version, in one transaction."""
        with transaction.atomic():
            self.version = next_version()
            self.updated_at = clock.now()
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version", "updated_at"}
            super().save(*args, **kwargs)

    def remains(self) -> dict[str, Any]:
        """What its tombstone tells to those who do not know it by its id."""
        return {}


def save_many(rows: Sequence[Versioned], *, fields: Sequence[str]) -> None:
    """Write new rows, and ``fields`` of known ones, each under a new version.

    All are of one model; the caller holds the known ones locked.
    """
    if not rows:
        return
    with transaction.atomic(savepoint=False):
        version, moment = next_version(len(rows)) - len(rows), clock.now()
        for number, row in enumerate(rows, start=1):
            row.version, row.updated_at = version + number, moment
        insert_many(rows, known_by=["id"], change=[*fields, "version", "updated_at"])


# The edge's version of what was heard of it in a history that it has lost since.
LOST_HISTORY = 1


class Agreed(models.Model):
    """Desired content that both sites may change while they are apart.  For rows of a center.

    ``agreed`` is what the edge had when the two last heard of each other, the ancestor of a merge;
    ``edge_version`` is the edge's version of it, on which the next order is based.  ``contested``
    has, by field, what was ``agreed`` before and what the edge has, until a person has chosen.
    ``sent`` is what went there since without an answer: it may have arrived, each time.
    """

    edge_version = models.BigIntegerField(default=0, editable=False)
    agreed = models.JSONField(default=dict, editable=False)
    contested = models.JSONField(default=dict, editable=False)
    sent = models.JSONField(default=list, editable=False)

    class Meta:
        abstract = True

    def merge(
        self, *, agreed: Content, ours: Content, theirs: Content, edge_version: int,
        forked_at: int | None,
    ) -> Merged:
        """Merge ``theirs`` of ``edge_version``, with ``agreed`` as ancestor where there is one.

        There is none for an edge that was restored, whose history is another from ``forked_at`` on,
        but for what it had before that and nobody had read yet.
        """
        is_unread = forked_at and LOST_HISTORY < self.edge_version < edge_version < forked_at
        if is_unread or (forked_at is None and self.edge_version != LOST_HISTORY):
            return merging.merge(agreed=agreed, ours=ours, theirs=theirs, contested=self.contested)
        is_touched = forked_at is None or edge_version >= forked_at
        return merging.merge_set_back(
            ours=ours, theirs=theirs, contested=self.contested, is_touched=is_touched
        )
