"""Packages and distributions that were born at an edge, as the center takes them over."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.common.models import Origin
from apps.common.words import Reason
from apps.hosts.models import AppLcm, MecHost
from apps.journal import services as journal
from apps.journal.selectors import is_buried
from apps.packages.distribution import about, note_state
from apps.packages.models import Distribution, Package
from apps.packages.revisions import next_number
from apps.packages.states import DistributionState
from apps.tenants.actors import SYSTEM

DESCRIBED = (
    "name",
    "package_version",
    "provider",
    "description",
    "app_class",
    "architecture",
    "filename",
    "sha256",
    "size",
    "info",
)


def export_package(package: Package) -> dict[str, Any]:
    """What the feed carries of a package: its description, never its file."""
    described = {name: getattr(package, name) for name in DESCRIBED}
    return described | {
        "tenant_id": str(package.tenant_id),
        "app_id": str(package.app_id),
        "origin": package.origin,
    }


def exported_distributions() -> QuerySet[Distribution]:
    """The distributions of this site, with what their description needs."""
    return Distribution.objects.select_related("package", "host")


def export_distribution(row: Distribution) -> dict[str, Any]:
    """What the feed carries of a distribution."""
    return {
        "package_id": str(row.package_id),
        "host_id": str(row.host_id),
        "package_key": row.package.site_key,
        "host_ip": row.host.ip,
        "tenant_id": str(row.package.tenant_id),
        "origin": row.origin,
        "state": row.state,
        "fault": row.fault,
    }


@transaction.atomic
def take_over_package(*, edge: AppLcm, package_id: uuid.UUID, data: dict[str, Any]) -> None:
    """Copy the description of a package that was uploaded at the edge."""
    if Package.objects.filter(pk=package_id).exists() or is_buried("package", package_id):
        return
    package = Package(
        id=package_id,
        app_id=uuid.UUID(data["app_id"]),
        tenant_id=uuid.UUID(data["tenant_id"]),
        origin=Origin(data["origin"]),
        has_file=False,
        edge=edge,
        **{name: data[name] for name in DESCRIBED},
    )
    package.revision = next_number(package)
    package.save(force_insert=True)
    journal.record("packages.package.reported", package, actor=SYSTEM, tenant_id=package.tenant_id)


@transaction.atomic
def take_over_distribution(*, edge: AppLcm, remote_id: uuid.UUID, data: dict[str, Any]) -> bool:
    """Copy where a package is at its edge; False while package or host are unknown here."""
    package = Package.objects.filter(pk=data["package_id"]).first()
    host = MecHost.objects.filter(pk=data["host_id"], applcm=edge).first()
    if package is None or host is None:
        return False
    row = Distribution.objects.filter(package=package, host=host).first()
    if row is None:
        row = Distribution(package=package, host=host, origin=Origin(data["origin"]))
        row.save(force_insert=True)
    if row.remote_id != remote_id:
        Distribution.objects.filter(pk=row.pk).update(remote_id=remote_id)
    if not row.removing:
        state = DistributionState(data["state"])
        note_state(distribution=row, state=state, fault=Reason.from_json(data["fault"]))
    return True


@transaction.atomic
def note_package_gone(*, edge: AppLcm, package_id: uuid.UUID) -> bool:
    """The edge has no such package any more: forget one whose file was only there.

    False while instances of it are still known here.
    """
    package = Package.objects.filter(pk=package_id, has_file=False, edge=edge).first()
    if package is not None and package.instances.exists():
        return False
    if package is not None:
        journal.bury(
            "packages.package.removed",
            package,
            actor=SYSTEM,
            tenant_id=package.tenant_id,
            data={"name": str(package)},
        )
    return True


@transaction.atomic
def note_distribution_gone(*, edge: AppLcm, remote_id: uuid.UUID) -> None:
    """The edge took a package off a host; what we are withdrawing ends by itself.

    The id is the edge's own: the pair of package and host is what both sites know.
    """
    row = Distribution.objects.filter(remote_id=remote_id, host__applcm=edge).first()
    if row is not None and not row.removing:
        journal.bury(
            "packages.distribution.withdrawn",
            row,
            actor=SYSTEM,
            tenant_id=row.package.tenant_id,
            data=about(row),
        )


def package_copies(
    edge: AppLcm, ids: Iterable[uuid.UUID]
) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """The packages of an edge as they are known here: those of ``ids``, and all born there."""
    found = Package.objects.in_bulk(list(ids))
    found |= {one.pk: one for one in Package.objects.filter(edge=edge, has_file=False)}
    for key, package in found.items():
        yield key, export_package(package)


def comparable_package(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of an exported package both sites have: which file it is and whose."""
    named = ("name", "package_version", "provider", "app_class", "sha256", "size", "tenant_id")
    return {name: data[name] for name in (*named, "app_id")}


def distribution_copies(edge: AppLcm) -> Iterator[tuple[uuid.UUID, dict[str, Any]]]:
    """Where packages are at an edge as it is known here, by the edge's own ids."""
    for row in exported_distributions().filter(host__applcm=edge, remote_id__isnull=False):
        if row.remote_id is not None:
            yield row.remote_id, export_distribution(row)


def comparable_distribution(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of an exported distribution both sites have."""
    return {name: data[name] for name in ("package_id", "host_id", "tenant_id", "state", "fault")}
