"""What a site tells of the images at its hosts, to people and to its center: values in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.vim.images import ACTIVE
from apps.vim.results import plain, reason_of

_NONSENSE = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image at a host: of virtual machines or of containers, ours or found there.

    ``id`` is the site's, and empty for what it did not bring.  ``status`` is Glance's word, empty
    for containers' images that nobody here brings.  ``reference`` of one that is brought is that in
    the registry of the host.  ``instance`` is the id of the instance that a snapshot is of, and
    ``instance_name`` what it is or was called.  Sizes in bytes.
    """

    kind: str
    name: str
    id: str = ""
    vim_id: str = ""
    version: str = ""
    reference: str = ""
    status: str = ""
    source: str = ""
    size: int | None = None
    sent_bytes: int | None = None
    checksum: str = ""
    sha256: str = ""
    disk_format: str = ""
    visibility: str = ""
    created_at: datetime | None = None
    packages: tuple[str, ...] = ()
    instance: str = ""
    instance_name: str = ""
    fault: Reason | None = None

    def as_json(self) -> dict[str, Any]:
        """The line as plain data; the fault as a sentence for whoever reads it, and as it is."""
        data: dict[str, Any] = plain(self)
        return data | {"fault": str(self.fault) if self.fault else None, "why": data["fault"]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The line that ``as_json`` wrote; unknown keys are ignored, nonsense is Invalid."""
        names = ("id", "vim_id", "version", "reference", "status", "source", "checksum", "sha256",
                 "disk_format", "visibility", "instance", "instance_name")
        try:
            texts = {name: str(data.get(name) or "") for name in names}
            return cls(
                kind=str(data["kind"]),
                name=str(data["name"]),
                size=_whole(data.get("size")),
                sent_bytes=_whole(data.get("sent_bytes")),
                created_at=_moment(data.get("created_at")),
                packages=tuple(str(one) for one in data.get("packages") or ()),
                fault=reason_of(data.get("why")),
                **texts,
            )
        except _NONSENSE as error:
            raise Invalid(N_("This is not an image of a host.")) from error


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An image that was made of a server of an instance, which may be gone by now.

    ``status`` is Glance's word.  ``size`` in bytes and ``checksum``, an MD5 in hex, are None and
    empty until it is whole; ``chunk_bytes`` is in what parts its site hands it out.
    """

    id: str
    name: str
    status: str
    chunk_bytes: int
    instance_id: str
    instance: str = ""
    size: int | None = None
    checksum: str = ""
    disk_format: str = ""
    created_at: datetime | None = None
    fault: Reason | None = None

    @property
    def is_whole(self) -> bool:
        """Whether its bytes can be had."""
        return self.status == ACTIVE and self.size is not None

    @property
    def chunks(self) -> int:
        """In how many chunks it can be had; none until it is whole."""
        return -(-(self.size or 0) // self.chunk_bytes) if self.is_whole else 0

    def as_json(self) -> dict[str, Any]:
        """The snapshot in EdgeGallery's words, and in ours where it has none."""
        return {
            "imageId": self.id,
            "imageName": self.name,
            "appInstanceId": self.instance_id,
            "appInstanceName": self.instance,
            "status": self.status,
            "sumChunkNum": self.chunks,
            "chunkSize": self.chunk_bytes,
            "size": self.size,
            "checksum": self.checksum,
            "format": self.disk_format,
            "createdAt": plain(self.created_at),
            "reason": str(self.fault) if self.fault else None,
            "why": plain(self.fault),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The snapshot that ``as_json`` wrote; unknown keys are ignored, nonsense is Invalid."""
        try:
            found = cls(
                id=str(UUID(data["imageId"])),
                name=str(data["imageName"]),
                status=str(data["status"]),
                chunk_bytes=int(data["chunkSize"]),
                instance_id=str(UUID(data["appInstanceId"])),
                instance=str(data.get("appInstanceName") or ""),
                size=_whole(data.get("size")),
                checksum=str(data.get("checksum") or ""),
                disk_format=str(data.get("format") or ""),
                created_at=_moment(data.get("createdAt")),
                fault=reason_of(data.get("why")),
            )
        except _NONSENSE as error:
            raise Invalid(N_("This is not a snapshot.")) from error
        if found.chunk_bytes <= 0 or (found.size or 0) < 0:
            raise Invalid(N_("This is not a snapshot."))
        return found


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
