"""Rules between sites: what of a configuration travels, and how a center takes it over."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from apps.hosts.models import AppLcm
from apps.instances.models import AppInstance
from apps.rules import agreement
from apps.rules.models import AppdConfiguration
from apps.rules.wire import spec_of


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


def take_over(
    *,
    edge: AppLcm,
    instance_id: uuid.UUID,
    version: int,
    data: dict[str, Any],
    forked_at: int | None = None,
) -> bool:
    """Merge an edge's rules into ours; False while the instance is unknown here.

    An edge speaks for the instances on its own hosts only.
    """
    if not AppInstance.objects.filter(pk=instance_id, host__applcm=edge).exists():
        return False
    return agreement.take_theirs(
        instance_id=instance_id,
        theirs=data["content"],
        edge_version=version,
        forked_at=forked_at,
    )


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
