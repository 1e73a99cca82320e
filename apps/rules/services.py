"""The only writers of configurations: each change leaves a task that hands it over."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, Invalid
from apps.common.words import NO_REASON, Reason
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.instances.selectors import instance_not_found
from apps.journal import services as journal
from apps.rules.models import AppdConfiguration, AppdRule, RuleTask
from apps.rules.policies import may_configure
from apps.rules.selectors import no_configuration
from apps.rules.serializers import MOST_DNS, MOST_TRAFFIC
from apps.rules.specs import AppdSpec
from apps.rules.states import TASK, UNFINISHED, TaskState, Verb
from apps.rules.wire import spec_of
from apps.tenants import quotas
from apps.tenants.actors import Actor
from apps.tenants.adoption import origin_of
from apps.tenants.policies import require

_MOST = {AppdRule.Kind.DNS: MOST_DNS, AppdRule.Kind.TRAFFIC: MOST_TRAFFIC}


class WrongState(Conflict):
    """The state of the instance does not allow it; ``state`` says which it is."""

    default_code = "illegal_move"

    def __init__(self, state: str, text: str) -> None:
        self.state = state
        super().__init__(text, extra={"state": state}, state=state)


@transaction.atomic
def create(*, actor: Actor, instance_id: uuid.UUID, spec: AppdSpec) -> RuleTask:
    """Give an instance its first rules; Invalid when it has some already."""
    instance = _hold(actor, instance_id)
    found = _of(instance)
    if found is not None and not found.removing:
        raise Invalid(
            N_("This instance has an AppD configuration already; change that."),
            code="duplicate",
            message="Record already exist",
            details=["Record already exist"],
        )
    return _store(actor, instance, found, spec, Verb.CONFIGURE)


@transaction.atomic
def replace(
    *, actor: Actor, instance_id: uuid.UUID, spec: AppdSpec, may_be_first: bool = False
) -> RuleTask:
    """Make these the rules of an instance, whatever it had; NotFound when it had none."""
    instance = _hold(actor, instance_id)
    found = _of(instance)
    if not may_be_first and (found is None or found.removing):
        raise no_configuration()
    return _store(actor, instance, found, spec, Verb.CHANGE)


@transaction.atomic
def merge(*, actor: Actor, instance_id: uuid.UUID, spec: AppdSpec, verb: Verb) -> RuleTask:
    """Add rules, and put those whose id is known in the place of the old ones."""
    instance = _hold(actor, instance_id)
    found = _of(instance)
    if found is not None and not found.removing:
        had = spec_of(found)
        spec = AppdSpec(
            spec.app_name,
            had.supports_mp1 if spec.supports_mp1 is None else spec.supports_mp1,
            had.dns | spec.dns,
            had.traffic | spec.traffic,
        )
    return _store(actor, instance, found, spec, verb)


@transaction.atomic
def remove(*, actor: Actor, instance_id: uuid.UUID) -> RuleTask:
    """Take all rules of an instance away; NotFound when it has none."""
    instance = _hold(actor, instance_id)
    found = _of(instance)
    if found is None or found.removing:
        raise no_configuration()
    found.rules.all().delete()
    found.removing = True
    return order_delivery(actor, instance, found, Verb.REMOVE)


@transaction.atomic
def remove_rules(
    *, actor: Actor, instance_id: uuid.UUID, dns: Iterable[str], traffic: Iterable[str]
) -> RuleTask:
    """Take some rules away; ids that are not there are gone already.  None left is no rules."""
    instance = _hold(actor, instance_id)
    found = _of(instance)
    if found is None or found.removing:
        raise no_configuration()
    found.rules.filter(kind=AppdRule.Kind.DNS, rule_id__in=list(dns)).delete()
    found.rules.filter(kind=AppdRule.Kind.TRAFFIC, rule_id__in=list(traffic)).delete()
    found.removing = not found.rules.exists()
    return order_delivery(actor, instance, found, Verb.REMOVE)


@transaction.atomic
def retry(*, actor: Actor, instance_id: uuid.UUID) -> RuleTask:
    """Hand the rules over once more after a failure."""
    instance = _hold(actor, instance_id)
    found = _of(instance)
    if found is None or found.is_delivered:
        raise no_configuration()
    return order_delivery(actor, instance, found, Verb.REMOVE if found.removing else Verb.CHANGE)


def _hold(actor: Actor, instance_id: uuid.UUID) -> AppInstance:
    """Lock the tenant, then the instance, in that order everywhere."""
    require(may_configure(actor))
    tenant_id = AppInstance.objects.filter(pk=instance_id).values_list("tenant_id", flat=True)
    owner = tenant_id.first()
    if owner is None or not (actor.is_admin or owner == actor.wall):
        raise instance_not_found(instance_id)
    quotas.hold(owner, "rules", adding=0)
    instance = instances.lock(instance_id)
    if instance is None:
        raise instance_not_found(instance_id)
    decision = may_configure(actor, instance)
    if not decision:
        raise WrongState(instance.state, decision.reason.text)
    return instance


def _of(instance: AppInstance) -> AppdConfiguration | None:
    rows = AppdConfiguration.objects.select_for_update()
    return rows.filter(instance_id=instance.pk).first()


def _store(
    actor: Actor,
    instance: AppInstance,
    found: AppdConfiguration | None,
    spec: AppdSpec,
    verb: Verb,
) -> RuleTask:
    # At every site it has the id of its instance, so that all mean the same by it.
    row = found or AppdConfiguration(
        id=instance.pk,
        tenant_id=instance.tenant_id,
        instance=instance,
        origin=origin_of(actor, None),
    )
    row.removing = False
    _check_sizes(spec)
    there = row.rules.count() if found else 0
    adding = len(spec.dns) + len(spec.traffic) - there
    quotas.hold(instance.tenant_id, "rules", adding=adding, actor=actor)
    write_rules(row, spec)
    return order_delivery(actor, instance, row, verb)


def write_rules(row: AppdConfiguration, spec: AppdSpec) -> None:
    """Write a locked or new row with exactly these rules."""
    row.app_name, row.supports_mp1 = spec.app_name, spec.supports_mp1
    row.save(force_insert=row.version == 0)
    wanted = {(one.kind, one.rule_id): one for one in rules_of(row, spec)}
    present = {(one.kind, one.rule_id): one for one in row.rules.all()}
    for key, one in present.items():
        if key not in wanted:
            one.delete()
    for key, new in wanted.items():
        known = present.get(key)
        if known is None:
            new.save()
        elif known.body != new.body:
            known.body = new.body
            known.save(update_fields=["body"])


def rules_of(row: AppdConfiguration, spec: AppdSpec) -> list[AppdRule]:
    """The rules of a configuration as unsaved rows."""
    kinds = ((AppdRule.Kind.DNS, spec.dns), (AppdRule.Kind.TRAFFIC, spec.traffic))
    return [
        AppdRule(
            configuration=row, tenant_id=row.tenant_id, kind=str(kind), rule_id=key, body=body
        )
        for kind, bodies in kinds
        for key, body in bodies.items()
    ]


def _check_sizes(spec: AppdSpec) -> None:
    """A merge may not grow a configuration past what one may hold."""
    for kind, rules in ((AppdRule.Kind.DNS, spec.dns), (AppdRule.Kind.TRAFFIC, spec.traffic)):
        most = _MOST[kind]
        if len(rules) > most:
            raise Conflict(
                N_("One instance has at most %(limit)s rules of a kind; these would be %(used)s."),
                code="limit",
                message="Max record limit exceeded",
                limit=most,
                used=len(rules),
                extra={"limit": most, "used": len(rules), "raised_by": None},
            )


def order_delivery(
    actor: Actor, instance: AppInstance, row: AppdConfiguration, verb: Verb
) -> RuleTask:
    """Leave the task of a change that is written already, and tell of both."""
    row.wanted += 1
    _choose_by_hand(row)
    row.save()
    task = RuleTask.objects.create(
        tenant_id=row.tenant_id,
        instance=instance,
        verb=verb,
        state=TaskState(TASK.move("", "create")),
        wanted=row.wanted,
        actor=actor.as_json(),
    )
    about: dict[str, Any] = {
        "instance_id": str(instance.pk),
        "task_id": str(task.pk),
        "name": instance.app_name,
    }
    deed = "removed" if row.removing else "configured"
    journal.record(
        f"rules.configuration.{deed}",
        row,
        actor=actor,
        tenant_id=row.tenant_id,
        data=about | {"rules": row.rules.count()},
    )
    tell(task, actor)
    return task


def _choose_by_hand(row: AppdConfiguration) -> None:
    """Who writes a contested rule has chosen: what the edge has there is not waited for."""
    if not row.contested:
        return
    present = {} if row.removing else spec_of(row).flat()
    for name in [one for one in row.contested if "/" in one]:
        if present.get(name) != row.contested[name].get("ours"):
            del row.contested[name]


@transaction.atomic
def end_tasks(
    *, instance_id: uuid.UUID, wanted: int, verb: str, reason: Reason = NO_REASON
) -> None:
    """End the unfinished tasks that were ordered up to ``wanted``."""
    ended = RuleTask.objects.filter(
        instance_id=instance_id, state__in=UNFINISHED, wanted__lte=wanted
    )
    for task in ended:
        task.state = TaskState(TASK.move(TaskState.PROCESSING, verb))
        task.reason = reason.as_json() if reason else {}
        task.finished_at, task.lease_until = clock.now(), None
        task.save(update_fields=["state", "reason", "finished_at", "lease_until"])
        tell(task, Actor.from_json(task.actor))


def forget(*, actor: Actor, instance: AppInstance, row: AppdConfiguration) -> None:
    """Delete the row of a configuration that is nowhere any more, with what was still to do."""
    end_tasks(instance_id=instance.pk, wanted=row.wanted, verb="succeed")
    journal.bury(
        "rules.configuration.forgotten",
        row,
        actor=actor,
        tenant_id=row.tenant_id,
        data={"instance_id": str(instance.pk)},
    )


def tell(task: RuleTask, actor: Actor) -> None:
    """Announce where a task is; the record keeps only how it ended."""
    journal.record(
        f"rules.task.{task.state.lower()}",
        task,
        actor=actor,
        tenant_id=task.tenant_id,
        quiet=task.state not in (TaskState.SUCCESS, TaskState.FAILURE),
        data={
            "instance_id": str(task.instance_id),
            "name": task.instance.app_name,
            "state": str(task.state),
            "reason": task.reason,
        },
    )
