"""The readers of packages.  The tenant wall stands in the query."""

from __future__ import annotations

import re
import uuid
from functools import cache

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid, NotFound
from apps.common.words import Reason
from apps.packages.models import Distribution, Package, StorePackage
from apps.packages.revisions import with_latest
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor


def packages_for(actor: Actor) -> QuerySet[Package]:
    """The packages that an actor may see, with how many hosts have each."""
    rows = _counted()
    return rows.all() if actor.is_admin else rows.filter(tenant_id=actor.wall)


@cache
def _counted() -> QuerySet[Package]:
    """All packages; putting the query together takes longer than many a page of it."""
    return with_latest(Package.objects.select_related("tenant")).annotate(
        placed=_hosts_having(state=DistributionState.DISTRIBUTED),
        targets=_hosts_having(),
    )


def _hosts_having(**conditions: str) -> Coalesce:
    """How many hosts a package goes to, counted for the rows that are shown and for no others."""
    rows = Distribution.objects.filter(package=OuterRef("pk"), **conditions).order_by()
    counted = rows.values("package").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def access_package(
    actor: Actor, package: uuid.UUID | str, *, tenant_id: uuid.UUID | None = None
) -> Package:
    """One package by id or by ``appPackageId``, or NotFound.

    What several tenants onboarded from a store has one ``appPackageId``: an administrator who names
    no tenant may have to.
    """
    rows = packages_for(actor).select_related("store_package")
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    if isinstance(package, uuid.UUID):
        found = list(rows.filter(pk=package))
    else:
        keys = _keys(package)
        found = list(rows.filter(keys)[:2]) if keys else []
    if not found:
        raise NotFound(N_("There is no such package."), message="record not found")
    if len(found) > 1:
        reason = Reason(N_("name the tenant that this is for"))
        raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason})
    return found[0]


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


def store_packages(*, ip: str = "") -> QuerySet[StorePackage]:
    """What was asked of application stores, the newest first; of one store where it is named."""
    rows = StorePackage.objects.order_by("-updated_at", "pk")
    return rows.filter(store_ip=ip) if ip else rows


def access_store_package(app_id: uuid.UUID, package_id: uuid.UUID) -> StorePackage:
    """The latest word about a package of a store, whichever store it is, or NotFound."""
    found = store_packages().filter(app_id=app_id, package_id=package_id).first()
    if found is None:
        raise NotFound(N_("There is no such package."), message="record not found")
    return found


def _keys(text: str) -> Q | None:
    """What a package of this ``appPackageId`` has; None for what is no such id."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        return None
    app_id, key = uuid.UUID(hex=text[:32]), uuid.UUID(hex=text[32:])
    return Q(app_id=app_id) & (Q(pk=key, store_key=None) | Q(store_key=key))
