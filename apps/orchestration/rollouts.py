"""Upgrades of several instances: planned whole, carried out in waves, stopped by failures, undone.

The row is the truth: ``advance`` may be called at any time by anybody and does what is due.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict, DomainError, Invalid, NotFound
from apps.common.words import Reason
from apps.instances import rollouts
from apps.instances.models import AppInstance, LcmOperation, Rollout, RolloutItem
from apps.instances.policies import may_create
from apps.instances.rollouts import Change, access_rollout
from apps.instances.selectors import instances_for
from apps.instances.services import hold_tenant
from apps.instances.specs import RolloutSpec
from apps.instances.states import (
    UNFINISHED,
    OperationState,
    RolloutItemState,
    RolloutState,
)
from apps.orchestration import parameters, services
from apps.packages.models import Package
from apps.packages.policies import may_change
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor
from apps.tenants.policies import require

TOO_MANY = N_("%(failed)s of the instances failed; no further wave begins.")
BY_HAND = N_("It was stopped by %(name)s.")
LOST = Reason(N_("The record of its operation is gone."), code="operation_gone")


@transaction.atomic
def start(*, actor: Actor, tenant_id: uuid.UUID, spec: RolloutSpec) -> Rollout:
    """Plan the upgrade of instances to a package and begin with the first wave.

    Invalid for unknown instances and for those that run another application; Conflict for those
    that another rollout has in hand.
    """
    require(may_create(actor))
    package = access_package(actor, spec.package_id, tenant_id=tenant_id)
    require(may_change(actor, package))
    if spec.parameters is not None:
        parameters.check(package.details, spec.parameters, complete=True)
    _hold(tenant_id, [package.pk])
    found = _instances(actor, tenant_id, spec.instance_ids)
    for instance in found:
        decision = services.is_version_for(instance, package)
        if not decision:
            raise _wrong("appInstanceIds", decision.reason)
    _refuse_busy(found)
    rollout = rollouts.plan(
        actor=actor,
        tenant_id=tenant_id,
        package_id=package.pk,
        package_name=str(package),
        changes=[Change(one, package.pk, spec.parameters) for one in found],
        wave_size=spec.wave_size,
        stop_after=spec.stop_after,
        allow_missing=spec.allow_missing,
    )
    advance(rollout.pk)
    return access_rollout(actor, rollout.pk)


@transaction.atomic
def back(*, actor: Actor, rollout_id: uuid.UUID) -> Rollout:
    """Bring every instance that a rollout touched back to what it ran before, in the same waves."""
    require(may_create(actor))
    former = access_rollout(actor, rollout_id)
    if former.state == RolloutState.RUNNING:
        raise Conflict(N_("Stop the upgrade before it is taken back."), code="rollout_running")
    touched = [item for item in former.items.all() if item.operation_id is not None]
    known = {one.pk: one for one in instances_for(actor).filter(tenant=former.tenant)}
    # What runs the former version again, or a third one by now, has nothing to be taken back.
    left = [
        item
        for item in touched
        if item.instance_id in known
        and known[item.instance_id].package_id == item.package_id != item.former_package_id
    ]
    if not left:
        raise Conflict(
            N_("No instance runs what this upgrade brought."), code="nothing_to_take_back"
        )
    _hold(former.tenant_id, [item.former_package_id for item in left])
    _refuse_busy([known[item.instance_id] for item in left])
    rollout = rollouts.plan(
        actor=actor,
        tenant_id=former.tenant_id,
        package_id=left[0].former_package_id,
        package_name=left[0].former_name,
        changes=[
            Change(known[item.instance_id], item.former_package_id, item.former_parameters)
            for item in left
        ],
        wave_size=former.wave_size,
        stop_after=former.stop_after,
        allow_missing=True,
        back_of=former,
    )
    advance(rollout.pk)
    return access_rollout(actor, rollout.pk)


@transaction.atomic
def stop(*, actor: Actor, rollout_id: uuid.UUID) -> Rollout:
    """Begin no further wave; what is at work comes to its end."""
    require(may_create(actor))
    access_rollout(actor, rollout_id)
    rollout = rollouts.lock(rollout_id)
    if rollout is not None and rollout.state == RolloutState.RUNNING:
        reason = Reason(BY_HAND, "stopped", {"name": actor.actor_name})
        rollouts.end(rollout, "stop", actor, reason)
    return access_rollout(actor, rollout_id)


@transaction.atomic
def advance(rollout_id: uuid.UUID) -> bool:
    """Note what has ended, and begin the next wave when the last one is through; True: it moved."""
    rollout = rollouts.lock(rollout_id)
    if rollout is None:
        return False
    actor = Actor.from_json(rollout.actor)
    moved = _settle(rollout)
    if rollout.state == RolloutState.RUNNING:
        left = rollout.items.filter(state=RolloutItemState.WAITING)
        _hold(rollout.tenant_id, left.values_list("package_id", flat=True))
    while rollout.state == RolloutState.RUNNING:
        items = list(rollout.items.all())
        if any(item.state == RolloutItemState.RUNNING for item in items):
            break
        waiting = [item for item in items if item.state == RolloutItemState.WAITING]
        failed = sum(item.state == RolloutItemState.FAILED for item in items)
        moved = True
        if not waiting:
            rollouts.end(rollout, "finish", actor)
        elif failed >= rollout.stop_after:
            reason = Reason(TOO_MANY, "too_many_failed", {"failed": failed})
            rollouts.end(rollout, "stop", actor, reason)
        else:
            _begin(rollout, [item for item in waiting if item.wave == waiting[0].wave], actor)
    if moved:
        rollouts.tell("progressed", rollout, actor)
    return moved


def _hold(tenant_id: uuid.UUID, package_ids: Iterable[uuid.UUID]) -> None:
    """Lock the packages, then the tenant: the order in which every verb takes them."""
    wanted = set(package_ids)
    list(Package.objects.select_for_update().filter(pk__in=wanted).order_by("pk").values("pk"))
    hold_tenant(tenant_id)


def _settle(rollout: Rollout) -> bool:
    """Note the ends of the operations that items wait for."""
    items = list(rollout.items.filter(state=RolloutItemState.RUNNING))
    keys = [item.operation_id for item in items if item.operation_id]
    works = {one.pk: one for one in LcmOperation.objects.filter(pk__in=keys)}
    moved = False
    for item in items:
        work = works.get(item.operation_id) if item.operation_id else None
        if work is not None and work.state in UNFINISHED:
            continue
        moved = True
        if work is not None and work.state == OperationState.SUCCEEDED:
            rollouts.note_item(item, "succeed")
        else:
            rollouts.note_item(item, "fail", (work.why if work is not None else None) or LOST)
    return moved


def _begin(rollout: Rollout, wave: Sequence[RolloutItem], actor: Actor) -> None:
    for item in wave:
        try:
            operation = services.upgrade(
                actor=actor,
                instance_id=item.instance_id,
                package_id=item.package_id,
                given=item.parameters,
                allow_missing=rollout.allow_missing,
            )
        except DomainError as error:
            rollouts.note_item(item, "fail", error.reason)
        else:
            rollouts.note_item(item, "run", operation_id=operation.pk)


def _instances(
    actor: Actor, tenant_id: uuid.UUID, wanted: Sequence[uuid.UUID]
) -> list[AppInstance]:
    rows = instances_for(actor).filter(tenant_id=tenant_id, pk__in=list(wanted))
    known = {one.pk: one for one in rows}
    for key in wanted:
        if key not in known:
            text = N_("There is no application instance %(id)s.")
            raise _wrong("appInstanceIds", Reason(text, "not_found", {"id": str(key)}))
    return [known[key] for key in dict.fromkeys(wanted)]


def _refuse_busy(found: Sequence[AppInstance]) -> None:
    """An instance belongs to one unfinished rollout at a time."""
    open_items = RolloutItem.objects.filter(
        instance_id__in=[one.pk for one in found],
        state__in=(RolloutItemState.WAITING, RolloutItemState.RUNNING),
    )
    busy = open_items.first()
    if busy is not None:
        raise Conflict(
            N_("“%(name)s” is part of another upgrade that is not finished."),
            code="in_another_rollout",
            name=busy.app_name,
        )


def versions_for(actor: Actor, package_id: uuid.UUID) -> list[Package]:
    """The other versions of an application that its tenant has, newest first."""
    try:
        now = access_package(actor, package_id)
    except NotFound:
        return []
    rows = Package.objects.filter(
        tenant_id=now.tenant_id,
        name=now.name,
        app_class=now.app_class,
        has_file=True,
        removing=False,
    )
    return list(rows.exclude(pk=now.pk).order_by("-created_at"))


def _wrong(field: str, reason: Reason) -> Invalid:
    return Invalid(N_("The request is not valid."), fields={field: reason})
