"""Runs one operation as far as it goes now.  The row remembers; this module forgets."""

from __future__ import annotations

import logging
import uuid

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import DomainError, Upstream
from apps.common.words import BUG, Reason
from apps.instances import operations, services
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.operations import LeaseLost
from apps.instances.states import INSTANCE, OperationKind
from apps.journal import orders
from apps.orchestration.workflows import WORKFLOWS, Context, Waiting, Workflow, target_for
from apps.tenants.actors import Actor

LONGEST_WAIT = 15.0
_log = logging.getLogger("mecm.engine")
TOO_LATE = Reason(N_("It was not finished before its deadline."), code="deadline")


def run(operation_id: uuid.UUID) -> float | None:
    """Work on an operation until it waits or ends; returns the seconds until it wants to go on."""
    operation = operations.claim(operation_id)
    if operation is None:
        return None
    try:
        with orders.numbered(operation.number):
            return _advance(operation, WORKFLOWS[operation.kind])
    except LeaseLost:
        operations.release(operation)
        return None


def _advance(operation: LcmOperation, workflow: Workflow) -> float | None:
    actor = Actor.from_json(operation.actor)
    while (instance := _instance(operation)) is not None:
        steps = workflow.steps_for(instance)
        if operation.step >= len(steps):
            _end(operation, workflow.done, "succeed", None)
            return None
        name, step = steps[operation.step]
        context = Context(operation, instance, actor, target_for(instance.host))
        operations.note_step(operation, name, "running")
        try:
            waits = step(context)
        except LeaseLost:
            raise
        except Exception as error:
            return _stumble(operation, workflow, name, error)
        if isinstance(waits, Waiting):
            return _pause(operation, workflow, name, waits.seconds, waits.reason)
        if waits is not None:
            return _pause(operation, workflow, name, waits)
        operations.note_step(operation, name, "done")
    operations.finish(operation, "succeed")
    return None


def _instance(operation: LcmOperation) -> AppInstance | None:
    rows = AppInstance.objects.select_related(
        "package", "package__tenant", "host", "host__applcm", "tenant"
    )
    return rows.filter(pk=operation.instance_id).first()


def _pause(
    operation: LcmOperation,
    workflow: Workflow,
    name: str,
    seconds: float,
    reason: Reason | None = None,
) -> float | None:
    if operation.deadline and clock.now() >= operation.deadline:
        # What it waited for last tells more than that its time is over.
        why = reason or operation.why or TOO_LATE
        operations.note_step(operation, name, "failed", why)
        _end(operation, workflow.failed, "fail", why)
        return None
    operations.note_step(operation, name, "waiting", reason)
    operations.wait(operation, seconds, reason)
    return seconds


def _stumble(
    operation: LcmOperation, workflow: Workflow, name: str, error: Exception
) -> float | None:
    """Try again later what is worth it; end the operation for everything else."""
    if isinstance(error, Upstream) and error.retryable:
        wait = min(LONGEST_WAIT, 0.25 * 2 ** min(operation.attempts, 10))
        return _pause(operation, workflow, name, wait, error.reason)
    if isinstance(error, DomainError):
        reason = error.reason
    else:
        _log.exception("step %s of %s failed", name, operation.pk)
        reason = BUG
    operations.note_step(operation, name, "failed", reason)
    _end(operation, workflow.failed, "fail", reason)
    return None


@transaction.atomic
def _end(operation: LcmOperation, move: str, verb: str, reason: Reason | None) -> None:
    """Finish the operation and move the instance, both or neither."""
    operations.finish(operation, verb, reason)
    actor = Actor.from_json(operation.actor)
    if operation.kind == OperationKind.TERMINATE and verb == "succeed":
        services.forget(actor=actor, instance_id=operation.instance_id)
        return
    instance = services.lock(operation.instance_id)
    if instance is not None and INSTANCE.allows(instance.state, move):
        services.move(actor=actor, instance_id=instance.pk, verb=move, info=reason)
    services.rest(instance_id=operation.instance_id, why=reason)
