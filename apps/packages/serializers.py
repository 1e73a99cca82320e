"""Packages in EdgeGallery's field names, in both directions."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.common.fields import PACKAGE_NAME, ipv4
from apps.packages.models import Distribution, Package


class UploadSerializer(serializers.Serializer[Any]):
    """The text parts of an upload; the manifest's name and version stand where none is given."""

    appPackageName = serializers.CharField(
        max_length=255, validators=[PACKAGE_NAME], required=False, allow_blank=True
    )
    appPackageVersion = serializers.CharField(max_length=255, required=False, allow_blank=True)
    hostList = serializers.CharField(max_length=255, required=False, allow_blank=True)
    file = serializers.FileField(required=True, allow_empty_file=True, max_length=1024)

    def validate_hostList(self, text: str) -> list[str]:  # noqa: N802 - named after its field
        """The addresses in the comma separated list."""
        addresses = [part.strip() for part in text.split(",") if part.strip()]
        for address in addresses:
            ipv4(address)
        return addresses


class HostsSerializer(serializers.Serializer[Any]):
    """The hosts of an order: ``{"hostIp": ["10.0.0.1", …]}``."""

    hostIp = serializers.ListField(
        child=serializers.CharField(max_length=15, validators=[ipv4]),
        allow_empty=False,
        max_length=50,
    )
    origin = serializers.CharField(required=False, allow_blank=True, max_length=8)


def distribution_json(row: Distribution) -> dict[str, Any]:
    """``HostInfo``: where one copy is, and why not."""
    return {
        "hostIp": row.host.ip,
        "status": row.state,
        "error": str(row.fault_reason) or None,
        "reason": row.fault or None,
        "removing": row.removing,
        "asOf": row.updated_at,
    }


def package_json(package: Package) -> dict[str, Any]:
    """``AppPackage`` as the package manager answers it; the additions stand last."""
    rows = sorted(package.distributions.all(), key=lambda row: row.host.ip)
    return {
        "appPkgId": package.package_id,
        "appPkgName": package.name,
        "appPkgVersion": package.package_version,
        "appPkgPath": None,
        "appProvider": package.provider or None,
        "appPkgDesc": package.description or None,
        "appPkgAffinity": package.architecture or None,
        "appIconUrl": None,
        "createdTime": package.created_at.isoformat(),
        "modifiedTime": package.updated_at.isoformat(),
        "appId": package.app_id.hex,
        "mecHostInfo": [distribution_json(row) for row in rows],
        "tenantId": str(package.tenant_id),
        "appClass": package.app_class,
        "sha256": package.sha256,
        "size": package.size,
        "origin": package.origin,
        "version": package.version,
        "removing": package.removing,
        "revision": package.revision,
        "latestRevision": package.newest_revision,
    }


def edge_package_json(package: Package) -> dict[str, Any]:
    """The record as the edge's LCM controller answers it."""
    return package_json(package) | {"packageId": package.package_id}


def report_json(package: Package) -> list[dict[str, Any]]:
    """The check report, rendered in the reader's language."""
    return [
        {
            "level": check.level,
            "code": check.code,
            "text": str(check.reason),
            "path": check.path or None,
            "line": check.line,
        }
        for check in package.details.checks
    ]
