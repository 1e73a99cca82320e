"""Application packages and where they were distributed to."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import Versioned
from apps.common.words import Reason
from apps.hosts.models import AppLcm, MecHost
from apps.packages.csar import PackageInfo
from apps.packages.states import DistributionState, SyncState
from apps.tenants.models import Tenant


class StorePackage(Versioned):
    """A package of an application store, and the work of bringing it here.

    The row is the truth: ``next_at`` is when somebody should work on it, under a lease.  The file
    serves every tenant that onboards it.
    """

    OBSERVED: ClassVar[tuple[str, ...]] = ("state", "fault", "received", "total", "told")

    # The store's address is its identity in the inventory, as in every URL.
    store_ip = models.GenericIPAddressField()
    endpoint = models.CharField(max_length=64, blank=True)
    app_id = models.UUIDField()
    package_id = models.UUIDField()
    # What the store says of it, in the store's own fields.
    told = models.JSONField(default=dict)
    state = models.CharField(
        max_length=16, choices=SyncState.choices, default=SyncState.NOT_IN_SYNC
    )
    fault = models.JSONField(default=dict)
    received = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    info = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_index=True)
    lease = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    actor = models.JSONField(default=dict)

    class Meta:
        ordering = ["store_ip", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["store_ip", "app_id", "package_id"], name="packages_once_per_store"
            )
        ]

    def __str__(self) -> str:
        return " ".join(str(self.told.get(key) or "") for key in ("name", "version")).strip() or (
            self.package_id.hex
        )

    @property
    def path(self) -> Path:
        """Where the fetched file lies."""
        return Path(settings.PACKAGE_DIR) / f"store-{self.pk.hex}.csar"

    @property
    def fault_reason(self) -> Reason:
        """Why it is not here; empty when it is or nothing is known against it."""
        return Reason.from_json(self.fault)

    @property
    def found(self) -> PackageInfo:
        """What the reader found in the file, typed."""
        return PackageInfo.from_json(self.info)

    @property
    def filename(self) -> str:
        """What the file is called when somebody downloads it."""
        words = "-".join(str(self.told.get(key) or "") for key in ("name", "version"))[:200]
        return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', words).strip('-.') or 'package'}.csar"

    @property
    def percent(self) -> int | None:
        """How much of it has arrived; None while the store has not said how much there is."""
        return min(100, self.received * 100 // self.total) if self.total else None


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
    # Onboarded from a store: the ids that clients know are the store's, and not of one tenant.
    store_package = models.ForeignKey(
        StorePackage, null=True, editable=False, on_delete=models.SET_NULL, related_name="packages"
    )
    store_key = models.UUIDField(null=True, editable=False, db_index=True)
    source = models.CharField(max_length=1024, blank=True)
    icon_url = models.CharField(max_length=1024, blank=True)
    affinity = models.CharField(max_length=255, blank=True)
    # The edge that has it, for a package that was uploaded there.
    edge = models.ForeignKey(AppLcm, null=True, editable=False, on_delete=models.SET_NULL)
    removing = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["name", "-created_at"]
        indexes = [
            models.Index(fields=["name", "-created_at"], name="packages_in_order"),
            models.Index(fields=["tenant", "name", "-created_at"], name="packages_of_tenant"),
            models.Index(fields=["tenant", "name", "package_version"], name="packages_revisions"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "app_id", "store_key"], name="packages_once_from_store"
            )
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
        return f"{self.app_id.hex}{(self.store_key or self.pk).hex}"

    @property
    def site_key(self) -> str:
        """The same with this row's own id: what edges know, where tenants share what they have."""
        return f"{self.app_id.hex}{self.pk.hex}"

    @property
    def awaits_file(self) -> bool:
        """Whether its file is still to come from an application store."""
        return not self.has_file and self.store_package_id is not None

    @property
    def path(self) -> Path:
        """Where the CSAR lies, byte for byte as it was uploaded."""
        return Path(settings.PACKAGE_DIR) / f"{self.site_key}.csar"

    @property
    def details(self) -> PackageInfo:
        """What the reader found, typed."""
        return PackageInfo.from_json(self.info)

    def remains(self) -> dict[str, Any]:
        """The id that clients know."""
        return {"package_id": self.package_id}


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

    @property
    def tenant_id(self) -> uuid.UUID:
        """Whose package it is."""
        return self.package.tenant_id

    def remains(self) -> dict[str, Any]:
        """Which package it was on which host."""
        return {
            "package_id": str(self.package_id),
            "package_key": self.package.package_id,
            "host_id": str(self.host_id),
            "host_ip": self.host.ip,
        }
