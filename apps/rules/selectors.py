"""The readers of configurations and tasks.  The tenant wall stands in the query."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.instances.models import AppInstance
from apps.journal.selectors import end_of
from apps.rules.models import AppdConfiguration, RuleTask
from apps.rules.wire import spec_of
from apps.tenants.actors import Actor


def configurations_for(actor: Actor) -> QuerySet[AppdConfiguration]:
    """The configurations that an actor may see, with their rules; not those that are going."""
    rows = AppdConfiguration.objects.filter(removing=False).prefetch_related("rules")
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def find_configuration(actor: Actor, instance_id: uuid.UUID) -> AppdConfiguration | None:
    """The configuration of an instance; None while it has none."""
    return configurations_for(actor).filter(instance_id=instance_id).first()


def access_configuration(actor: Actor, instance: AppInstance) -> AppdConfiguration:
    """The configuration of an instance; NotFound while it has none."""
    found = find_configuration(actor, instance.pk)
    if found is None:
        raise no_configuration()
    return found


@dataclass(frozen=True, slots=True)
class State:
    """A configuration at one moment; where there is none, no content and the version of its end."""

    version: int
    content: dict[str, Any]


def held_state(instance_id: uuid.UUID) -> State:
    """The configuration of an instance, held as it is until the transaction ends."""
    rows = AppdConfiguration.objects.select_for_update().filter(instance_id=instance_id)
    row = rows.first()
    if row is None:
        return State(end_of("appdconfiguration", instance_id), {})
    return State(row.version, spec_of(row).flat())


def no_configuration() -> NotFound:
    """The answer for an instance that has no rules."""
    return NotFound(
        N_("This instance has no AppD configuration."),
        message="Record not found",
        details=["Record not found"],
    )


def tasks_for(actor: Actor) -> QuerySet[RuleTask]:
    """The tasks that an actor may see, newest first."""
    rows = RuleTask.objects.all()
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def access_task(
    actor: Actor, task_id: uuid.UUID, *, tenant_id: uuid.UUID | None = None
) -> RuleTask:
    """A task by its id; by that of an instance, the newest of the instance; else NotFound."""
    rows = tasks_for(actor)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    found = rows.filter(pk=task_id).first() or rows.filter(instance_id=task_id).first()
    if found is None:
        raise NotFound(
            N_("There is no such task."), message="Record not found", details=["Record not found"]
        )
    return found
