"""The only writers of instances.  What an operation does to the world is decided further up."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.models import Origin, born_here
from apps.common.words import NO_REASON, Reason
from apps.instances.models import AppInstance
from apps.instances.selectors import unfinished
from apps.instances.specs import CreateSpec
from apps.instances.states import INSTANCE, Health, InstanceState
from apps.journal import services as journal
from apps.packages.models import Package
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import Tenant
from apps.vim.contract import Phase, WorkloadStatus

# An unchanged observation is written this often, so that its age stays true at little cost.
FRESHNESS = timedelta(seconds=10)

_HEALTH = {
    Phase.READY: Health.READY,
    Phase.DEGRADED: Health.DEGRADED,
    Phase.FAILED: Health.FAILED,
    Phase.ABSENT: Health.FAILED,
}
# That what was unknown turns out well is no deed to keep.
_EXPECTED = {Health.UNKNOWN: Health.READY}
NOTHING_THERE = Reason(N_("Nothing of it runs at the host any more."), code="absent")


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of an instance at ``at``.

    ``status`` is None when the host does not tell, and ``reason`` then says why.  An edge adds what
    it made of it: ``phase`` for whoever waits for an order, with ``why`` it failed, its
    ``edge_state``, the package that it has there, ``health`` and the ``version`` of its row.
    """

    at: datetime
    status: WorkloadStatus | None = None
    reason: Reason = NO_REASON
    edge_state: str = ""
    health: str = ""
    version: int = 0
    edge_phase: Phase | None = None
    why: Reason = NO_REASON
    edge_package: uuid.UUID | None = None

    @property
    def phase(self) -> Phase | None:
        """Where the workload is; None when nobody tells."""
        return self.edge_phase or (self.status.phase if self.status else None)


@transaction.atomic
def create(
    *,
    actor: Actor,
    tenant_id: uuid.UUID,
    spec: CreateSpec,
    instance_id: uuid.UUID | None = None,
    origin: Origin | None = None,
) -> AppInstance:
    """A new row in state Creating; Conflict when the tenant's limit is reached here."""
    quotas.hold(tenant_id, "instances", actor=actor)
    instance = AppInstance(
        id=instance_id or uuid.uuid4(),
        tenant_id=tenant_id,
        package_id=spec.package_id,
        host_id=spec.host_id,
        app_name=spec.app_name,
        description=spec.description,
        capabilities=list(spec.capabilities),
        parameters=spec.parameters,
        allow_missing=spec.allow_missing,
        state=INSTANCE.move("", "create"),
        origin=origin or born_here(),
    )
    instance.save(force_insert=True)
    _tell("create", instance, actor)
    return instance


def hold_tenant(tenant_id: uuid.UUID) -> None:
    """Until the transaction ends nobody else counts or names this tenant's instances.

    Without it two that look at the same moment both find room for one more.
    """
    Tenant.objects.select_for_update(no_key=True).filter(pk=tenant_id).first()


def lock(instance_id: uuid.UUID) -> AppInstance | None:
    """The row, held until the transaction ends; None when it is gone."""
    rows = AppInstance.objects.select_for_update(of=("self",))
    related = rows.select_related("package", "host", "host__applcm", "tenant")
    return related.filter(pk=instance_id).first()


def locked(instance_ids: Sequence[uuid.UUID]) -> list[AppInstance]:
    """Those of many rows that are there, in the order of ids and held as above.

    One order for everybody, so that nobody waits for a row while another waits for theirs.
    """
    rows = AppInstance.objects.select_for_update(of=("self",))
    return list(rows.filter(pk__in=instance_ids).order_by("pk"))


@transaction.atomic
def move(
    *, actor: Actor, instance_id: uuid.UUID, verb: str, info: Reason | None = None, wanted: str = ""
) -> AppInstance | None:
    """Move the life cycle on by ``verb``; IllegalMove when the table has no such move."""
    instance = lock(instance_id)
    if instance is None:
        return None
    instance.state = INSTANCE.move(instance.state, verb)
    instance.operation_info = info.as_json() if info else {}
    instance.wanted = wanted or instance.wanted
    if instance.seen is not None:
        look = Observation(at=clock.now(), status=instance.seen)
        instance.health, reason = health_of(instance.state, look)
        instance.health_reason = reason.as_json() if reason else {}
    instance.save()
    _tell(verb, instance, actor)
    return instance


@transaction.atomic
def want(*, instance_id: uuid.UUID, wanted: str) -> None:
    """Keep what was ordered while the state does not allow it yet."""
    instance = lock(instance_id)
    if instance is not None and instance.wanted != wanted:
        instance.wanted = wanted
        instance.save()


@transaction.atomic
def equip(
    *,
    instance_id: uuid.UUID,
    package_id: uuid.UUID | None = None,
    parameters: dict[str, str] | None = None,
    allow_missing: bool | None = None,
    warnings: Sequence[Reason] = (),
) -> None:
    """Keep what an order brings with it; what is None stays as it was."""
    instance = lock(instance_id)
    if instance is None:
        return
    before = (instance.package_id, instance.parameters, instance.allow_missing, instance.warnings)
    instance.package_id = package_id or instance.package_id
    if parameters is not None:
        instance.parameters = parameters
    if allow_missing is not None:
        instance.allow_missing = allow_missing
    instance.warnings = [one.as_json() for one in warnings]
    after = (instance.package_id, instance.parameters, instance.allow_missing, instance.warnings)
    if after != before:
        instance.save()


@transaction.atomic
def forget(*, actor: Actor, instance_id: uuid.UUID, verb: str = "terminated") -> None:
    """Delete the row of an instance that is nowhere any more; leaves its tombstone."""
    instance = lock(instance_id)
    if instance is not None:
        journal.bury(
            f"instances.instance.{verb}",
            instance,
            actor=actor,
            tenant_id=instance.tenant_id,
            data={"name": instance.app_name, "host_id": str(instance.host_id)},
        )


@transaction.atomic
def note_observed(*, instance_id: uuid.UUID, seen: Observation) -> bool:
    """Store what was observed; True when it tells something new."""
    instance = lock(instance_id)
    if instance is None:
        return False
    before = instance.health
    noted = apply_observation(instance, seen)
    if noted is Noted.NEWS:
        instance.save()
        tell_observed(instance, before)
    elif noted is Noted.AGE:
        instance.save_age()
    return noted is Noted.NEWS


class Noted(Enum):
    """What an observation changes of an instance: nothing, only its time, or what is known."""

    NOTHING = auto()
    AGE = auto()
    NEWS = auto()


def apply_observation(instance: AppInstance, seen: Observation) -> Noted:
    """Give an instance what was observed, without writing it; an older word changes nothing.

    Only the time is no news: it is kept without raising the version, or every look would be one.
    """
    if seen.version and seen.version <= instance.observed_version:
        return Noted.NOTHING
    before = _told(instance)
    fresh = seen.status is not None and not seen.status.same_as(instance.seen)
    instance.health, reason = health_of(instance.state, seen)
    instance.health_reason = reason.as_json() if reason else {}
    instance.edge_state = seen.edge_state or instance.edge_state
    instance.edge_package = seen.edge_package or instance.edge_package
    instance.observed_version = seen.version or instance.observed_version
    if fresh or before != _told(instance):
        if seen.status is not None:
            instance.workload, instance.observed_at = seen.status.as_json(), seen.at
        return Noted.NEWS
    old = instance.observed_at is None or seen.at - instance.observed_at >= FRESHNESS
    if seen.status is not None and (old or seen.version):
        instance.observed_at = seen.at
        return Noted.AGE
    return Noted.AGE if seen.version else Noted.NOTHING


def _told(instance: AppInstance) -> tuple[object, ...]:
    """What of an observation is news."""
    return (
        instance.health, instance.health_reason, instance.edge_state, instance.edge_package
    )


def follow(instance: AppInstance, *, why: Reason = NO_REASON) -> bool:
    """With no work of ours in progress, the life cycle at the edge is the truth.

    Gives a locked instance what its edge said last, without writing it; True when that is other.
    """
    state, package_id = instance.edge_state, instance.edge_package or instance.package_id
    if state not in InstanceState.values:
        return False
    if (state, package_id) == (instance.state, instance.package_id):
        return False
    instance.state, instance.package_id = state, package_id
    instance.operation_info = why.as_json() if why else {}
    return True


@transaction.atomic
def rest(*, instance_id: uuid.UUID, why: Reason | None = None) -> None:
    """Work of ours has ended: what the edge told meanwhile counts from now on."""
    instance = lock(instance_id)
    if instance is None or instance.host.is_local or unfinished([instance_id]).exists():
        return
    known = Package.objects.filter(pk=instance.edge_package or instance.package_id).exists()
    if known and follow(instance, why=why or NO_REASON):
        instance.save()
        tell_followed(instance)


def tell_followed(instance: AppInstance, *, quiet: bool = False) -> None:
    """Announce that the life cycle here is that of the edge now."""
    journal.record(
        "instances.instance.followed",
        instance,
        actor=SYSTEM,
        tenant_id=instance.tenant_id,
        data={"state": instance.state},
        quiet=quiet,
    )


def is_steady(instance: AppInstance, before: str) -> bool:
    """Whether news of an instance whose health was ``before`` is nothing to keep."""
    return instance.health in (before, _EXPECTED.get(Health(before)))


def tell_observed(instance: AppInstance, before: str) -> None:
    """Announce news of an instance whose health was ``before``; worse health is kept as well."""
    journal.record(
        "instances.instance.observed",
        instance,
        actor=SYSTEM,
        tenant_id=instance.tenant_id,
        data=observed(instance),
        quiet=is_steady(instance, before),
    )


def observed(instance: AppInstance, *, awaited: bool = True) -> dict[str, Any]:
    """What is told of an observed instance.

    ``awaited`` is False where it is known that no operation waits for any.
    """
    found = {"state": instance.state, "health": instance.health}
    return found | ({} if awaited else {"awaited": False})


def health_of(state: str, seen: Observation) -> tuple[str, Reason | None]:
    """Health and its reason from an observation; before it ran and without news it is Unknown."""
    if seen.health:
        return seen.health, seen.reason
    if seen.status is None:
        return Health.UNKNOWN, seen.reason
    if state not in (InstanceState.INSTANTIATED, InstanceState.INSTANTIATION_FAILED):
        return Health.UNKNOWN, seen.status.reason
    if seen.status.phase == Phase.ABSENT:
        return Health.FAILED, NOTHING_THERE
    return _HEALTH.get(seen.status.phase, Health.UNKNOWN), seen.status.reason


def _tell(verb: str, instance: AppInstance, actor: Actor) -> None:
    journal.record(
        f"instances.instance.{verb}",
        instance,
        actor=actor,
        tenant_id=instance.tenant_id,
        data={"state": instance.state, "host_id": str(instance.host_id), "at": str(clock.now())},
    )
