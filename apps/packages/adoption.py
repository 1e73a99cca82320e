"""Packages and distributions that were born at an edge, as the center takes them over."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.common import clock
from apps.common.models import Origin, save_many
from apps.common.words import Reason
from apps.hosts.models import AppLcm, MecHost
from apps.journal import services as journal
from apps.journal.selectors import buried
from apps.packages.distribution import about
from apps.packages.models import Distribution, Package
from apps.packages.revisions import give_numbers
from apps.packages.states import DistributionState
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant

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
def take_over_packages(
    *, edge: AppLcm, told: Mapping[uuid.UUID, dict[str, Any]], quiet: bool = False
) -> list[bool]:
    """Copy the descriptions of packages that were uploaded at the edge, by id.

    False for each whose tenant is unknown here.  ``quiet`` where they are no news but a copy of
    what has been there for long.
    """
    asked = {data["tenant_id"] for data in told.values()}
    tenants = set(map(str, Tenant.objects.filter(pk__in=asked).values_list("pk", flat=True)))
    known = set(Package.objects.filter(pk__in=told).values_list("pk", flat=True))
    known |= buried("package", told)
    new = [
        _described(edge, key, data)
        for key, data in told.items()
        if key not in known and data["tenant_id"] in tenants
    ]
    give_numbers(new)
    save_many(new, fields=())
    for package in new:
        journal.record(
            "packages.package.reported",
            package,
            actor=SYSTEM,
            tenant_id=package.tenant_id,
            quiet=quiet,
        )
    return [data["tenant_id"] in tenants for data in told.values()]


def _described(edge: AppLcm, package_id: uuid.UUID, data: dict[str, Any]) -> Package:
    return Package(
        id=package_id,
        app_id=uuid.UUID(data["app_id"]),
        tenant_id=uuid.UUID(data["tenant_id"]),
        origin=Origin(data["origin"]),
        has_file=False,
        edge=edge,
        **{name: data[name] for name in DESCRIBED},
    )


@transaction.atomic
def take_over_distributions(
    *, edge: AppLcm, told: Mapping[uuid.UUID, dict[str, Any]]
) -> list[bool]:
    """Copy where packages are at their edge, by the edge's own ids.

    False for each whose package or host is unknown here.
    """
    pairs = [(uuid.UUID(one["package_id"]), uuid.UUID(one["host_id"])) for one in told.values()]
    # Held, so that no removal begins in between.
    held = Package.objects.select_for_update().order_by("pk")
    packages = held.in_bulk([package for package, _ in pairs])
    hosts = MecHost.objects.filter(applcm=edge).in_bulk([host for _, host in pairs])
    rows = Distribution.objects.select_for_update(of=("self",)).order_by("pk")
    there = rows.filter(package__in=packages, host__in=hosts)
    known = {(row.package_id, row.host_id): row for row in there}
    changed: dict[uuid.UUID, Distribution] = {}
    for (remote_id, data), (package, host) in zip(told.items(), pairs, strict=True):
        if package not in packages or host not in hosts:
            continue
        row = known.setdefault((package, host), Distribution(origin=Origin(data["origin"])))
        row.package, row.host = packages[package], hosts[host]
        if _told(row, remote_id, data):
            changed[row.pk] = row
            if row.package.removing and not row.removing:
                # Brought there while it was being removed here: it is to go from there too.
                row.removing, row.next_at, row.actor = True, clock.now(), SYSTEM.as_json()
    fields = ("state", "fault", "next_at", "remote_id", "removing", "actor")
    save_many(list(changed.values()), fields=fields)
    for row in changed.values():
        journal.record(
            "packages.distribution.observed",
            row,
            actor=SYSTEM,
            quiet=True,
            tenant_id=row.package.tenant_id,
            data=about(row),
        )
    return [package in packages and host in hosts for package, host in pairs]


def _told(row: Distribution, remote_id: uuid.UUID, data: dict[str, Any]) -> bool:
    """Give a row what its edge tells; whether that is news.  One that is being withdrawn goes on
    being so."""
    if row.remote_id != remote_id:
        row.remote_id = remote_id
        # The edge's own id of it is no news.
        Distribution.objects.filter(pk=row.pk).update(remote_id=remote_id)
    state, fault = DistributionState(data["state"]), Reason.from_json(data["fault"])
    if row.removing:
        was, row.state = row.state, state
        return was != state
    if row.version and (row.state, row.fault_reason) == (state, fault):
        return False
    row.state, row.fault = state, fault.as_json() if fault else {}
    if state != DistributionState.PROCESSING:
        row.next_at = None
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


def brought_by_orders(edge: AppLcm) -> QuerySet[Distribution]:
    """What is at hosts of an edge, and of which its feed has not told."""
    return Distribution.objects.filter(
        host__applcm=edge, state=DistributionState.DISTRIBUTED, removing=False, remote_id=None
    )


@transaction.atomic
def note_distribution_gone(
    *, edge: AppLcm, remote_id: uuid.UUID, pair: dict[str, str] | None = None
) -> None:
    """The edge took a package off a host; what we are withdrawing ends by itself.

    The id is the edge's own: the ``pair`` of package and host is what both sites know, also of what
    an order had brought there before the feed told of it.
    """
    rows = Distribution.objects.filter(host__applcm=edge)
    row = rows.filter(remote_id=remote_id).first()
    if row is None and pair:
        row = brought_by_orders(edge).filter(**pair).first()
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
    """What of an exported distribution both sites have.

    Why one that is there could not be taken away knows only who had ordered it.
    """
    found = {name: data[name] for name in ("package_id", "host_id", "tenant_id", "state")}
    return found | {"fault": data["fault"] if data["state"] == DistributionState.ERROR else {}}
