"""Orders about distributions: bringing packages to hosts and taking them off again.

The row is the truth.  ``next_at`` is when somebody should work on it; the work itself is done in
``distribution_work``, under a lease, so an order that comes meanwhile is kept for afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, NotFound
from apps.hosts import selectors as hosts
from apps.hosts.models import MecHost
from apps.hosts.policies import may_deploy_to
from apps.journal import services as journal
from apps.packages import store_orders
from apps.packages.models import Distribution, Package
from apps.packages.policies import fits, may_change
from apps.packages.selectors import access_package, lock_package
from apps.packages.states import DISTRIBUTION, DistributionState
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.adoption import origin_of
from apps.tenants.policies import require, require_now


def distribute(
    *, actor: Actor, package_id: uuid.UUID, host_ids: Sequence[uuid.UUID]
) -> list[Distribution]:
    """Order a package onto hosts; one that failed before is tried again.

    Raises Conflict, for all of them, when one of the hosts cannot run the package.
    """
    package = access_package(actor, package_id)
    require(may_change(actor, package))
    targets = hosts.access_hosts(actor, host_ids)
    with transaction.atomic():
        package = lock_package(package.pk)
        if package.awaits_file and package.store_package:
            wanted = store_orders.wanted_of(package.store_package)
            store_orders.ensure(actor=actor, wanted=wanted)
        for host in targets:
            # What an unread package holds is not known: it is looked at when it arrives.
            require_now(may_deploy_to(host) if package.awaits_file else fits(package, host))
        rows = Distribution.objects.select_for_update().filter(package=package, host__in=targets)
        there = {row.host_id: row for row in rows.order_by("pk")}
        return [_order(actor, package, host, there.get(host.pk)) for host in targets]


def _order(
    actor: Actor, package: Package, host: MecHost, there: Distribution | None
) -> Distribution:
    origin = origin_of(actor, None)
    row = there or Distribution(package=package, host=host, origin=origin)
    if row.version and row.state != DistributionState.ERROR and not row.removing:
        return row
    if row.version and row.state == DistributionState.ERROR:
        row.state = DISTRIBUTION.move(row.state, "retry")
    row.removing, row.fault, row.attempts = False, {}, 0
    row.actor, row.next_at = actor.as_json(), None if package.awaits_file else clock.now()
    row.save()
    journal.record(
        "packages.distribution.ordered",
        row,
        actor=actor,
        tenant_id=package.tenant_id,
        data=about(row),
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
    row = Distribution.objects.select_for_update(of=("self",)).get(pk=row.pk)
    row.removing, row.actor, row.attempts, row.next_at = True, actor.as_json(), 0, clock.now()
    row.save()
    journal.record(
        "packages.distribution.withdrawing",
        row,
        actor=actor,
        tenant_id=row.package.tenant_id,
        data=about(row),
    )


@transaction.atomic
def bring_again(*, distribution_id: uuid.UUID) -> None:
    """The edge has lost it: the package is to be brought as if it had never been there."""
    row = Distribution.objects.select_for_update(of=("self",)).get(pk=distribution_id)
    row.state, row.fault, row.attempts = DistributionState.PROCESSING, {}, 0
    # The edge names the one that it had; the next is another, of which it has not told yet.
    row.remote_id = None
    # Of what the edge had ordered itself nobody here is named.
    row.actor, row.next_at = row.actor or SYSTEM.as_json(), clock.now()
    row.save()
    journal.record(
        "packages.distribution.ordered",
        row,
        actor=SYSTEM,
        tenant_id=row.package.tenant_id,
        data=about(row),
    )


def about(row: Distribution) -> dict[str, str]:
    """What news about a distribution carries."""
    return {"package_id": str(row.package_id), "host_id": str(row.host_id), "state": row.state}
