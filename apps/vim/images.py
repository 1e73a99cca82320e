"""Images of virtual machines in a VIM: the promise, its values, and who keeps it.

A driver may offer these beside the five methods of :class:`apps.vim.contract.VimDriver`.  Bytes
travel in pieces, so that no image is ever held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable
from uuid import UUID

PIECE_BYTES: Final = 1024 * 1024
# Glance's words for an image that is whole, that is on its way, and that will never be one.
ACTIVE: Final = "active"
COMING: Final = ("queued", "saving", "uploading", "importing")
LOST: Final = ("deactivated", "killed", "deleted", "pending_delete")


@dataclass(frozen=True, slots=True)
class VimImage:
    """An image as the VIM tells it; ``status`` is one of Glance's words.

    ``size`` in bytes and ``checksum``, an MD5 in hex, are None and empty while the VIM does not
    know them.  ``key`` is by what this host's site knows an image that it had made; empty for all
    others.
    """

    id: str
    name: str
    status: str
    size: int | None = None
    checksum: str = ""
    disk_format: str = ""
    min_disk_gb: int = 0
    min_ram_mb: int = 0
    visibility: str = ""
    created_at: datetime | None = None
    key: str = ""

    @property
    def ours(self) -> bool:
        """Whether this host's site had it made."""
        return bool(self.key)


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be made.  ``key`` is the same each time that the same one is tried again.

    It belongs to a package or to an instance; the VIM is told which, so that it can be found there
    when nothing else knows it.
    """

    key: UUID
    name: str
    disk_format: str = "raw"
    min_disk_gb: int = 0
    min_ram_mb: int = 0
    package_id: UUID | None = None
    instance_id: UUID | None = None


@runtime_checkable
class KeepsImages(Protocol):
    """What a driver offers where its VIM keeps images of virtual machines.

    Each method may raise VimUnreachable and VimRefused as those of every driver.
    """

    def images(self, name: str = "") -> tuple[VimImage, ...]:
        """All that the host's credentials can see; those of one name where it is given."""

    def image(self, image_id: str) -> VimImage | None:
        """One image by the VIM's id; None where it has none."""

    def upload_image(self, new: NewImage, pieces: Iterable[bytes]) -> VimImage:
        """Make an image of these bytes, and return it when it is active.

        Called again with the same key it begins anew, and takes away what an earlier attempt left.
        What ``pieces`` raises is raised, and then nothing is left of the image.
        """

    def snapshot_server(self, server_id: str, new: NewImage) -> VimImage:
        """Have the VIM make an image of a server's disk, and return it as it is then.

        Called again with the same key it returns the one that there is.
        """

    def read_image(self, image_id: str, offset: int = 0) -> Iterator[bytes]:
        """The bytes of an active image from ``offset`` on; nothing where that is past its end."""

    def remove_image(self, image_id: str) -> bool:
        """Take an image away; False where it was gone already."""


def same_content(images: Iterable[VimImage], checksum: str) -> VimImage | None:
    """The oldest active image with this MD5; None where there is none, or none is stated."""
    wanted = checksum.lower()
    fitting = (one for one in images if one.status == ACTIVE and one.checksum == wanted != "")
    return min(fitting, key=lambda one: (str(one.created_at or ""), one.id), default=None)
