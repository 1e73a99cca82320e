"""Rules between sites: what of a configuration travels, and how a center takes it over."""

from __future__ import annotations

import uuid
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
