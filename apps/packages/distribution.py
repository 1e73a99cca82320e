"""The only writers of distributions: bringing packages to hosts and taking them off again.

The row is the truth.  ``next_at`` is when somebody should work on it; whoever takes it moves that
ahead, so that two workers never do the same and a dead one is replaced.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError, NotFound, Upstream
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.hosts.models import MecHost
from apps.journal import services as journal
from apps.packages.local import LocalPackageTarget
from apps.packages.models import Distribution, Package
from apps.packages.policies import fits, may_change
from apps.packages.ports import PackageTarget
from apps.packages.remote import RemotePackageTarget
from apps.packages.selectors import access_package
from apps.packages.states import DISTRIBUTION, DistributionState
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require

LEASE = timedelta(minutes=10)
POLL = timedelta(milliseconds=300)
LONGEST_WAIT = 30.0


def target_for(host: MecHost) -> PackageTarget:
    """Where a host is, is data: one that names an AppLCM is reached over HTTP."""
    return LocalPackageTarget() if host.is_local else RemotePackageTarget()


def distribute(
    *, actor: Actor, package_id: uuid.UUID, host_ids: Sequence[uuid.UUID]
) -> list[Distribution]:
    """Order a package onto hosts; one that failed before is tried again.

    Raises Conflict, for all of them, when one of the hosts cannot run the package.
    """
    package = access_package(actor, package_id)
    require(may_change(actor, package))
    targets = [hosts.access_host(actor, host_id) for host_id in host_ids]
    for host in targets:
        decision = fits(package, host)
        if not decision:
            why = decision.reason
            raise Conflict(why.text, code=why.code, **why.params)
    with transaction.atomic():
        return [_order(actor, package, host) for host in targets]


def _order(actor: Actor, package: Package, host: MecHost) -> Distribution:
    row = Distribution.objects.select_for_update().filter(
        package=package, host=host
    ).first() or Distribution(package=package, host=host)
    if row.version and row.state != DistributionState.ERROR and not row.removing:
        return row
    if row.version and row.state == DistributionState.ERROR:
        row.state = DISTRIBUTION.move(row.state, "retry")
    row.removing, row.fault, row.attempts = False, {}, 0
    row.actor, row.next_at = actor.as_json(), clock.now()
    row.save()
    journal.record(
        "packages.distribution.ordered",
        row,
        actor=actor,
        tenant_id=package.tenant_id,
        data=_about(row),
    )
    return row


def withdraw(*, actor: Actor, package_id: uuid.UUID, host_id: uuid.UUID) -> None:
    """Take a package off a host; Conflict names the instances that run there from it."""
    package = access_package(actor, package_id)
    require(may_change(actor, package))
    row = package.distributions.filter(host_id=host_id).first()
    if row is None:
        raise NotFound(N_("The package is not on this host."), message="record not found")
    users = package.instances.filter(host_id=host_id)[:5]
    names = ", ".join(str(instance) for instance in users)
    if names:
        raise Conflict(N_("The package is still used by: %(users)s."), code="in_use", users=names)
    _order_removal(actor, row)


def withdraw_all(*, actor: Actor, package: Package) -> None:
    """Take a package off every host that it was distributed to."""
    for row in package.distributions.select_related("host", "package"):
        _order_removal(actor, row)


@transaction.atomic
def _order_removal(actor: Actor, row: Distribution) -> None:
    row.removing, row.actor, row.attempts, row.next_at = True, actor.as_json(), 0, clock.now()
    row.save()
    journal.record(
        "packages.distribution.withdrawing",
        row,
        actor=actor,
        tenant_id=row.package.tenant_id,
        data=_about(row),
    )


def due() -> list[uuid.UUID]:
    """The distributions that somebody should work on now."""
    rows = Distribution.objects.filter(next_at__lte=clock.now()).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:200])


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: what was in hand is due again."""
    rows = Distribution.objects.filter(next_at__isnull=False)
    return rows.update(next_at=clock.now())


def work_on(distribution_id: uuid.UUID) -> str:
    """Take one step on a distribution, if nobody else does; returns what came of it."""
    moment = clock.now()
    mine = Distribution.objects.filter(pk=distribution_id, next_at__lte=moment)
    if not mine.update(next_at=moment + LEASE):
        return "not due"
    row = Distribution.objects.select_related(
        "package", "package__tenant", "host", "host__applcm"
    ).get(pk=distribution_id)
    actor, target = Actor.from_json(row.actor), target_for(row.host)
    try:
        if row.removing:
            target.remove(row.package, row.host, actor=actor)
            return _gone(actor, row)
        return _note(actor, row, target.put(row.package, row.host, actor=actor))
    except Upstream as error:
        return _retry_or_fail(actor, row, error)
    except DomainError as error:
        return _failed(actor, row, error.reason)


@transaction.atomic
def note_state(
    *, distribution: Distribution, state: DistributionState, fault: Reason, actor: Actor = SYSTEM
) -> None:
    """Take over what the edge tells of a distribution that nobody here is working on."""
    if (distribution.state, distribution.fault_reason) != (state, fault):
        distribution.state, distribution.fault = state, fault.as_json() if fault else {}
        if state != DistributionState.PROCESSING and not distribution.removing:
            distribution.next_at = None
        distribution.save()
        journal.record(
            "packages.distribution.observed",
            distribution,
            actor=actor,
            quiet=True,
            tenant_id=distribution.package.tenant_id,
            data=_about(distribution),
        )


@transaction.atomic
def _note(actor: Actor, row: Distribution, state: DistributionState) -> str:
    if state == DistributionState.DISTRIBUTED:
        row.state, row.fault, row.next_at = DISTRIBUTION.move(row.state, "arrive"), {}, None
        row.save()
        journal.record(
            "packages.distribution.arrived",
            row,
            actor=actor,
            tenant_id=row.package.tenant_id,
            data=_about(row),
        )
    else:
        Distribution.objects.filter(pk=row.pk).update(next_at=clock.now() + POLL)
    return str(state)


@transaction.atomic
def _gone(actor: Actor, row: Distribution) -> str:
    journal.bury(
        "packages.distribution.withdrawn",
        row,
        actor=actor,
        tenant_id=row.package.tenant_id,
        data=_about(row),
    )
    return "withdrawn"


def _retry_or_fail(actor: Actor, row: Distribution, error: Upstream) -> str:
    if not error.retryable:
        return _failed(actor, row, error.reason)
    wait = min(LONGEST_WAIT, 0.5 * 2 ** min(row.attempts, 10))
    with transaction.atomic():
        row.attempts += 1
        row.next_at = clock.now() + timedelta(seconds=wait)
        row.fault = error.reason.as_json()
        row.save()
        journal.record(
            "packages.distribution.waiting",
            row,
            actor=actor,
            quiet=True,
            tenant_id=row.package.tenant_id,
            data=_about(row),
        )
    return "waiting"


@transaction.atomic
def _failed(actor: Actor, row: Distribution, reason: Reason) -> str:
    if DISTRIBUTION.allows(row.state, "fail"):
        row.state = DISTRIBUTION.move(row.state, "fail")
    row.fault, row.next_at, row.removing = reason.as_json(), None, False
    row.save()
    journal.record(
        "packages.distribution.failed",
        row,
        actor=actor,
        tenant_id=row.package.tenant_id,
        data=_about(row),
    )
    return "failed"


def _about(row: Distribution) -> dict[str, str]:
    return {"package_id": str(row.package_id), "host_id": str(row.host_id), "state": row.state}


def work_on_now(*, package_id: uuid.UUID, host_id: uuid.UUID) -> None:
    """Take a step on one distribution in the course of a request, where nothing has to travel."""
    row = Distribution.objects.filter(package_id=package_id, host_id=host_id).first()
    if row is not None:
        work_on(row.pk)
