"""Instances as an edge reports them: those ordered here, and those that were born there."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.common.models import Origin
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.instances.selectors import unfinished
from apps.instances.services import Observation, forget, lock, note_observed
from apps.journal import services as journal
from apps.journal.selectors import is_buried
from apps.packages.models import Package
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant


def export(instance: AppInstance) -> dict[str, Any]:
    """What the feed carries of an instance beside the edge's record of it."""
    return {
        "tenant_id": str(instance.tenant_id),
        "package_id": str(instance.package_id),
        "host_id": str(instance.host_id),
        "app_name": instance.app_name,
        "description": instance.description,
        "origin": instance.origin,
    }


@transaction.atomic
def take_over(
    *, edge: AppLcm, instance_id: uuid.UUID, data: dict[str, Any], seen: Observation
) -> bool:
    """Copy what the edge tells of its own; False while package, host or tenant are unknown here."""
    instance = lock(instance_id)
    if instance is None:
        if is_buried("appinstance", instance_id):
            # Forgotten here because it has ended: an older word of the edge brings it not back.
            return True
        instance = _adopt(edge, instance_id, data, seen)
        if instance is None:
            return False
    elif instance.host.applcm_id != edge.pk:
        raise Conflict(N_("The instance “%(name)s” runs at another edge."), name=instance.app_name)
    elif not unfinished([instance_id]).exists():
        _follow(instance, seen, data)
    note_observed(instance_id=instance_id, seen=seen)
    return True


@transaction.atomic
def note_gone(*, edge: AppLcm, instance_id: uuid.UUID) -> bool:
    """It was ended at the edge; False while an operation of ours on it has not ended yet.

    A termination ends well by that, and any other order with the edge's refusal.
    """
    instance = lock(instance_id)
    if instance is None or instance.host.applcm_id != edge.pk:
        return True
    if unfinished([instance_id]).exists():
        journal.record(
            "instances.instance.observed",
            instance,
            actor=SYSTEM,
            quiet=True,
            tenant_id=instance.tenant_id,
            data={"state": instance.state},
        )
        return False
    forget(actor=SYSTEM, instance_id=instance_id)
    return True


def _adopt(
    edge: AppLcm, instance_id: uuid.UUID, data: dict[str, Any], seen: Observation
) -> AppInstance | None:
    known = (
        Package.objects.filter(pk=data["package_id"]).exists()
        and MecHost.objects.filter(pk=data["host_id"], applcm=edge).exists()
        and Tenant.objects.filter(pk=data["tenant_id"]).exists()
    )
    if not known:
        return None
    instance = AppInstance(
        id=instance_id,
        tenant_id=uuid.UUID(data["tenant_id"]),
        package_id=uuid.UUID(data["package_id"]),
        host_id=uuid.UUID(data["host_id"]),
        app_name=data["app_name"],
        description=data["description"],
        state=seen.edge_state,
        origin=Origin(data["origin"]),
    )
    instance.save(force_insert=True)
    journal.record(
        "instances.instance.reported",
        instance,
        actor=SYSTEM,
        tenant_id=instance.tenant_id,
        data={"state": instance.state},
    )
    return instance


def _follow(instance: AppInstance, seen: Observation, data: dict[str, Any]) -> None:
    """With no work of ours in progress, the life cycle at the edge is the truth."""
    newer = not seen.version or seen.version > instance.observed_version
    package_id = uuid.UUID(data["package_id"])
    upgraded = package_id != instance.package_id and Package.objects.filter(pk=package_id).exists()
    if newer and seen.edge_state and (upgraded or instance.state != seen.edge_state):
        instance.state = seen.edge_state
        instance.package_id = package_id if upgraded else instance.package_id
        instance.operation_info = seen.why.as_json() if seen.why else {}
        instance.save()
        journal.record(
            "instances.instance.followed",
            instance,
            actor=SYSTEM,
            tenant_id=instance.tenant_id,
            data={"state": instance.state},
        )
