"""Handing rules over: the only writer of tasks once they are made.

One task of an instance is worked on at a time, and with it all that were ordered before, since what
is handed over is the configuration as it is now.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop as N_

from apps.common import clock, merging
from apps.common.errors import DomainError, Upstream
from apps.common.models import next_version
from apps.common.words import BUG, NO_REASON, Reason
from apps.hosts.models import MecHost
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.journal import orders
from apps.rules import agreement
from apps.rules.local import LocalPlatform
from apps.rules.models import AppdConfiguration, RuleTask
from apps.rules.policies import CARRIED_OUT_IN
from apps.rules.ports import RulePlatform
from apps.rules.remote import RemotePlatform
from apps.rules.services import end_tasks, forget, tell
from apps.rules.specs import AppdSpec
from apps.rules.states import TASK, UNFINISHED, TaskState
from apps.tenants.actors import Actor

LEASE = timedelta(seconds=60)
LONGEST_WAIT = 15.0
NOT_RUNNING_WAIT = 15.0
KEPT = timedelta(days=30)
NOT_RUNNING = N_(
    "The instance does not run yet (its state is “%(state)s”); its rules wait for that."
)
_log = logging.getLogger("mecm.rules")


@dataclass(frozen=True, slots=True)
class Handover:
    """What is handed over, as it was when the work began."""

    task: RuleTask
    instance: AppInstance
    wanted: int
    removing: bool
    spec: AppdSpec
    based_on: int
    number: int
    sent_before: list[Any]


def platform_for(host: MecHost) -> RulePlatform:
    """Where a host is, is data: one that names an AppLCM is reached over HTTP."""
    return LocalPlatform() if host.is_local else RemotePlatform()


def due() -> list[uuid.UUID]:
    """Tasks that somebody should work on now."""
    moment = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    rows = RuleTask.objects.filter(free, state__in=UNFINISHED, next_at__lte=moment)
    return list(rows.order_by("next_at").values_list("pk", flat=True)[:200])


def work_on(task_id: uuid.UUID) -> float | None:
    """Hand over what a task is about; returns the seconds until it is to be tried again."""
    held = claim(task_id)
    if held is None:
        return None
    if held.instance.state not in CARRIED_OUT_IN:
        reason = Reason(NOT_RUNNING, "not_running", {"state": held.instance.state})
        return _wait(held, NOT_RUNNING_WAIT, reason)
    actor = Actor.from_json(held.task.actor)
    try:
        with orders.numbered(held.number):
            version = hand_over(held, actor)
    except Upstream as error:
        if error.code in orders.NOT_TAKEN or not error.sent:
            _forget_sent(held)
        if error.retryable:
            wait = min(LONGEST_WAIT, 0.5 * 2 ** min(held.task.attempts, 10))
            return _wait(held, wait, error.reason)
        settle(held, "fail", error.reason)
    except DomainError as error:
        _forget_sent(held)
        settle(held, "fail", reason_of(error))
    except Exception:
        _log.exception("rule task %s failed", task_id)
        settle(held, "fail", BUG)
    else:
        settle(held, "succeed", edge_version=version)
    return None


def _forget_sent(held: Handover) -> None:
    """The edge answered that it did not take it; an earlier one may have arrived all the same."""
    rows = AppdConfiguration.objects.filter(instance_id=held.instance.pk)
    rows.update(sent=held.sent_before)


def reason_of(error: DomainError) -> Reason:
    """The sentence of a refusal, with what is wrong where it names a field."""
    for name, why in error.fields.items():
        text = N_("The platform refused it: %(field)s %(why)s.")
        return Reason(text, error.code, {"field": name, "why": why.text % why.params})
    return error.reason


@transaction.atomic
def carry_out_now(task: RuleTask) -> RuleTask:
    """Hand over within the request that ordered it; what the platform refuses is raised.

    For a platform of this site: the caller's transaction then takes all of it back.
    """
    held = claim(task.pk)
    if held is not None:
        hand_over(held, Actor.from_json(held.task.actor))
        settle(held, "succeed")
    task.refresh_from_db()
    return task


def hand_over(held: Handover, actor: Actor) -> int:
    """Make the platform's rules those of the configuration; returns an edge's version of them."""
    platform = platform_for(held.instance.host)
    if held.removing:
        platform.remove(held.instance, actor=actor, based_on=held.based_on)
        return 0
    return platform.put(held.instance, held.spec, actor=actor, based_on=held.based_on)


@transaction.atomic
def claim(task_id: uuid.UUID) -> Handover | None:
    """Take a task for ``LEASE``; None when it is not due, finished, or another one is worked on."""
    moment = clock.now()
    found = RuleTask.objects.filter(pk=task_id).values_list("instance_id", flat=True).first()
    instance = instances.lock(found) if found else None
    if instance is None:
        return None
    tasks = RuleTask.objects.filter(instance_id=instance.pk, state__in=UNFINISHED)
    task = tasks.filter(pk=task_id, next_at__lte=moment).first()
    row = AppdConfiguration.objects.filter(instance_id=instance.pk).first()
    if task is None or row is None or tasks.filter(lease_until__gt=moment).exists():
        return None
    task.state = TaskState(TASK.move(task.state, "work"))
    task.lease_until = moment + LEASE
    task.save(update_fields=["state", "lease_until"])
    tell(task, Actor.from_json(task.actor))
    spec = agreement.to_deliver(row)
    removing = row.removing and not row.contested
    number, before = 0, row.sent
    based_on = row.edge_version
    if instance.host.applcm is not None:
        number = next_version()
        based_on = based_on or instance.host.applcm.cursor
        # Until the answer comes, the edge may have them so.
        row.sent = merging.with_sent(row.sent, {} if removing else spec.flat(), row.agreed)
        AppdConfiguration.objects.filter(pk=row.pk).update(sent=row.sent)
    return Handover(task, instance, row.wanted, removing, spec, based_on, number, before)


@transaction.atomic
def settle(
    held: Handover, verb: str, reason: Reason = NO_REASON, *, edge_version: int = 0
) -> None:
    """End the task and those that it included; note what the platform has now."""
    instance = instances.lock(held.instance.pk)
    if instance is None:
        return
    row = AppdConfiguration.objects.filter(instance_id=instance.pk).first()
    if verb == "succeed" and row is not None:
        row.sent = []
        if edge_version > row.edge_version:
            row.agreed, row.edge_version = held.spec.flat(), edge_version
        AppdConfiguration.objects.filter(pk=row.pk).update(
            agreed=row.agreed, edge_version=row.edge_version, sent=[]
        )
    if verb == "succeed" and row is not None and row.delivered < held.wanted:
        row.delivered = held.wanted
        row.save(update_fields=["delivered"])
    end_tasks(instance_id=instance.pk, wanted=held.wanted, verb=verb, reason=reason)
    if row is not None and row.removing and row.is_delivered and not row.contested:
        forget(actor=Actor.from_json(held.task.actor), instance=instance, row=row)


@transaction.atomic
def _wait(held: Handover, seconds: float, reason: Reason) -> float | None:
    """Leave the task for later, saying why."""
    mine = RuleTask.objects.filter(pk=held.task.pk, state=TaskState.PROCESSING)
    task = mine.select_for_update().first()
    if task is None:
        return None
    before = task.reason
    task.state = TaskState(TASK.move(task.state, "wait"))
    task.reason = reason.as_json()
    task.attempts += 1
    task.next_at, task.lease_until = clock.now() + timedelta(seconds=seconds), None
    task.save(update_fields=["state", "reason", "attempts", "next_at", "lease_until"])
    if before != task.reason:
        tell(task, Actor.from_json(task.actor))
    return seconds


def nudge(**which: object) -> list[uuid.UUID]:
    """What certain tasks waited for has come: they are due now."""
    rows = RuleTask.objects.filter(state=TaskState.PENDING, **which)
    found = list(rows.values_list("pk", flat=True))
    if found:  # most often nothing waits, and an update takes the place of somebody who writes
        rows.filter(pk__in=found).update(next_at=clock.now())
    return found


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: nobody holds anything any more."""
    rows = RuleTask.objects.filter(state__in=UNFINISHED)
    return rows.update(lease_until=None, next_at=clock.now())


def purge() -> int:
    """Delete finished tasks after their retention."""
    return RuleTask.objects.filter(finished_at__lt=clock.now() - KEPT).delete()[0]
