"""The readers of packages.  The tenant wall stands in the query."""

from __future__ import annotations

import uuid

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.packages.models import Distribution, Package
from apps.packages.revisions import with_latest
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor


def packages_for(actor: Actor) -> QuerySet[Package]:
    """The packages that an actor may see, with how many hosts have each."""
    placed = Q(distributions__state=DistributionState.DISTRIBUTED)
    rows = with_latest(Package.objects.select_related("tenant")).annotate(
        placed=Count("distributions", filter=placed, distinct=True),
        targets=Count("distributions", distinct=True),
    )
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def access_package(
    actor: Actor, package: uuid.UUID | str, *, tenant_id: uuid.UUID | None = None
) -> Package:
    """One package by id or by ``appPackageId``, or NotFound."""
    key = package if isinstance(package, uuid.UUID) else _key(package)
    rows = packages_for(actor)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    found = rows.filter(pk=key).first() if key else None
    if found is None or (isinstance(package, str) and found.package_id != package):
        raise NotFound(N_("There is no such package."), message="record not found")
    return found


def lock_package(package_id: uuid.UUID) -> Package:
    """The row, held until the transaction ends; NotFound when it is gone."""
    package = Package.objects.select_for_update().filter(pk=package_id).first()
    if package is None:
        raise NotFound(N_("There is no such package."), message="record not found")
    return package


def distributions_of(package: Package) -> QuerySet[Distribution]:
    """Where a package went, with the hosts."""
    return package.distributions.select_related("host", "host__applcm").order_by("host__name")


def distributions_for(actor: Actor) -> QuerySet[Distribution]:
    """All distributions that an actor may see."""
    rows = Distribution.objects.select_related("package", "host", "host__applcm")
    return rows if actor.is_admin else rows.filter(package__tenant_id=actor.wall)


def _key(package_id: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(hex=package_id[32:]) if len(package_id) == 64 else None
    except ValueError:
        return None
