"""Images of a project: what Glance has, what is brought to it and read from it in pieces.

Calls of the Image API v2, https://docs.openstack.org/api-ref/image/v2/, and one of Nova's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused, VimUnreachable
from apps.vim.images import ACTIVE, PIECE_BYTES, NewImage, VimImage
from apps.vim.leftovers import Leftover
from apps.vim.openstack import names
from apps.vim.openstack.cloud import Cloud, Refused, told
from apps.vim.openstack.status import Row

KIND: Final = "OS::Glance::Image"
# How long a piece may take on its way, and Glance to put a whole image in its place.
UPLOAD_SECONDS: Final = (60.0, 600.0)
# The properties by which a snapshot is found before it has tags: Nova sets properties only.
KEY_PROPERTY: Final = "mecm_image"
HOST_PROPERTY: Final = "mecm_host"
# Since then createImage answers with the image's id, and not only with its address.
CREATE_IMAGE: Final = "2.45"
PATCH: Final = {"Content-Type": "application/openstack-images-v2.1-json-patch"}


def images(cloud: Cloud, host_id: UUID, **query: str) -> tuple[VimImage, ...]:
    """All that the project can see, or those that fit the query."""
    return tuple(_image(row, host_id) for row in _rows(cloud, **query))


def image(cloud: Cloud, host_id: UUID, image_id: str) -> VimImage | None:
    """One image by its id."""
    row = cloud.find("image", f"/images/{image_id}")
    return _image(row, host_id) if row else None


def upload(cloud: Cloud, host_id: UUID, new: NewImage, pieces: Iterable[bytes]) -> VimImage:
    """An image of these bytes; see the promise for what a repeat and a failure do."""
    for left in tuple(_rows(cloud, tag=names.image_tag(new.key))):
        remove(cloud, str(left["id"]))
    row = cloud.ask("image", "POST", "/images", json=_body(host_id, new))
    image_id = str(row["id"])
    try:
        return _filled(cloud, host_id, image_id, pieces)
    except BaseException:
        _remove_broken(cloud, image_id)
        raise


def _filled(cloud: Cloud, host_id: UUID, image_id: str, pieces: Iterable[bytes]) -> VimImage:
    counted = _Counted(pieces)
    cloud.ask(
        "image", "PUT", f"/images/{image_id}/file", data=iter(counted), timeout=UPLOAD_SECONDS,
        headers={"Content-Type": "application/octet-stream"},
    )
    made = image(cloud, host_id, image_id)
    if made is None or made.status != ACTIVE:
        raise VimRefused(
            N_("The cloud has taken the image and does not offer it: its status is “%(state)s”."),
            retryable=True, code="image_not_active", state=made.status if made else "deleted",
        )
    # A request that is sent a second time, after a new sign-in, has no bytes left to send.
    if made.size != counted.sent:
        raise VimUnreachable(
            N_("The cloud has %(got)s bytes of the image, and %(sent)s were sent."),
            code="image_cut", got=made.size, sent=counted.sent,
        )
    return made


class _Counted:
    """Pieces on their way, and how many bytes they were."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.sent += len(piece)
            yield piece


def _remove_broken(cloud: Cloud, image_id: str) -> None:
    """Leave no half image; where that fails too, the next attempt finds it by its tag."""
    try:
        remove(cloud, image_id)
    except (VimRefused, VimUnreachable):
        return


def snapshot(cloud: Cloud, host_id: UUID, server_id: str, new: NewImage) -> VimImage:
    """An image of a server's disk; the one that there is where it was ordered before."""
    key = str(new.key)
    known = next(_rows(cloud, **{KEY_PROPERTY: key}), None)
    image_id = str(known["id"]) if known else _ordered(cloud, host_id, server_id, new)
    tags = [{"op": "replace", "path": "/tags", "value": _tags(host_id, new)}]
    row = cloud.ask("image", "PATCH", f"/images/{image_id}", json=tags, headers=PATCH)
    return _image(row, host_id)


def _ordered(cloud: Cloud, host_id: UUID, server_id: str, new: NewImage) -> str:
    found = cloud.find("compute", f"/servers/{server_id}")
    if found is None:
        raise VimRefused(
            N_("The cloud has no server “%(server)s”."), code="server_missing", server=server_id
        )
    # Of a server on a volume Nova makes an image without bytes that names a snapshot in Cinder.
    if not found["server"].get("image"):
        raise VimRefused(
            N_("The server “%(server)s” runs from a volume, of which no image can be made."),
            code="runs_from_volume", server=found["server"].get("name") or server_id,
        )
    marks = {KEY_PROPERTY: str(new.key), HOST_PROPERTY: str(host_id)}
    order = {"name": new.name, "metadata": marks}
    made = cloud.ask(
        "compute", "POST", f"/servers/{server_id}/action", json={"createImage": order},
        microversion=CREATE_IMAGE,
    )
    return str(made["image_id"])


def read(cloud: Cloud, image_id: str, offset: int) -> Iterator[bytes]:
    """The bytes of an image from ``offset`` on; the first piece is asked for at once."""
    try:
        answer = cloud.stream("image", f"/images/{image_id}/file", start=offset)
    except Refused as refusal:
        if refusal.answered == 416:
            return iter(())
        raise
    # A store that cannot begin in the middle sends everything.
    return _pieces(answer, 0 if answer.status_code == 206 else offset)


def _pieces(answer: Any, skip: int) -> Iterator[bytes]:
    try:
        with told():
            for piece in answer.iter_content(PIECE_BYTES):
                if skip < len(piece):
                    yield piece[skip:]
                skip = max(0, skip - len(piece))
    finally:
        answer.close()


def remove(cloud: Cloud, image_id: str) -> bool:
    """Whether there was something to take away."""
    return cloud.delete("image", f"/images/{image_id}")


def carried(cloud: Cloud, host_id: UUID) -> list[Leftover]:
    """The images that carry the tags of this host."""
    if not cloud.has("image"):
        return []
    return [
        Leftover(
            kind=KIND,
            namespace="",
            name=str(row.get("name") or ""),
            instance=names.instance_of(list(row["tags"])),
            host=str(host_id),
            path=str(row["id"]),
            image=names.image_of(list(row["tags"])),
        )
        for row in _rows(cloud, tag=names.host_tag(host_id))
    ]


def _rows(cloud: Cloud, **query: str) -> Iterator[Row]:
    return cloud.pages("image", "images", **query)


def _body(host_id: UUID, new: NewImage) -> dict[str, Any]:
    return {
        "name": new.name,
        "container_format": "bare",
        "disk_format": new.disk_format,
        "min_disk": new.min_disk_gb,
        "min_ram": new.min_ram_mb,
        "visibility": "private",
        "tags": _tags(host_id, new),
    }


def _tags(host_id: UUID, new: NewImage) -> list[str]:
    return names.image_tags(host_id, new.key, new.package_id, new.instance_id)


def _image(row: Row, host_id: UUID) -> VimImage:
    size, created = row.get("size"), row.get("created_at")
    return VimImage(
        id=str(row["id"]),
        name=str(row.get("name") or ""),
        status=str(row["status"]),
        size=int(size) if size is not None else None,
        checksum=str(row.get("checksum") or ""),
        disk_format=str(row.get("disk_format") or ""),
        min_disk_gb=int(row.get("min_disk") or 0),
        min_ram_mb=int(row.get("min_ram") or 0),
        visibility=str(row.get("visibility") or ""),
        created_at=datetime.fromisoformat(str(created)) if created else None,
        key=_key(row, host_id),
    )


def _key(row: Row, host_id: UUID) -> str:
    tags = list(row.get("tags") or ())
    if names.host_tag(host_id) in tags:
        return names.image_of(tags)
    return str(row.get(KEY_PROPERTY) or "") if row.get(HOST_PROPERTY) == str(host_id) else ""
