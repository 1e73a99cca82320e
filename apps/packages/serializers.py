"""Packages in EdgeGallery's field names, in both directions."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import urlsplit

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from apps.common import typed as serializers
from apps.common.fields import HEX32, PACKAGE_NAME, ipv4
from apps.common.strict import Text
from apps.packages.models import Distribution, Package
from apps.packages.onboarding import OnboardSpec

# The host of it is looked up among the registered stores; nothing else of it is used.
STORE_PATH = RegexValidator(
    re.compile(r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^\s]*)?\Z"), _("invalid app package path")
)
# What one upload is ordered onto at once; the words about it name the number.
MOST_HOSTS = 20
PATH_NULL = _("App Package Path is null")


def _optional(length: int, kind: type[Text] = Text) -> Text:
    """A text that may be absent, empty or null."""
    return kind(max_length=length, required=False, allow_blank=True, allow_null=True)


class UploadSerializer(serializers.Serializer[Any]):
    """The text parts of an upload; the manifest's name and version stand where none is given."""

    appPackageName = serializers.CharField(
        max_length=255,
        validators=[PACKAGE_NAME],
        required=False,
        allow_blank=True,
        trim_whitespace=True,
    )
    appPackageVersion = serializers.CharField(
        max_length=255, required=False, allow_blank=True, trim_whitespace=True
    )
    hostList = serializers.CharField(
        max_length=MOST_HOSTS * len("255.255.255.255, "),
        required=False,
        allow_blank=True,
        trim_whitespace=True,
        help_text=_("Choose at most 20 hosts at once."),
    )
    file = serializers.FileField(required=True, allow_empty_file=True, max_length=1024)

    def validate_hostList(self, text: str) -> list[str]:  # noqa: N802 - named after its field
        """The addresses in the comma separated list."""
        addresses = [part.strip() for part in text.split(",") if part.strip()]
        for address in addresses:
            ipv4(address)
        if len(addresses) > MOST_HOSTS:
            raise serializers.ValidationError(_("Choose at most 20 hosts at once."))
        return addresses


class HostsSerializer(serializers.Serializer[Any]):
    """The hosts of an order: ``{"hostIp": ["10.0.0.1", …]}``."""

    hostIp = serializers.ListField(
        child=serializers.CharField(max_length=15, validators=[ipv4]),
        allow_empty=False,
        max_length=50,
    )
    origin = serializers.CharField(required=False, allow_blank=True, max_length=8)


class HostInfoSerializer(serializers.Serializer[Any]):
    """A host of an onboarding; what a client says of its state is not believed."""

    hostIp = serializers.CharField(max_length=15, validators=[ipv4])
    status = _optional(255)
    error = _optional(1024, serializers.Prose)


class OnboardSerializer(serializers.Serializer[Any]):
    """``AppPackage`` as a client sends it, to take a package from an application store."""

    appPkgId = Text(max_length=64, validators=[HEX32])
    appPkgName = Text(max_length=255, validators=[PACKAGE_NAME])
    appPkgVersion = Text(max_length=255)
    appPkgPath = Text(
        max_length=1024,
        validators=[STORE_PATH],
        error_messages={"null": PATH_NULL, "required": PATH_NULL},
    )
    appProvider = _optional(1024)
    appPkgDesc = _optional(1024, serializers.Prose)
    appPkgAffinity = _optional(255)
    appIconUrl = _optional(1024)
    createdTime = _optional(255)
    modifiedTime = _optional(255)
    appId = Text(max_length=64, validators=[HEX32])
    mecHostInfo = serializers.ListField(
        child=HostInfoSerializer(), allow_empty=False, min_length=1, max_length=50
    )

    def to_spec(self) -> OnboardSpec:
        """The validated input as the service takes it."""
        data = self.validated_data
        return OnboardSpec(
            store_ip=urlsplit(data["appPkgPath"]).hostname or "",
            app_id=uuid.UUID(hex=data["appId"]),
            package_id=uuid.UUID(hex=data["appPkgId"]),
            name=data["appPkgName"],
            version=data["appPkgVersion"],
            source=data["appPkgPath"],
            provider=data.get("appProvider") or "",
            description=data.get("appPkgDesc") or "",
            icon_url=data.get("appIconUrl") or "",
            affinity=data.get("appPkgAffinity") or "",
        )


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
        "appPkgPath": package.source or None,
        "appProvider": package.provider or None,
        "appPkgDesc": package.description or None,
        "appPkgAffinity": package.affinity or package.architecture or None,
        "appIconUrl": package.icon_url or None,
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
        "hasFile": package.has_file,
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
