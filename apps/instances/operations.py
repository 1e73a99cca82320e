"""The only writers of operations: queue, claim, step, wait, finish.

A worker owns an operation while its lease lasts and writes only with it, so a worker that was
overtaken or whose operation was cancelled changes nothing any more.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common import clock
from apps.common.models import next_version
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.states import OPERATION, UNFINISHED, OperationKind, OperationState
from apps.journal import services as journal
from apps.tenants.actors import Actor

LEASE = timedelta(seconds=60)
DEADLINE = timedelta(minutes=15)
RETENTION_DAYS = 90


class LeaseLost(Exception):
    """Another worker has the operation now, or it was cancelled: stop without a trace."""


@transaction.atomic
def queue(*, actor: Actor, instance: AppInstance, kind: OperationKind) -> LcmOperation:
    """The unfinished operation of this kind, made when there is none."""
    known = LcmOperation.objects.filter(
        instance_id=instance.pk, kind=kind, state__in=UNFINISHED
    ).first()
    if known is not None:
        return known
    operation = LcmOperation.objects.create(
        instance_id=instance.pk,
        tenant_id=instance.tenant_id,
        host_id=instance.host_id,
        app_name=instance.app_name,
        kind=kind,
        actor=actor.as_json(),
        deadline=clock.now() + DEADLINE,
    )
    tell("queued", operation, actor)
    return operation


@transaction.atomic
def cancel(*, actor: Actor, instance_id: uuid.UUID) -> None:
    """Cancel what is unfinished on an instance; its worker notices at the next write."""
    for operation in LcmOperation.objects.filter(instance_id=instance_id, state__in=UNFINISHED):
        operation.state = OPERATION.move(operation.state, "cancel")
        operation.finished_at = clock.now()
        operation.save(update_fields=["state", "finished_at"])
        tell("cancelled", operation, actor)


def busy_elsewhere(operation: LcmOperation) -> bool:
    """Whether a worker still has its hands on another operation of the same instance."""
    others = LcmOperation.objects.filter(
        instance_id=operation.instance_id, lease_until__gt=clock.now()
    )
    return others.exclude(pk=operation.pk).exclude(lease="").exists()


def due() -> list[uuid.UUID]:
    """Operations that somebody should work on now: due ones without a living lease."""
    moment = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    rows = LcmOperation.objects.filter(free, state__in=UNFINISHED, next_at__lte=moment)
    return list(rows.order_by("next_at").values_list("pk", flat=True)[:200])


@transaction.atomic
def claim(operation_id: uuid.UUID) -> LcmOperation | None:
    """Take an operation for ``LEASE``; None when it is finished, not due or in other hands.

    What an edge is ordered to do under this claim has a number of its own, greater than those of
    all claims before.
    """
    moment, lease = clock.now(), secrets.token_hex(16)
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    taken = LcmOperation.objects.filter(
        free, pk=operation_id, state__in=UNFINISHED, next_at__lte=moment
    ).update(lease=lease, lease_until=moment + LEASE, state=OperationState.RUNNING)
    if not taken:
        return None
    operation = LcmOperation.objects.get(pk=operation_id)
    fields: dict[str, Any] = {}
    if operation.started_at is None:
        fields["started_at"] = moment
    if MecHost.objects.filter(pk=operation.host_id, applcm__isnull=False).exists():
        fields["number"] = next_version()
    if fields:
        _write(operation, **fields)
    return operation


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: nobody holds anything any more."""
    moment = clock.now()
    LcmOperation.objects.exclude(lease="").exclude(state__in=UNFINISHED).update(lease="")
    return LcmOperation.objects.filter(state__in=UNFINISHED).update(
        lease="", lease_until=None, next_at=moment
    )


@transaction.atomic
def note_step(operation: LcmOperation, name: str, state: str, reason: Reason | None = None) -> None:
    """Write how far a step is ("running", "waiting", "done", "failed"); raises LeaseLost.

    A step that is looked at again and still waits is no news and costs no write.
    """
    moment = clock.now().isoformat()
    steps = operation.steps
    if not steps or steps[-1]["name"] != name:
        steps.append({"name": name, "state": "", "started_at": moment, "finished_at": None})
    line = steps[-1]
    why = reason.as_json() if reason else None
    if (line["state"], line.get("reason")) == (state, why):
        return
    if state == "running" and line["state"] == "waiting":
        return
    line["state"], line["reason"] = state, why
    if state in ("done", "failed"):
        line["finished_at"] = moment
    if state == "done":
        operation.step += 1
    _write(operation, steps=steps, step=operation.step, lease_until=clock.now() + LEASE)
    tell("progressed", operation, Actor.from_json(operation.actor))


@transaction.atomic
def wait(operation: LcmOperation, seconds: float, reason: Reason | None = None) -> None:
    """Give the operation back until ``seconds`` from now; raises LeaseLost."""
    _write(
        operation,
        state=OPERATION.move(OperationState.RUNNING, "wait"),
        next_at=clock.now() + timedelta(seconds=seconds),
        reason=reason.as_json() if reason else {},
        attempts=operation.attempts + 1 if reason else 0,
        lease="",
        lease_until=None,
    )


@transaction.atomic
def finish(operation: LcmOperation, verb: str, reason: Reason | None = None) -> None:
    """End the operation by ``verb`` ("succeed", "fail"); raises LeaseLost."""
    _write(
        operation,
        state=OPERATION.move(OperationState.RUNNING, verb),
        reason=reason.as_json() if reason else {},
        finished_at=clock.now(),
        lease="",
        lease_until=None,
    )
    tell(
        f"{verb}ed" if verb == "succeed" else "failed", operation, Actor.from_json(operation.actor)
    )


def release(operation: LcmOperation) -> None:
    """Let go of an operation that was cancelled under our hands."""
    LcmOperation.objects.filter(pk=operation.pk, lease=operation.lease).update(
        lease="", lease_until=None
    )


def purge() -> int:
    """Delete finished operations after their retention."""
    before = clock.now() - timedelta(days=RETENTION_DAYS)
    return LcmOperation.objects.filter(finished_at__lt=before).delete()[0]


def nudge(*instance_ids: uuid.UUID) -> list[uuid.UUID]:
    """News of instances arrived: what waits for them is due now."""
    rows = LcmOperation.objects.filter(
        instance_id__in=instance_ids, state=OperationState.WAITING
    )
    waiting = list(rows.values_list("pk", flat=True))
    if waiting:
        rows.filter(pk__in=waiting).update(next_at=clock.now())
    return waiting


def tell(verb: str, operation: LcmOperation, actor: Actor) -> None:
    """Announce a change of an operation; the journal keeps only its beginning and its end."""
    journal.record(
        f"instances.operation.{verb}",
        operation,
        actor=actor,
        tenant_id=operation.tenant_id,
        quiet=verb == "progressed",
        data={
            "instance_id": str(operation.instance_id),
            "kind": operation.kind,
            "state": operation.state,
            "name": operation.app_name,
        },
    )


def _mine(operation: LcmOperation) -> QuerySet[LcmOperation]:
    return LcmOperation.objects.filter(
        pk=operation.pk, lease=operation.lease, state=OperationState.RUNNING
    )


def _write(operation: LcmOperation, **fields: Any) -> None:
    if not _mine(operation).update(**fields):
        raise LeaseLost
    for name, value in fields.items():
        setattr(operation, name, value)
