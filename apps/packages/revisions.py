"""Packages of one name and version: each upload is a revision, and later ones supersede.

And what of a tenant's packages needs what another of them offers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import F, Max, OuterRef, QuerySet, Subquery

from apps.packages.models import Package

_NEED = "info__requirements__services_required"
_OFFER = "info__requirements__services_produced"


def with_latest(rows: QuerySet[Package]) -> QuerySet[Package]:
    """``rows``, each knowing the greatest revision of its name and version as ``latest``."""
    twins = Package.objects.filter(
        tenant_id=OuterRef("tenant_id"),
        name=OuterRef("name"),
        package_version=OuterRef("package_version"),
        removing=False,
    ).order_by("-revision")
    return rows.annotate(latest=Subquery(twins.values("revision")[:1]))


def revisions_of(package: Package) -> QuerySet[Package]:
    """Every revision of a package's name and version at this site, the newest first."""
    return with_latest(_same(package.tenant_id, package.name, package.package_version)).order_by(
        "-revision", "-created_at"
    )


def take_number(package: Package) -> None:
    """Give a new package its revision, and the app that earlier revisions belong to.

    Whoever adds to a tenant holds its row, so no two get the same number.
    """
    package.revision = next_number(package)
    same = _same(package.tenant_id, package.name, package.package_version)
    earlier = same.order_by("revision").first()
    if earlier is not None:
        package.app_id = earlier.app_id


def next_number(package: Package) -> int:
    """The revision that a package of this name and version gets next."""
    same = _same(package.tenant_id, package.name, package.package_version)
    return (same.aggregate(most=Max("revision"))["most"] or 0) + 1


def give_numbers(packages: Sequence[Package]) -> None:
    """Give new packages the revisions that come next, in their order; one query for all."""
    names = {(one.tenant_id, one.name, one.package_version) for one in packages}
    if not names:
        return
    tenants, titles, versions = map(set, zip(*names, strict=True))
    rows = Package.objects.filter(
        tenant_id__in=tenants, name__in=titles, package_version__in=versions
    ).order_by()
    counted = rows.values_list("tenant_id", "name", "package_version")
    greatest = {tuple(row[:3]): row[3] for row in counted.annotate(most=Max("revision"))}
    for one in packages:
        key = (one.tenant_id, one.name, one.package_version)
        one.revision = greatest[key] = greatest.get(key, 0) + 1


def superseded(package_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Of these packages those with a newer revision, and the number of that; one query."""
    rows = with_latest(Package.objects.filter(pk__in=set(package_ids))).only("pk", "revision")
    return {row.pk: row.newest_revision for row in rows if row.is_superseded}


def dependents_of(package: Package) -> list[Package]:
    """The tenant's packages that would lack a service if this one were gone, by name.

    What another package offers as well is not lacking.
    """
    rows = Package.objects.filter(tenant_id=package.tenant_id, removing=False)
    told = list(rows.values("pk", need=F(_NEED), offer=F(_OFFER)))
    offered = [one for row in told if row["pk"] == package.pk for one in row["offer"] or []]
    others = [one for row in told if row["pk"] != package.pk for one in row["offer"] or []]
    lost = [one for one in offered if not _meets(others, one)]
    needy = [
        row["pk"]
        for row in told
        if row["pk"] != package.pk and any(_meets(lost, need) for need in row["need"] or [])
    ]
    return list(Package.objects.filter(pk__in=needy).order_by("name", "package_version"))


def _same(tenant_id: uuid.UUID, name: str, version: str) -> QuerySet[Package]:
    return Package.objects.filter(tenant_id=tenant_id, name=name, package_version=version)


def _meets(offers: Iterable[dict[str, Any]], need: dict[str, Any]) -> bool:
    """Whether one of ``offers`` has the name that is needed, and the version if both state one."""
    return any(
        one.get("name") == need.get("name")
        and (not one.get("version") or not need.get("version") or one["version"] == need["version"])
        for one in offers
    )
