"""The verbs on instances: create, instantiate, terminate.  Each leaves a row for a task."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError
from apps.common.models import Origin
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.instances import operations
from apps.instances import services as instances
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.policies import may_create, may_operate
from apps.instances.selectors import access_instance, instance_not_found
from apps.instances.services import Observation
from apps.instances.specs import CreateSpec
from apps.instances.states import INSTANCE, InstanceState, OperationKind
from apps.orchestration.workflows import target_for
from apps.packages.policies import fits
from apps.packages.selectors import access_package, lock_package
from apps.tenants.actors import NOBODY, SYSTEM, Actor
from apps.tenants.policies import Decision, require

__all__ = [
    "CreateSpec",
    "create_instance",
    "instantiate",
    "take_order",
    "terminate",
    "watch_instance",
]


GOING_OR_THERE = (InstanceState.INSTANTIATING, InstanceState.INSTANTIATED)


class WrongState(Conflict):
    """The state of the instance does not allow the verb; ``state`` says which it is."""

    default_code = "illegal_move"

    def __init__(self, instance: AppInstance, reason: Reason) -> None:
        self.state = instance.state
        allowed = INSTANCE.verbs(instance.state)
        super().__init__(
            reason.text,
            code=reason.code,
            extra={"state": instance.state, "allowed": allowed},
            **reason.params,
        )


class NameTaken(Conflict):
    """The tenant already runs an instance of this name on this host."""

    default_code = "name_taken"


def create_instance(
    *,
    actor: Actor,
    tenant_id: uuid.UUID,
    spec: CreateSpec,
    instance_id: uuid.UUID | None = None,
    origin: Origin | None = None,
) -> AppInstance:
    """Take an instance on and start creating it.

    Raises Conflict when the host cannot run the package or the name is taken there.
    """
    require(may_create(actor))
    package = access_package(actor, spec.package_id, tenant_id=tenant_id)
    host = hosts.access_host(actor, spec.host_id)
    _refuse_unless(fits(package, host))
    twin = AppInstance.objects.filter(
        tenant_id=tenant_id, host=host, app_name=spec.app_name, state=InstanceState.INSTANTIATED
    )
    if twin.exclude(pk=instance_id or NOBODY).exists():
        raise NameTaken(
            N_("“%(name)s” already runs on “%(host)s”."), name=spec.app_name, host=host.name
        )
    with transaction.atomic():
        # Looked at again under a lock: its removal may have been ordered meanwhile.
        _refuse_unless(fits(lock_package(package.pk), host))
        instance = instances.create(
            actor=actor, tenant_id=tenant_id, spec=spec, instance_id=instance_id, origin=origin
        )
        operations.queue(actor=actor, instance=instance, kind=OperationKind.CREATE)
    return instance


def take_order(
    *, actor: Actor, tenant_id: uuid.UUID, instance_id: uuid.UUID, spec: CreateSpec, origin: Origin
) -> None:
    """Create and instantiate under an id that the orderer gave; the same order again is the same.

    Raises NotFound for an id of another tenant, Conflict for one of another application.
    """
    known = AppInstance.objects.filter(pk=instance_id).first()
    if known is not None and known.tenant_id != tenant_id:
        raise instance_not_found(instance_id)
    if known is None:
        create_instance(
            actor=actor, tenant_id=tenant_id, spec=spec, instance_id=instance_id, origin=origin
        )
    elif (known.package_id, known.host_id) != (spec.package_id, spec.host_id):
        raise Conflict(N_("Another instance has this id."), code="instance_differs")
    # Not Creating: a site that died between the two halves of an order takes the second again.
    if known is None or known.state not in GOING_OR_THERE:
        instantiate(actor=actor, instance_id=instance_id)


@transaction.atomic
def instantiate(*, actor: Actor, instance_id: uuid.UUID) -> LcmOperation:
    """Order the instance to run; while it is still being created the order waits for that."""
    instance = access_instance(actor, instance_id)
    _may(actor, instance, "instantiate")
    operation = operations.queue(actor=actor, instance=instance, kind=OperationKind.INSTANTIATE)
    if INSTANCE.allows(instance.state, "instantiate"):
        instances.move(
            actor=actor, instance_id=instance.pk, verb="instantiate", wanted="Instantiated"
        )
    else:
        instances.want(instance_id=instance.pk, wanted="Instantiated")
    return operation


@transaction.atomic
def terminate(*, actor: Actor, instance_id: uuid.UUID) -> LcmOperation:
    """Order the end of an instance; what else goes on with it is cancelled."""
    instance = access_instance(actor, instance_id)
    _may(actor, instance, "terminate")
    operations.cancel(actor=actor, instance_id=instance.pk)
    operation = operations.queue(actor=actor, instance=instance, kind=OperationKind.TERMINATE)
    instances.move(actor=actor, instance_id=instance.pk, verb="terminate", wanted="Terminated")
    return operation


def watch_instance(instance: AppInstance) -> None:
    """Look at the workload of an instance of this site and store what is seen."""
    try:
        seen = target_for(instance.host).observe(instance, actor=SYSTEM)
    except DomainError as error:
        seen = Observation(at=clock.now(), reason=error.reason)
    instances.note_observed(instance_id=instance.pk, seen=seen)


def _may(actor: Actor, instance: AppInstance, verb: str) -> None:
    decision = may_operate(actor, instance, verb)
    if not decision and decision.reason.code == "illegal_move":
        raise WrongState(instance, decision.reason)
    require(decision)


def _refuse_unless(decision: Decision) -> None:
    if not decision:
        why = decision.reason
        raise Conflict(why.text, code=why.code, **why.params)
