"""What the services of images take."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.images.states import ImageKind, ImageSource

# The disk formats that Glance takes, https://docs.openstack.org/glance/latest/user/formats.html.
DISK_FORMATS: Final = (
    "aki", "ami", "ari", "iso", "ploop", "qcow2", "raw", "vdi", "vhd", "vhdx", "vmdk",
)
IS_ADDRESS: Final = re.compile(r"https?://", re.IGNORECASE)
CHECKSUM: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class WantedImage:
    """An image that a package needs at a host.

    ``archive`` is the file name of the package at this site and ``member`` the path of the image in
    it, or in a zip in it; both are empty where the package does not bring it.  ``reference`` is the
    address to get it from; with neither, it has to be at the host already.  The image of a
    container has as ``copy`` the reference in the registry of the host.
    """

    package_id: uuid.UUID
    tenant_id: uuid.UUID
    name: str
    kind: ImageKind = ImageKind.VM
    copy: str = ""
    version: str = ""
    archive: str = ""
    member: str = ""
    reference: str = ""
    checksum: str = ""
    disk_format: str = ""
    min_disk_gb: int = 0
    min_ram_mb: int = 0

    @property
    def source(self) -> ImageSource:
        """Where it would come from."""
        return source_of(self.kind, self.archive, self.place)

    @property
    def place(self) -> str:
        """The path in the archive, the address or the reference; empty where it has to be there."""
        if self.archive:
            return self.member
        if self.kind == ImageKind.CONTAINER:
            return self.reference
        return self.reference if IS_ADDRESS.match(self.reference) else ""

    @property
    def stated_checksum(self) -> str:
        """The checksum in small letters; Conflict where it is none that can be compared.

        Of what a container's image would have one, nobody says.
        """
        if self.kind == ImageKind.CONTAINER:
            return ""
        stated = self.checksum.strip().lower()
        if stated and not CHECKSUM.fullmatch(stated):
            raise Conflict(
                N_("The checksum “%(checksum)s” of the image “%(name)s” is neither an MD5 nor a"
                   " SHA-256 in hexadecimal digits."),
                code="checksum_kind", checksum=self.checksum[:80], name=self.name,
            )
        return stated

    @property
    def stated_format(self) -> str:
        """The disk format as Glance spells it; Conflict where it knows none of that name."""
        if self.kind == ImageKind.CONTAINER:
            return ""
        suffix = PurePosixPath(self.place.partition("?")[0]).suffix.removeprefix(".").lower()
        usual = suffix if suffix in DISK_FORMATS else "raw"
        found = self.disk_format.strip().lower() or usual
        if found not in DISK_FORMATS:
            raise Conflict(
                N_("“%(format)s” is not a disk format of an image; known are %(known)s."),
                code="disk_format", format=self.disk_format[:40], known=", ".join(DISK_FORMATS),
            )
        return found


def source_of(kind: str, archive: str, place: str) -> ImageSource:
    """Where what is not at the host yet comes from."""
    if archive:
        return ImageSource.PACKAGE
    if not place:
        return ImageSource.FOUND
    return ImageSource.URL if kind == ImageKind.VM else ImageSource.REGISTRY
