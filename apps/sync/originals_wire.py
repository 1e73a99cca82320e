"""Changes in the words of EdgeGallery's edge; last in each stands what acknowledging needs."""

from __future__ import annotations

from typing import Any

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.journal.models import Tombstone
from apps.orchestration.serializers import edge_row
from apps.packages.models import Distribution, Package
from apps.rules import wire
from apps.rules.models import AppdConfiguration
from apps.sync.originals import DISTRIBUTION, HOST, INSTANCE, PACKAGE, RULES

Record = dict[str, Any]


def host(row: MecHost) -> Record:
    """A record of ``mecHostUpdatedRecs``."""
    return {
        "mechostIp": row.ip,
        "mechostName": row.name,
        "zipCode": row.zip_code,
        "city": row.city,
        "address": row.address,
        "affinity": row.affinity,
        "userName": row.user_name,
        "configUploadStatus": row.config_upload_status,
        "coordinates": row.coordinates,
        "vim": row.vim,
        "origin": row.origin,
        "hwcapabilities": row.hw_capabilities or [],
        **_named(HOST, row),
    }


def package(row: Package) -> Record:
    """A record of ``appPackageRecord``, with all hosts that the package is on."""
    return {
        "appPkgId": _package_key(row),
        "appPkgName": row.name,
        "appPkgVersion": row.package_version,
        "appPkgPath": row.source,
        "appProvider": row.provider,
        "appPkgDesc": row.description,
        "appPkgAffinity": row.affinity or row.architecture,
        "appIconUrl": row.icon_url,
        "createdTime": row.created_at.isoformat(),
        "modifiedTime": row.updated_at.isoformat(),
        "appId": row.app_id.hex,
        "tenantId": str(row.tenant_id),
        "packageId": row.package_id,
        "origin": row.origin,
        "syncStatus": False,
        "mecHostInfo": [_distribution(row, one) for one in row.distributions.all()],
        **_named(PACKAGE, row),
    }


def _distribution(package: Package, row: Distribution) -> Record:
    return {
        "pkgHostKey": f"{_package_key(package)}{row.host.ip}",
        "hostIp": row.host.ip,
        "appPkgId": _package_key(package),
        "status": row.state,
        "tenantId": str(package.tenant_id),
        "error": str(row.fault_reason),
        "origin": row.origin,
        "syncStatus": getattr(row, "is_told", False),
        **_named(DISTRIBUTION, row),
    }


def _package_key(package: Package) -> str:
    """The key of the original's table: the package's id, and the tenant's behind it."""
    return f"{package.package_id}{package.tenant_id}"


def instance(row: AppInstance) -> Record:
    """A record of ``appInstanceUpdatedRecs``; the original leaves its reader to guess the app."""
    told = edge_row(row) | {"syncStatus": False}
    more = {"appId": row.package.app_id.hex, "appDescriptor": row.description}
    return told | more | _named(INSTANCE, row)


def rules(row: AppdConfiguration) -> Record:
    """A record of ``appdRuleUpdatedRecs``, in the spelling in which the edge takes rules, too."""
    return {
        "appdRuleId": f"{row.tenant_id}{row.instance_id}",
        "tenantId": str(row.tenant_id),
        **wire.at_edge(row),
        "origin": row.origin,
        "syncStatus": False,
        **_named(RULES, row),
    }


def ended_host(stone: Tombstone) -> Record:
    """A record of ``mecHostStaleRecs``."""
    return {"mechostIp": stone.data["ip"], **_buried(stone)}


def ended_package(stone: Tombstone) -> Record:
    """A record of ``appPackageStaleRec``."""
    return {
        "appPackageId": stone.data["package_id"],
        "tenantId": str(stone.tenant_id),
        **_buried(stone),
    }


def ended_distribution(stone: Tombstone) -> Record:
    """A record of ``appPackageHostStaleRec``."""
    return {
        "packageId": stone.data["package_key"],
        "tenantId": str(stone.tenant_id),
        "hostIp": stone.data["host_ip"],
        **_buried(stone),
    }


def ended_instance(stone: Tombstone) -> Record:
    """A record of ``appInstanceDeletedRecs``."""
    return {
        "appInstanceId": str(stone.subject_id),
        "tenantId": str(stone.tenant_id),
        **_buried(stone),
    }


def ended_rules(stone: Tombstone) -> Record:
    """A record of ``appdRuleDeletedRecs``."""
    instance_id = stone.data["instance_id"]
    return {
        "appdRuleId": f"{stone.tenant_id}{instance_id}",
        "tenantId": str(stone.tenant_id),
        "appInstanceId": instance_id,
        **_buried(stone),
    }


def _named(kind: str, row: Any) -> Record:
    return {"kind": kind, "id": str(row.pk), "version": row.version}


def _buried(stone: Tombstone) -> Record:
    return {"kind": stone.kind, "id": str(stone.subject_id), "version": stone.version}
