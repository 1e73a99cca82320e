"""The verbs on instances: create, instantiate, upgrade, terminate.  Each leaves a row."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError
from apps.common.models import Origin
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.hosts.models import MecHost
from apps.instances import operations
from apps.instances import services as instances
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.policies import may_create, may_operate
from apps.instances.selectors import access_instance, instance_not_found
from apps.instances.services import Observation
from apps.instances.specs import CreateSpec
from apps.instances.states import INSTANCE, InstanceState, OperationKind
from apps.journal.selectors import is_buried
from apps.orchestration import dependencies, parameters
from apps.orchestration.dependencies import PLANNED, RUNNING, Depended, ServicesMissing
from apps.orchestration.workflows import target_for
from apps.packages.csar import Service
from apps.packages.models import Package
from apps.packages.policies import fits
from apps.packages.selectors import access_package, lock_package
from apps.tenants.actors import NOBODY, SYSTEM, Actor
from apps.tenants.policies import Decision, require, require_now

__all__ = [
    "CreateSpec",
    "Depended",
    "ServicesMissing",
    "create_instance",
    "create_on",
    "instantiate",
    "take_order",
    "take_upgrade",
    "terminate",
    "upgrade",
    "watch_instance",
]


GOING_OR_THERE = (InstanceState.INSTANTIATING, InstanceState.INSTANTIATED)
# What has ended or never began leaves its name free.
NAME_IS_FREE = (InstanceState.CREATE_FAILED, InstanceState.TERMINATING)


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
    """The tenant already has an instance of this name on this host."""

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

    Raises Conflict when the host cannot run the package, a service that it requires is neither
    there nor on its way, or the name is taken there; Invalid for parameters that the package does
    not declare.
    """
    require(may_create(actor))
    package = access_package(actor, spec.package_id, tenant_id=tenant_id)
    host = hosts.access_host(actor, spec.host_id)
    return create_on(
        host,
        package,
        actor=actor,
        tenant_id=tenant_id,
        spec=spec,
        instance_id=instance_id,
        origin=origin,
    )


def create_on(
    host: MecHost,
    package: Package,
    *,
    actor: Actor,
    tenant_id: uuid.UUID,
    spec: CreateSpec,
    instance_id: uuid.UUID | None = None,
    origin: Origin | None = None,
) -> AppInstance:
    """The same on a host and of a package that the caller has looked up for the actor."""
    require(may_create(actor))
    require_now(fits(package, host))
    if spec.parameters:
        parameters.check(package.details, spec.parameters, complete=False)
    with transaction.atomic():
        # Looked at again: its removal, or the closing of the host, may have been ordered meanwhile.
        found = lock_package(package.pk)
        require_now(fits(found, hosts.access_host(actor, host.pk)))
        instances.hold_tenant(tenant_id)
        lacking = dependencies.missing(
            tenant_id=tenant_id, host=host, package=package, among=PLANNED
        )
        warnings = _accepted(host, lacking, spec.allow_missing)
        _refuse_twin(tenant_id, host, spec.app_name, instance_id)
        instance = instances.create(
            actor=actor, tenant_id=tenant_id, spec=spec, instance_id=instance_id, origin=origin
        )
        if warnings:
            instances.equip(instance_id=instance.pk, warnings=warnings)
            instance.refresh_from_db()
        operations.queue(actor=actor, instance=instance, kind=OperationKind.CREATE)
    return instance


def _refuse_twin(
    tenant_id: uuid.UUID, host: MecHost, name: str, instance_id: uuid.UUID | None
) -> None:
    twins = AppInstance.objects.filter(tenant_id=tenant_id, host=host, app_name=name)
    if twins.exclude(state__in=NAME_IS_FREE).exclude(pk=instance_id or NOBODY).exists():
        raise NameTaken(
            N_("The name “%(name)s” is in use on “%(host)s”."), name=name, host=host.name
        )


def take_order(
    *, actor: Actor, tenant_id: uuid.UUID, instance_id: uuid.UUID, spec: CreateSpec, origin: Origin
) -> None:
    """Create and instantiate under an id that the orderer gave; the same order again is the same.

    So it is of what was upgraded since: the orderer had no answer, and hears of that in time.
    Raises NotFound for an id of another tenant, Conflict for one of another application.
    """
    known = AppInstance.objects.filter(pk=instance_id).first()
    if known is not None and known.tenant_id != tenant_id:
        raise instance_not_found(instance_id)
    if known is None and is_buried("appinstance", instance_id):
        raise Conflict(N_("It was ended here, and nothing begins twice."), code="ended_there")
    if known is None:
        create_instance(
            actor=actor, tenant_id=tenant_id, spec=spec, instance_id=instance_id, origin=origin
        )
    elif known.host_id != spec.host_id or not _is_of(known, spec.package_id):
        raise Conflict(N_("Another instance has this id."), code="instance_differs")
    # Not Creating: a site that died between the two halves of an order takes the second again.
    if known is None or known.state not in GOING_OR_THERE:
        instantiate(
            actor=actor,
            instance_id=instance_id,
            given=spec.parameters,
            allow_missing=spec.allow_missing,
        )


def _is_of(known: AppInstance, package_id: uuid.UUID) -> bool:
    """Whether an instance is of a package, or was until it became another version of that."""
    if known.package_id == package_id:
        return True
    former = Package.objects.filter(
        pk=package_id, tenant_id=known.tenant_id, name=known.package.name
    )
    return known.state in GOING_OR_THERE and former.exists()


@transaction.atomic
def instantiate(
    *,
    actor: Actor,
    instance_id: uuid.UUID,
    given: dict[str, str] | None = None,
    allow_missing: bool = False,
) -> LcmOperation:
    """Order the instance to run; while it is still being created the order waits for that.

    ``given`` adds to the parameters of its creation.  Raises ServicesMissing unless what the
    package requires runs on the host or the order says that it may be missing.
    """
    instance = _held(actor, instance_id, "instantiate")
    values = instance.parameters | (given or {})
    parameters.check(instance.package.details, values, complete=True)
    tolerant = allow_missing or instance.allow_missing
    warnings = _checked_services(instance, instance.package, tolerant)
    instances.equip(
        instance_id=instance.pk, parameters=values, allow_missing=tolerant, warnings=warnings
    )
    operation = operations.queue(actor=actor, instance=instance, kind=OperationKind.INSTANTIATE)
    if INSTANCE.allows(instance.state, "instantiate"):
        instances.move(
            actor=actor, instance_id=instance.pk, verb="instantiate", wanted="Instantiated"
        )
    else:
        instances.want(instance_id=instance.pk, wanted="Instantiated")
    return operation


@transaction.atomic
def upgrade(
    *,
    actor: Actor,
    instance_id: uuid.UUID,
    package_id: uuid.UUID,
    given: dict[str, str] | None = None,
    allow_missing: bool = False,
) -> LcmOperation:
    """Order the instance to run another version of its application in place of the present one.

    ``given`` replaces its parameters; without it, those stay that the new version declares.
    """
    package = lock_package(access_package(actor, package_id).pk)
    instance = _held(actor, instance_id, "upgrade")
    require_now(is_version_for(instance, package))
    require_now(fits(package, instance.host))
    values = _declared(package, instance.parameters) if given is None else given
    parameters.check(package.details, values, complete=True)
    tolerant = allow_missing or instance.allow_missing
    warnings = _checked_services(instance, package, tolerant)
    instances.equip(
        instance_id=instance.pk, package_id=package.pk, parameters=values, warnings=warnings
    )
    operation = operations.queue(actor=actor, instance=instance, kind=OperationKind.UPGRADE)
    instances.move(actor=actor, instance_id=instance.pk, verb="upgrade", wanted="Instantiated")
    return operation


def take_upgrade(
    *,
    actor: Actor,
    instance_id: uuid.UUID,
    package_id: uuid.UUID,
    given: dict[str, str] | None,
    allow_missing: bool,
) -> None:
    """Upgrade unless this very order is under way or carried out already."""
    instance = access_instance(actor, instance_id)
    if instance.package_id == package_id and instance.state in GOING_OR_THERE:
        return
    upgrade(
        actor=actor,
        instance_id=instance_id,
        package_id=package_id,
        given=given,
        allow_missing=allow_missing,
    )


def is_version_for(instance: AppInstance, package: Package) -> Decision:
    """Whether ``package`` is another version of what ``instance`` runs."""
    now = instance.package
    if package.tenant_id != instance.tenant_id or package.name != now.name:
        text = N_("“%(package)s” is no version of “%(name)s”.")
        params = {"package": str(package), "name": now.name}
        return Decision(False, Reason(text, "other_application", params))
    if package.app_class != now.app_class:
        text = N_("“%(package)s” is of another class than “%(name)s”.")
        params = {"package": str(package), "name": str(now)}
        return Decision(False, Reason(text, "other_class", params))
    if package.pk == now.pk and instance.state == InstanceState.INSTANTIATED:
        text = N_("“%(name)s” runs this version already.")
        return Decision(False, Reason(text, "same_version", {"name": instance.app_name}))
    return Decision(True)


@transaction.atomic
def terminate(
    *,
    actor: Actor,
    instance_id: uuid.UUID,
    without: Sequence[uuid.UUID] = (),
    heed_others: bool = True,
) -> LcmOperation:
    """Order the end of an instance; what else goes on with it is cancelled.

    Raises Depended while others need what it offers; those of ``without`` end with it.  An edge
    does not ask again (``heed_others`` False) what its center has decided.
    """
    instance = _held(actor, instance_id, "terminate")
    needed_by = dependencies.dependents(instance, without=without) if heed_others else []
    if needed_by:
        raise Depended(instance, needed_by)
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


def _held(actor: Actor, instance_id: uuid.UUID, verb: str) -> AppInstance:
    """The instance as it is now, kept from changing, and its tenant's others with it."""
    found = access_instance(actor, instance_id)
    instances.hold_tenant(found.tenant_id)
    instance = instances.lock(found.pk)
    if instance is None:
        raise instance_not_found(instance_id)
    decision = may_operate(actor, instance, verb)
    if not decision and decision.reason.code == "illegal_move":
        raise WrongState(instance, decision.reason)
    require(decision)
    return instance


def _checked_services(instance: AppInstance, package: Package, tolerant: bool) -> list[Reason]:
    lacking = dependencies.missing(
        tenant_id=instance.tenant_id,
        host=instance.host,
        package=package,
        among=RUNNING,
        besides=instance.pk,
    )
    return _accepted(instance.host, lacking, tolerant)


def _accepted(
    host: MecHost, lacking: Sequence[Service], tolerant: bool
) -> list[Reason]:
    """The warnings of an order that is accepted although services lack; else ServicesMissing."""
    if lacking and not tolerant:
        raise ServicesMissing(host, lacking)
    return [dependencies.warning(host, lacking)] if lacking else []


def _declared(package: Package, values: dict[str, str]) -> dict[str, str]:
    names = parameters.names(package.details)
    return {name: text for name, text in values.items() if name in names}


