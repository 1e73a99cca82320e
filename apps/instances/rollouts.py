"""The only writers of rollouts: the plan, what became of each item, and the end."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import NotFound
from apps.common.words import Reason
from apps.instances.models import AppInstance, Rollout, RolloutItem
from apps.instances.states import ROLLOUT, ROLLOUT_ITEM, RolloutItemState, RolloutState
from apps.journal import services as journal
from apps.tenants.actors import Actor

WAITING, RUNNING = RolloutItemState.WAITING, RolloutItemState.RUNNING


@dataclass(frozen=True, slots=True)
class Change:
    """One instance, and what it shall run instead; parameters of None are kept as they are."""

    instance: AppInstance
    package_id: uuid.UUID
    parameters: dict[str, str] | None = None


def rollouts_for(actor: Actor) -> QuerySet[Rollout]:
    """The rollouts that an actor may see, newest first."""
    rows = Rollout.objects.select_related("tenant", "back_of").prefetch_related("items")
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def access_rollout(
    actor: Actor, rollout_id: uuid.UUID, *, tenant_id: uuid.UUID | None = None
) -> Rollout:
    """One rollout, or NotFound."""
    rows = rollouts_for(actor)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    found = rows.filter(pk=rollout_id).first()
    if found is None:
        raise NotFound(N_("There is no such upgrade."), message="Record not found")
    return found


@transaction.atomic
def plan(
    *,
    actor: Actor,
    tenant_id: uuid.UUID,
    package_id: uuid.UUID,
    package_name: str,
    changes: Sequence[Change],
    wave_size: int,
    stop_after: int,
    allow_missing: bool = False,
    back_of: Rollout | None = None,
) -> Rollout:
    """A rollout whose items all wait; waves are filled in the order of ``changes``."""
    rollout = Rollout.objects.create(
        tenant_id=tenant_id,
        package_id=package_id,
        package_name=package_name,
        wave_size=wave_size,
        stop_after=stop_after,
        allow_missing=allow_missing,
        back_of=back_of,
        state=ROLLOUT.move("", "start"),
        actor=actor.as_json(),
    )
    RolloutItem.objects.bulk_create(
        RolloutItem(
            rollout=rollout,
            position=number,
            wave=number // wave_size + 1,
            instance_id=change.instance.pk,
            app_name=change.instance.app_name,
            host_name=change.instance.host.name,
            package_id=change.package_id,
            parameters=change.parameters,
            former_package_id=change.instance.package_id,
            former_name=str(change.instance.package),
            former_parameters=change.instance.parameters,
            state=ROLLOUT_ITEM.move("", "plan"),
        )
        for number, change in enumerate(changes)
    )
    tell("started", rollout, actor)
    return rollout


def lock(rollout_id: uuid.UUID) -> Rollout | None:
    """The row, held until the transaction ends; None when there is none."""
    return Rollout.objects.select_for_update().filter(pk=rollout_id).first()


@transaction.atomic
def note_item(
    item: RolloutItem,
    verb: str,
    reason: Reason | None = None,
    *,
    operation_id: uuid.UUID | None = None,
) -> None:
    """Move an item on by ``verb`` ("run", "succeed", "fail", "skip")."""
    item.state = ROLLOUT_ITEM.move(item.state, verb)
    item.reason = reason.as_json() if reason else {}
    item.operation_id = operation_id or item.operation_id
    item.save(update_fields=["state", "reason", "operation_id"])


@transaction.atomic
def end(rollout: Rollout, verb: str, actor: Actor, reason: Reason | None = None) -> None:
    """End a rollout by ``verb`` ("finish", "stop"); what still waits is left alone."""
    rollout.state = ROLLOUT.move(rollout.state, verb)
    rollout.reason = reason.as_json() if reason else {}
    rollout.finished_at = clock.now()
    rollout.save(update_fields=["state", "reason", "finished_at"])
    for item in rollout.items.filter(state=WAITING):
        note_item(item, "skip", reason)
    tell("finished" if verb == "finish" else "stopped", rollout, actor)


def unfinished() -> list[uuid.UUID]:
    """Rollouts that go on, and stopped ones whose last items are still at work."""
    going = Rollout.objects.filter(state=RolloutState.RUNNING).values_list("pk", flat=True)
    ending = RolloutItem.objects.filter(state=RUNNING).values_list("rollout_id", flat=True)
    return list({*going, *ending})


def of_operation(operation_id: uuid.UUID) -> list[uuid.UUID]:
    """The rollouts that wait for an operation."""
    rows = RolloutItem.objects.filter(operation_id=operation_id, state=RUNNING)
    return list(rows.values_list("rollout_id", flat=True))


def tell(verb: str, rollout: Rollout, actor: Actor) -> None:
    """Announce a change of a rollout; the journal keeps its beginning and its end."""
    data: dict[str, Any] = {"state": rollout.state, "instances": rollout.items.count()}
    journal.record(
        f"instances.rollout.{verb}",
        rollout,
        actor=actor,
        tenant_id=rollout.tenant_id,
        quiet=verb == "progressed",
        data=data,
    )
