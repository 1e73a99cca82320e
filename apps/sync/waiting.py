"""What an edge has that its center does not have yet, and since when the center is away.

For the pages of the edge.  Reads only; what is not known is not claimed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, F, Max, OuterRef, QuerySet, Subquery, Value

from apps.common import clock
from apps.journal import services as journal
from apps.journal.models import Entry
from apps.sync.acks import unacknowledged, unacknowledged_dead
from apps.sync.kinds import BY_NAME, KINDS, NAMES
from apps.sync.models import Center, Reader, Refused
from apps.tenants.actors import SYSTEM
from apps.tenants.models import SigningKey

# A center asks at least every half minute; what is quiet for longer than this is away.
AWAY = timedelta(seconds=60)
WENT, CAME = "sync.center.away", "sync.center.back"


@dataclass(frozen=True, slots=True)
class Presence:
    """The center as this edge last noticed it; ``since`` is None when it was never heard of.

    ``heard`` tells whether its calls are noticed; otherwise only what it acknowledged last is
    known, and not whether it is away.
    """

    reader: Reader
    away: bool
    since: datetime | None
    heard: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One row that waits; ``entry`` is the last that the record has of it, if any."""

    kind: str
    id: uuid.UUID
    version: int
    gone: bool
    name: str
    entry: Entry | None


def presence() -> Presence | None:
    """Whether the center is there; None for an edge that no center reads."""
    acks = Reader.objects.filter(site_id=OuterRef("site_id"))
    center = (
        Center.objects.filter(left_at__isnull=True)
        .annotate(
            acked=Subquery(acks.values("acked")), acked_at=Subquery(acks.values("acked_at"))
        )
        .order_by("-joined_at")
        .first()
    )
    if center is None:
        return _acknowledging()
    reader = Reader(site_id=center.site_id, name=center.name, acked=center.acked or 0)
    if center.connected is False:
        return Presence(reader, True, center.since or center.heard_at, True)
    if center.heard_at is None and center.acked_at is not None:
        return Presence(reader, _is_quiet(center.acked_at), center.acked_at, False)
    since = center.heard_at
    away = since is not None and _is_quiet(since) and not center.connected
    return Presence(reader, away, since, True)


def _acknowledging() -> Presence | None:
    """The site that read last, of which only its acknowledgements are known."""
    sites = SigningKey.objects.filter(private_key="").values("site_id")
    reader = Reader.objects.filter(site_id__in=sites).order_by(F("acked_at").desc(nulls_last=True))
    found = reader.first()
    if found is None or found.acked_at is None:
        return None
    return Presence(found, _is_quiet(found.acked_at), found.acked_at, False)


def _is_quiet(since: datetime) -> bool:
    return clock.now() - since > AWAY


def changes(reader: Reader) -> QuerySet[Any, dict[str, Any]]:
    """What the reader does not have yet, in the order in which it changed: kind, key, version."""
    living = [
        _keyed(kind.rows().filter(unacknowledged(reader, kind.name)), kind.name)
        for kind in KINDS
    ]
    dead = unacknowledged_dead(reader, NAMES).order_by()
    stones = dead.values("version", told=F("kind"), key=F("subject_id"), gone=_flag(True))
    return living[0].union(*living[1:], stones, all=True).order_by("-version")


def _keyed(rows: QuerySet[Any], kind: str) -> QuerySet[Any, dict[str, Any]]:
    plain = rows.order_by().select_related(None).prefetch_related(None)
    found: QuerySet[Any, dict[str, Any]] = plain.values(
        "version", told=Value(kind), key=F("pk"), gone=_flag(False)
    )
    return found


def _flag(value: bool) -> Value:
    return Value(value, output_field=BooleanField())


def named(rows: Sequence[dict[str, Any]]) -> list[Change]:
    """The rows of ``changes`` with their names and with who changed them last and when."""
    keys = {(row["told"], str(row["key"])) for row in rows}
    entries = _entries(keys)
    names = _names([row for row in rows if not row["gone"]])
    found = []
    for row in rows:
        key = (row["told"], str(row["key"]))
        entry = entries.get(key)
        name = names.get(key) or (entry.subject_name if entry else "")
        found.append(Change(key[0], row["key"], row["version"], row["gone"], name, entry))
    return found


def refused(reader: Reader) -> QuerySet[Refused]:
    """What the reader has and cannot use yet, each with its reason."""
    return Refused.objects.filter(reader__site_id=reader.site_id).order_by("id")


def names_of(rows: Sequence[Refused]) -> dict[tuple[str, str], str]:
    """How those are called that are still here, by kind and id."""
    return _names([{"told": row.kind, "key": row.subject_id} for row in rows])


def look() -> bool | None:
    """Write into the record that the center went away or came back; None where nothing is known.

    What was written last is what people were told.
    """
    found = presence()
    center = Center.objects.filter(left_at__isnull=True).order_by("-joined_at").first()
    if found is None or center is None or not found.heard:
        return None
    last = Entry.objects.filter(
        kind="center", subject_id=str(center.pk), verb__in=(WENT, CAME)
    ).order_by("-id")
    was_away = last.values_list("verb", flat=True).first() == WENT
    if found.away is not was_away:
        with transaction.atomic():
            since = found.since.isoformat() if found.since else None
            verb = WENT if found.away else CAME
            journal.record(verb, center, actor=SYSTEM, data={"heard_at": since})
    return found.away


def _entries(keys: set[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
    """The newest entry about each of these things."""
    kinds, ids = {kind for kind, _ in keys}, {key for _, key in keys}
    rows = Entry.objects.filter(kind__in=kinds, subject_id__in=ids)
    newest = rows.order_by().values_list("kind", "subject_id").annotate(last=Max("id"))
    last = {(kind, key): entry for kind, key, entry in newest}
    found = Entry.objects.in_bulk([key for name, key in last.items() if name in keys])
    return {name: found[key] for name, key in last.items() if key in found}


def _names(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], str]:
    found = {}
    for kind in {row["told"] for row in rows} & set(NAMES):
        keys = [row["key"] for row in rows if row["told"] == kind]
        for one in BY_NAME[kind].rows().filter(pk__in=keys):
            found[kind, str(one.pk)] = str(one)
    return found
