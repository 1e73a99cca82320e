"""Rules between sites: what of a configuration travels, and how a center takes it over."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.hosts.models import AppLcm
from apps.instances.models import AppInstance
from apps.rules import agreement
from apps.rules.models import AppdConfiguration
from apps.rules.wire import spec_of


@dataclass(frozen=True, slots=True)
class Word:
    """What an edge has as the rules of one instance, in which version of its own."""

    instance_id: uuid.UUID
    version: int
    content: dict[str, Any]


def exported() -> QuerySet[AppdConfiguration]:
    """The configurations of this site, with their rules."""
    return AppdConfiguration.objects.filter(removing=False).prefetch_related("rules")


def export(row: AppdConfiguration) -> dict[str, Any]:
    """What the feed carries of a configuration."""
    return {
        "tenant_id": str(row.tenant_id),
        "origin": row.origin,
        "delivered": row.is_delivered,
        "content": spec_of(row).flat(),
    }


@transaction.atomic
def take_over(
    *, edge: AppLcm, told: Sequence[Word], forked_at: int | None = None, quiet: bool = False
) -> list[bool]:
    """Merge an edge's rules into ours; False for each whose instance is unknown here.

    An edge speaks for the instances on its own hosts only.  ``quiet`` where those that are new
    here are no news but a copy of what has been there for long.
    """
    ids = [word.instance_id for word in told]
    here = set(
        AppInstance.objects.filter(pk__in=ids, host__applcm=edge).values_list("pk", flat=True)
    )
    words = [word for word in told if word.instance_id in here]
    known = AppdConfiguration.objects.filter(instance_id__in=here)
    there = set(known.values_list("instance_id", flat=True))
    for word in words:
        if word.instance_id in there:
            agreement.take_theirs(
                instance_id=word.instance_id,
                theirs=word.content,
                edge_version=word.version,
                forked_at=forked_at,
            )
    new = {word.instance_id: word for word in words if word.instance_id not in there}
    agreement.adopt({key: (one.content, one.version) for key, one in new.items()}, quiet=quiet)
    return [key in here for key in ids]


def note_gone(*, edge: AppLcm, instance_id: uuid.UUID, version: int) -> bool:
    """The edge has no rules of that instance any more."""
    if not AppInstance.objects.filter(pk=instance_id, host__applcm=edge).exists():
        return True
    return agreement.take_theirs(instance_id=instance_id, theirs={}, edge_version=version)


def copies(edge: AppLcm) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """The rules of an edge's instances as they are known here, by id, in the words of ``export``.

    Where nobody has chosen yet, with what the edge has.
    """
    rows = AppdConfiguration.objects.prefetch_related("rules").select_related("tenant")
    for row in rows.filter(instance__host__applcm=edge):
        content = agreement.to_deliver(row).flat() if row.contested else agreement.content_of(row)
        if content:
            yield row.pk, export(row) | {"content": content}


def comparable(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of exported rules both sites have."""
    return {"tenant_id": data["tenant_id"], **data["content"]}
