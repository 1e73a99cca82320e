"""Images at the hosts of this site.  Rows stay at the site that has the host.

Each row is one use of an image: several may name the same image of a VIM, or of a registry.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from apps.common import clock
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.images.states import ImageKind, ImageSource, ImageState
from apps.tenants.models import Tenant


def with_its_host(collector: Any, field: Any, images: Any, using: str) -> None:
    """For ``on_delete``: a VIM has images of machines because of us, and their host stays as long.

    What is in a registry stays there in any case; only this site's use of it ends.
    """
    keeping = images.filter(kind=ImageKind.VM)
    if keeping.exists():
        models.PROTECT(collector, field, keeping, using)
    models.CASCADE(collector, field, images, using)


class HostImage(models.Model):
    """An image that somebody wants at a host, on its way, there, or on its way out.

    Its kind decides who keeps it: the image service of the VIM those of virtual machines, and the
    registry of the host those of containers, by the reference that objects use for ``name``.
    The row is the truth: ``next_at`` is when somebody should work on it, under a lease.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(MecHost, on_delete=with_its_host, related_name="images")
    # Without one it is the site's.
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=9, choices=ImageKind.choices, default=ImageKind.VM)
    name = models.CharField(max_length=255)
    image_version = models.CharField(max_length=128, blank=True)
    source = models.CharField(max_length=8, choices=ImageSource.choices)
    # Whose it is.  Not foreign keys: packages and instances are no business of this floor.
    package_id = models.UUIDField(null=True, db_index=True)
    instance_id = models.UUIDField(null=True, db_index=True)
    server_id = models.CharField(max_length=64, blank=True)
    # An address, a reference, or the path of the image in ``archive``, a package at the site.
    reference = models.CharField(max_length=2048, blank=True)
    archive = models.CharField(max_length=255, blank=True)
    # An MD5 or a SHA-256 in hex that was stated for it.
    wanted_checksum = models.CharField(max_length=64, blank=True)

    # By what its keeper knows it: the VIM's id, or the reference in the registry, known from the
    # beginning.
    vim_id = models.CharField(max_length=1024, blank=True, db_index=True)
    vim_status = models.CharField(max_length=20, blank=True)
    disk_format = models.CharField(max_length=16, blank=True)
    min_disk_gb = models.PositiveIntegerField(default=0)
    min_ram_mb = models.PositiveIntegerField(default=0)
    size = models.BigIntegerField(null=True)
    # The MD5 that the VIM reports, and the SHA-256 of what was sent there; of a container's image,
    # that of its manifest.
    checksum = models.CharField(max_length=32, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)

    state = models.CharField(
        max_length=8, choices=ImageState.choices, default=ImageState.WAITING
    )
    sent_bytes = models.BigIntegerField(default=0)
    fault = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, db_index=True)
    lease = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    actor = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["name", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["host", "package_id", "name"],
                condition=models.Q(package_id__isnull=False),
                name="images_once_per_package_and_host",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def fault_reason(self) -> Reason:
        """Why it is not there yet or cannot be; empty when nothing is known against it."""
        return Reason.from_json(self.fault)

    @property
    def percent(self) -> int | None:
        """How much of it was sent; None while nobody knows how much there is."""
        return min(100, self.sent_bytes * 100 // self.size) if self.size else None
