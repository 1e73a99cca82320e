"""The readers of instances and operations.  The tenant wall stands in the query."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.states import UNFINISHED
from apps.tenants.actors import Actor


def instances_for(actor: Actor) -> QuerySet[AppInstance]:
    """The instances that an actor may see, with package, host and tenant."""
    rows = AppInstance.objects.select_related("package", "host", "host__applcm", "tenant")
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def access_instance(
    actor: Actor, instance_id: uuid.UUID, *, tenant_id: uuid.UUID | None = None
) -> AppInstance:
    """One instance, or NotFound in the words of the original."""
    rows = instances_for(actor)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    found = rows.filter(pk=instance_id).first()
    if found is None:
        raise instance_not_found(instance_id)
    return found


def instance_not_found(instance_id: uuid.UUID) -> NotFound:
    """The one answer for an instance that does not exist, or not for this asker."""
    return NotFound(
        N_("There is no application instance %(id)s."),
        id=str(instance_id),
        message="No such element",
        details=[f"Record does not exist, app instance id: {instance_id}"],
    )


def operations_of(instance_id: uuid.UUID) -> QuerySet[LcmOperation]:
    """Everything that was done to one instance, newest first."""
    return LcmOperation.objects.filter(instance_id=instance_id)


def names_of(instance_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What instances are called, or were while they were there; those that are known by now."""
    wanted = set(instance_ids)
    past = LcmOperation.objects.filter(instance_id__in=wanted).order_by("created_at")
    there = AppInstance.objects.filter(pk__in=wanted)
    return {
        **dict(past.values_list("instance_id", "app_name")),
        **dict(there.values_list("pk", "app_name")),
    }


def unfinished(instance_ids: Iterable[uuid.UUID]) -> QuerySet[LcmOperation]:
    """Work that still goes on for any of these instances."""
    return LcmOperation.objects.filter(instance_id__in=list(instance_ids), state__in=UNFINISHED)
