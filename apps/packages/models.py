"""Application packages and where they were distributed to."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import Versioned
from apps.common.words import Reason
from apps.hosts.models import AppLcm, MecHost
from apps.packages.csar import PackageInfo
from apps.packages.states import DistributionState
from apps.tenants.models import Tenant


class Package(Versioned):
    """A CSAR that passed its checks.  ``info`` is what the reader found, as plain data."""

    DESIRED: ClassVar[tuple[str, ...]] = ("name", "package_version", "description", "removing")

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="packages")
    app_id = models.UUIDField(default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    package_version = models.CharField(max_length=255)
    # The first under its name and version is 1; uploaded again it is a revision of the same app.
    revision = models.PositiveIntegerField(default=1)
    provider = models.CharField(max_length=1024, blank=True)
    description = models.TextField(blank=True)
    app_class = models.CharField(max_length=16)
    architecture = models.CharField(max_length=64, blank=True)
    filename = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    info = models.JSONField(default=dict)
    # False where only the description came over from the site that has the file.
    has_file = models.BooleanField(default=True)
    # The edge that has it, for a package that was uploaded there.
    edge = models.ForeignKey(AppLcm, null=True, editable=False, on_delete=models.SET_NULL)
    removing = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name", "-created_at"]
        indexes = [
            models.Index(fields=["tenant", "name", "package_version"], name="packages_revisions")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.package_version}"

    @property
    def newest_revision(self) -> int:
        """The greatest revision of this name and version, where the selector has looked for it."""
        return max(self.revision, getattr(self, "latest", None) or 0)

    @property
    def is_superseded(self) -> bool:
        """Whether the same name and version was uploaded again after this one."""
        return self.newest_revision > self.revision

    @property
    def package_id(self) -> str:
        """``appPackageId`` of EdgeGallery: 32 hex digits of the app, then 32 of the package."""
        return f"{self.app_id.hex}{self.pk.hex}"

    @property
    def path(self) -> Path:
        """Where the CSAR lies, byte for byte as it was uploaded."""
        return Path(settings.PACKAGE_DIR) / f"{self.package_id}.csar"

    @property
    def details(self) -> PackageInfo:
        """What the reader found, typed."""
        return PackageInfo.from_json(self.info)


class Distribution(Versioned):
    """A package on its way to a host, there, or on its way out."""

    DESIRED: ClassVar[tuple[str, ...]] = ("removing",)
    OBSERVED: ClassVar[tuple[str, ...]] = ("state", "fault")

    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="distributions")
    host = models.ForeignKey(MecHost, on_delete=models.CASCADE, related_name="distributions")
    state = models.CharField(
        max_length=16, choices=DistributionState.choices, default=DistributionState.PROCESSING
    )
    removing = models.BooleanField(default=False, editable=False)
    fault = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_index=True)
    lease = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    actor = models.JSONField(default=dict)
    # The edge makes a row of its own for the same pair; its tombstone names that one.
    remote_id = models.UUIDField(null=True, editable=False, db_index=True)

    class Meta:
        ordering = ["host__name"]
        constraints = [
            models.UniqueConstraint(fields=["package", "host"], name="packages_once_per_host")
        ]

    def __str__(self) -> str:
        return f"{self.package} → {self.host}"

    @property
    def fault_reason(self) -> Reason:
        """Why it is not there yet; empty when it is."""
        return Reason.from_json(self.fault)
