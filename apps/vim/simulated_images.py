"""The images of a simulated site: a folder with a description and a file of bytes for each.

A description is replaced at once and written before the bytes, so that a process killed at any
point leaves an image that is whole, or one that says that it is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.images import ACTIVE, COMING, PIECE_BYTES, NewImage, VimImage
from apps.vim.results import plain
from apps.vim.simulated_world import told

SNAPSHOT_BYTES: Final = 3 * 1024 * 1024 + 17
SAVING: Final = "saving"


def images_path(state_dir: Path, host_id: UUID) -> Path:
    """Where the images of a host live."""
    return state_dir / f"sim-{host_id}-images"


class Shelf:
    """The images of one host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self, now: datetime) -> list[VimImage]:
        """Every image as it is at ``now``."""
        with told(self._folder):
            paths = sorted(self._folder.glob("*.json")) if self._folder.exists() else []
            found = (self._read(path, now) for path in paths)
            return [one for one in found if one is not None]

    def one(self, image_id: str, now: datetime) -> VimImage | None:
        """One of them."""
        return next((one for one in self.all(now) if one.id == image_id), None)

    def of_key(self, key: UUID, now: datetime) -> list[VimImage]:
        """What was made for ``key``."""
        return [one for one in self.all(now) if one.key == str(key)]

    def upload(self, new: NewImage, pieces: Iterable[bytes], now: datetime) -> VimImage:
        """Take the bytes in; what the pieces raise is raised, and then nothing is left."""
        for left in self.of_key(new.key, now):
            self.remove(left.id)
        made = self._begin(new, now)
        try:
            return self._fill(made, pieces, now)
        except BaseException:
            self.remove(made.id)
            raise

    def snapshot(
        self, server_id: str, new: NewImage, now: datetime, ready_at: datetime
    ) -> VimImage:
        """An image of a server that is active from ``ready_at`` on; its bytes are made up."""
        for known in self.of_key(new.key, now):
            return known
        content = hashlib.shake_256(f"{server_id}/{new.key}".encode()).digest(SNAPSHOT_BYTES)
        self._fill(self._begin(new, now), [content], ready_at)
        return self.of_key(new.key, now)[0]

    def read(self, image_id: str, offset: int) -> Iterator[bytes]:
        """Its bytes from ``offset`` on."""
        with told(self._folder), self._bytes(image_id).open("rb") as file:
            file.seek(offset)
            while piece := file.read(PIECE_BYTES):
                yield piece

    def remove(self, image_id: str) -> bool:
        """Whether there was one."""
        with told(self._folder):
            there = self._description(image_id).exists()
            self._description(image_id).unlink(missing_ok=True)
            self._bytes(image_id).unlink(missing_ok=True)
            return there

    def _begin(self, new: NewImage, now: datetime) -> VimImage:
        made = VimImage(
            id=str(uuid4()),
            name=new.name,
            status=SAVING,
            disk_format=new.disk_format,
            min_disk_gb=new.min_disk_gb,
            min_ram_mb=new.min_ram_mb,
            visibility="private",
            created_at=now,
            key=str(new.key),
        )
        self._write(made, None)
        return made

    def _fill(self, made: VimImage, pieces: Iterable[bytes], ready_at: datetime) -> VimImage:
        size, digest = 0, hashlib.md5(usedforsecurity=False)
        with told(self._folder):
            file = self._bytes(made.id).open("wb")
        with file:
            for piece in pieces:
                with told(self._folder):
                    file.write(piece)
                    file.flush()
                size += len(piece)
                digest.update(piece)
        done = replace(made, status=ACTIVE, size=size, checksum=digest.hexdigest())
        self._write(done, ready_at)
        return done

    def _description(self, image_id: str) -> Path:
        return self._folder / f"{Path(image_id).name}.json"

    def _bytes(self, image_id: str) -> Path:
        return self._folder / f"{Path(image_id).name}.bytes"

    def _write(self, one: VimImage, ready_at: datetime | None) -> None:
        path = self._description(one.id)
        data = {"image": plain(one), "ready_at": plain(ready_at)}
        with told(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(data), "utf-8")
            fresh.replace(path)

    def _read(self, path: Path, now: datetime) -> VimImage | None:
        try:
            data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:  # taken away meanwhile
            return None
        held = data["image"]
        one = VimImage(**{**held, "created_at": datetime.fromisoformat(held["created_at"])})
        ready_at = data["ready_at"]
        if ready_at and datetime.fromisoformat(ready_at) <= now:
            return one
        return replace(one, status=SAVING, size=None, checksum="")


def require_active(one: VimImage | None) -> VimImage:
    """The image, where its bytes can be had now."""
    if one is None or one.status != ACTIVE:
        raise VimRefused(
            N_("The simulated VIM has no active image of this id."),
            retryable=one is not None and one.status in COMING, code="image_not_active",
        )
    return one
