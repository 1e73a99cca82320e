"""The file in which a simulated world lives.  Plans nothing and decides nothing about instances.

One JSON file per host.  Writers hold an ``flock`` on a file beside it and replace the whole file at
once, so that a reader needs no lock and a process killed at any point leaves the world before or
after its change, never between.  The file before the last change is kept; where the current one is
damaged from outside, the last good one is used, and the probe says so.  No process keeps the world
going: what stands in the file are times, and the clock does the rest.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.vim.errors import CredentialsInvalid, VimRefused
from apps.vim.results import plain
from apps.vim.simulated_record import Record
from apps.vim.simulated_site import Fault, read_faults
from apps.vim.simulated_view import phase_at

FORMAT = 1
_CACHE_SIZE = 64


@dataclass(slots=True)
class Contents:
    """What stands in a world's file: records by instance id, and the faults set at run time."""

    records: dict[str, Record] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    repaired_at: datetime | None = None
    lines: dict[str, tuple[Record, str]] = field(default_factory=dict, compare=False, repr=False)

    def copy(self) -> Contents:
        """Contents that can be changed without changing these."""
        return replace(self, records=dict(self.records), lines=dict(self.lines))

    def as_bytes(self) -> bytes:
        """The file: JSON with one instance on a line; a line is made anew only for what changed."""
        for key, record in self.records.items():
            held = self.lines.get(key)
            if held is None or held[0] is not record:
                told = json.dumps(plain(record), ensure_ascii=False)
                self.lines[key] = (record, f" {json.dumps(key)}: {told}")
        self.lines = {key: self.lines[key] for key in self.records}
        head = {
            "format": FORMAT,
            "written_at": clock.now().isoformat(),
            "repaired_at": plain(self.repaired_at),
            "faults": [fault.as_json() for fault in self.faults],
        }
        start = json.dumps(head, ensure_ascii=False)[:-1]
        body = ",\n".join(line for _, line in self.lines.values())
        return f'{start}, "instances": {{\n{body}\n}}}}\n'.encode()

    def present(self, now: datetime) -> list[Record]:
        """The records of which something is left at ``now``."""
        return [record for record in self.records.values() if not record.gone(now)]


class _Damaged(Exception):
    """A file that does not hold a world."""


_Signature = tuple[int, int, int]
_cache: dict[Path, tuple[_Signature, Contents]] = {}


def world_path(state_dir: Path, host_id: UUID) -> Path:
    """Where the world of a host lives."""
    return state_dir / f"sim-{host_id}.json"


def _parse(raw: bytes) -> Contents:
    try:
        data = json.loads(raw)
        if data["format"] != FORMAT:
            raise _Damaged
        wrongs: dict[str, Reason] = {}
        faults = read_faults(data["faults"], "faults", wrongs)
        if wrongs:
            raise _Damaged
        repaired = data["repaired_at"]
        return Contents(
            records={str(k): Record.from_json(v) for k, v in data["instances"].items()},
            faults=faults,
            repaired_at=repaired and datetime.fromisoformat(repaired),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _Damaged from error


def _signature(handle: int) -> _Signature:
    stat = os.fstat(handle)
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def _load(path: Path) -> Contents | None:
    """The contents of one file, None where there is none; shared, so never changed in place."""
    try:
        with path.open("rb") as file:
            signature = _signature(file.fileno())
            held = _cache.get(path)
            if held is not None and held[0] == signature:
                return held[1]
            contents = _parse(file.read())
    except FileNotFoundError:
        return None
    _remember(path, signature, contents)
    return contents


def _remember(path: Path, signature: _Signature, contents: Contents) -> None:
    if len(_cache) >= _CACHE_SIZE:
        _cache.clear()
    _cache[path] = (signature, contents)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """A full disk or a file that may not be touched, as a refusal in words."""
    try:
        yield
    except OSError as error:
        raise VimRefused(
            N_("The file of the simulated world, %(file)s, cannot be used: %(why)s."),
            code="world_unusable",
            retryable=True,
            file=path.name,
            why=error.strerror or type(error).__name__,
        ) from error


class World:
    """The world of one host, as a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._backup = path.with_suffix(".last")
        self._lock = path.with_suffix(".lock")

    def read(self) -> Contents:
        """What the world holds; an empty one where nothing has ever been ordered."""
        return self._read()[0]

    def _read(self) -> tuple[Contents, bool]:
        with told(self.path):
            return self._read_or_last()

    def _read_or_last(self) -> tuple[Contents, bool]:
        try:
            return (_load(self.path) or Contents(), False)
        except _Damaged:
            pass
        try:
            last = _load(self._backup)
        except _Damaged:
            last = None
        if last is None:
            raise VimRefused(
                N_(
                    "The file of the simulated world, %(file)s, is damaged, and so is the copy "
                    "before it.  Delete the file to start with an empty world."
                ),
                code="world_damaged",
                file=self.path.name,
            )
        return (replace(last, repaired_at=last.repaired_at or clock.now()), True)

    @contextmanager
    def change(self) -> Iterator[Contents]:
        """Contents to change, alone in the world; written when the block ends without an error."""
        with self._open_lock() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before, damaged = self._read()
            draft = before.copy()
            now = clock.now()
            draft.records = {r.instance_id: r for r in draft.present(now)}
            yield draft
            if draft != before or damaged:
                with told(self.path):
                    self._write(draft, keep_last=not damaged)

    def _open_lock(self) -> BinaryIO:
        with told(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self._lock.open("ab")

    def _write(self, contents: Contents, *, keep_last: bool) -> None:
        fresh = self.path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(contents.as_bytes())
            file.flush()
            os.fsync(file.fileno())
            signature = _signature(file.fileno())
        if keep_last:
            self._keep_last()
        _put(fresh, self.path)
        _remember(self.path, signature, contents)

    def _keep_last(self) -> None:
        link = self.path.with_suffix(".keep")
        link.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.link(self.path, link)
            _put(link, self._backup)


def _put(fresh: Path, path: Path) -> None:
    """The one moment in which the world changes."""
    fresh.replace(path)


def set_faults(path: Path, faults: Iterable[Fault | Mapping[str, Any]]) -> None:
    """Replace the faults of a running world, seen by every process at once.

    A fault that does not say ``since`` begins now.  They come on top of those in the credentials.
    """
    held = [fault.as_json() if isinstance(fault, Fault) else dict(fault) for fault in faults]
    begun = clock.now().isoformat()
    wrongs: dict[str, Reason] = {}
    found = read_faults([{"since": begun, **fault} for fault in held], "faults", wrongs)
    if wrongs:
        raise CredentialsInvalid.of(wrongs)
    with World(path).change() as contents:
        contents.faults = found


def world_summary(path: Path) -> dict[str, str]:
    """The true phase of each instance that exists now, by instance id, whatever a driver claims."""
    contents, now = World(path).read(), clock.now()
    return {
        record.instance_id: str(phase_at(record, contents.faults, now))
        for record in contents.present(now)
    }
