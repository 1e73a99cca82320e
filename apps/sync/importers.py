"""What the center does with each kind of row from an edge.  Each may be applied repeatedly.

An importer answers False when the row must wait for another that has not come yet.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from apps.common.models import Origin
from apps.hosts import adoption as hosts
from apps.hosts.models import AppLcm
from apps.instances import adoption as instances
from apps.mep import adoption as mep
from apps.orchestration.remote import observation_of
from apps.packages import adoption as packages
from apps.tenants.models import Tenant
from apps.tenants.services import adopt_tenant

Row = dict[str, Any]
Importer = Callable[[AppLcm, Row], bool]


def import_tenant(edge: AppLcm, row: Row) -> bool:
    """A tenant of the edge itself; one of ours is known already."""
    if "gone" not in row and row["data"]["origin"] == Origin.MEPM:
        adopt_tenant(tenant_id=_id(row), name=row["data"]["name"], origin=Origin.MEPM)
    return True


def import_host(edge: AppLcm, row: Row) -> bool:
    """Configuration of hosts born there, observation of all."""
    if "gone" in row:
        return hosts.note_gone(edge=edge, host_id=_id(row))
    return hosts.take_over(edge=edge, host_id=_id(row), version=row["version"], data=row["data"])


def import_package(edge: AppLcm, row: Row) -> bool:
    """The description of packages uploaded there."""
    if "gone" in row:
        return packages.note_package_gone(edge=edge, package_id=_id(row))
    if not Tenant.objects.filter(pk=row["data"]["tenant_id"]).exists():
        return False
    packages.take_over_package(edge=edge, package_id=_id(row), data=row["data"])
    return True


def import_distribution(edge: AppLcm, row: Row) -> bool:
    """Where packages are at that edge."""
    if "gone" not in row:
        return packages.take_over_distribution(edge=edge, remote_id=_id(row), data=row["data"])
    packages.note_distribution_gone(edge=edge, remote_id=_id(row))
    return True


def import_instance(edge: AppLcm, row: Row) -> bool:
    """The life cycle and the workload of what runs there."""
    if "gone" in row:
        instances.note_gone(edge=edge, instance_id=_id(row))
        return True
    seen = observation_of(row["data"]["record"])
    return instances.take_over(edge=edge, instance_id=_id(row), data=row["data"], seen=seen)


def import_service(edge: AppLcm, row: Row) -> bool:
    """What the MEC platform of that edge offers, and whether it is alive."""
    if "gone" in row:
        mep.note_gone(site_id=edge.pk, service_id=_id(row))
        return True
    return mep.take_over(site_id=edge.pk, service_id=_id(row), data=row["data"])


IMPORTERS: dict[str, Importer] = {
    "tenant": import_tenant,
    "mechost": import_host,
    "package": import_package,
    "distribution": import_distribution,
    "appinstance": import_instance,
    "mecservice": import_service,
}


def _id(row: Row) -> uuid.UUID:
    return uuid.UUID(row["id"])
