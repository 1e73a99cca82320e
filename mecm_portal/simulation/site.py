"""One simulated site: its own database in memory, files, role and clock; it can die, and go back.

A death is a point between two writes: from then on the dead process's code may go on unwinding, but
its connection refuses everything, as if there were nobody.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from apps.common.clock import FrozenClock
from mecm_portal import startup
from mecm_portal.roles import Role
from mecm_portal.sqlite.base import DatabaseWrapper

FOLDERS = ("packages", "vim", "tmp")
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class SiteDied(BaseException):
    """The process of ``site`` ended between two writes."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.name)
        self.site = site


class Connection(DatabaseWrapper):
    """A database that a fuse watches: each write, each moment before and after a commit counts."""

    fuse: Fuse | None = None
    commits = 0

    def _commit(self) -> None:
        fuse = self.fuse
        if fuse is not None and fuse.burns():
            # Going back to autocommit would commit what is open.
            super()._rollback()
            raise SiteDied(fuse.site)
        super()._commit()
        self.commits += 1
        if fuse is not None and fuse.burns():
            raise SiteDied(fuse.site)


@dataclass
class Fuse:
    """How many points are left until the site dies."""

    site: Site
    left: int
    burnt: bool = False

    def burns(self) -> bool:
        """One more point has come: whether it is the last."""
        if not self.burnt:
            self.left -= 1
            self.burnt = self.left < 0
        return self.burnt

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Stands around each statement."""
        if self.burnt:
            raise SiteDied(self.site)
        writes = sql.startswith(_WRITES)
        if writes and self.burns():
            raise SiteDied(self.site)
        found = execute(sql, params, many, context)
        if writes and not context["connection"].in_atomic_block and self.burns():
            raise SiteDied(self.site)
        return found


@dataclass
class Backup:
    """A site as it was once.  ``number`` is how far the run's record of deeds was then."""

    data: sqlite3.Connection
    folder: Path
    number: int


class Site:
    """A center or an edge in this process."""

    def __init__(
        self, name: str, role: Role, urls: str, folder: Path, clock: FrozenClock
    ) -> None:
        self.name, self.folder, self.clock = name, folder, clock
        self.skew = timedelta(0)
        for part in FOLDERS:
            (folder / part).mkdir(parents=True)
        here = connections[DEFAULT_DB_ALIAS]
        options = {"transaction_mode": "IMMEDIATE"}
        wanted = {
            **here.settings_dict,
            "ENGINE": "mecm_portal.sqlite",
            "NAME": f"file:simulated-{name}?mode=memory",
            "OPTIONS": options,
        }
        self.connection = Connection(wanted, DEFAULT_DB_ALIAS)
        self.connection.ensure_connection()
        self._settings: Mapping[str, Any] = {
            "ROLE": role,
            "ROOT_URLCONF": urls,
            "SITE_NAME": name,
            "SITE_DIR": folder,
            "PACKAGE_DIR": folder / "packages",
            "VIM_STATE_DIR": folder / "vim",
            "FILE_UPLOAD_TEMP_DIR": folder / "tmp",
        }

    @property
    def raw(self) -> sqlite3.Connection:
        """The database itself, for who looks at it without the sites' code."""
        found: sqlite3.Connection = self.connection.connection
        return found

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Everything in the block happens at this site."""
        outside, at = connections[DEFAULT_DB_ALIAS], self.clock.at
        before = {name: getattr(settings, name) for name in self._settings}
        connections[DEFAULT_DB_ALIAS] = self.connection
        _set(self._settings)
        former = _INSIDE[-1] if _INSIDE else None
        self.clock.at = at - (former.skew if former else timedelta(0)) + self.skew
        _INSIDE.append(self)
        try:
            yield
        finally:
            _INSIDE.pop()
            true = self.clock.at - self.skew
            self.clock.at = true + (former.skew if former else timedelta(0))
            connections[DEFAULT_DB_ALIAS] = outside
            _set(before)

    # --- deaths ---------------------------------------------------------------------------------

    def arm(self, points: int) -> None:
        """Die at the so-many-th point from now, unless it is disarmed before."""
        self.disarm()
        fuse = Fuse(self, points)
        self.connection.fuse = fuse
        self.connection.execute_wrappers.append(fuse)

    def disarm(self) -> None:
        """Live on."""
        self.connection.fuse = None
        self.connection.execute_wrappers.clear()

    def restart(self) -> None:
        """A new process of the site: what its start does before any work."""
        self.disarm()
        connection = self.connection
        connection.in_atomic_block = connection.needs_rollback = False
        connection.savepoint_ids.clear()
        connection.run_on_commit.clear()
        if self.raw.in_transaction:
            self.raw.rollback()
        with self.inside():
            startup.forget_leases()
            startup.set_mark()

    # --- backups --------------------------------------------------------------------------------

    def load(self, data: sqlite3.Connection, folder: Path) -> None:
        """Become a copy of another site's data and files."""
        data.backup(self.raw)
        shutil.rmtree(self.folder / "packages")
        _copy(folder, self.folder / "packages")

    def back_up(self, number: int, folder: Path) -> Backup:
        """A copy of everything, with the files in a new ``folder``."""
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        self.raw.backup(kept)
        _copy(self.folder / "packages", folder)
        return Backup(kept, folder, number)

    def close(self) -> None:
        """Let go of the database."""
        self.raw.close()


_INSIDE: list[Site] = []


def _set(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)


def _copy(source: Path, target: Path) -> None:
    """Files never change once they are written, so that links are copies."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        os.link(file, target / file.name)
