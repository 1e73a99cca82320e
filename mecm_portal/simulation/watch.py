"""What must be true after every single step, whatever has just been lost or has died."""

from __future__ import annotations

import sqlite3

from mecm_portal.simulation import rows
from mecm_portal.simulation.model import Violation
from mecm_portal.simulation.world import World


class Watch:
    """Looks at both databases after each step and remembers what it saw."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner: dict[tuple[str, str], str] = {}
        self.stones: dict[tuple[str, str], int] = {}
        self.ended: set[str] = set()
        self.alive: set[str] = set()
        # What ever failed with its reason at either site: its kind or verb, and its id.
        self.failed: set[tuple[str, str]] = set()
        self.cursor = 0
        self.look()

    def set_back(self, name: str) -> None:
        """A site was restored: what it knows now is what counts, and what it had is forgotten."""
        acked = self._edge.execute("SELECT max(acked) FROM sync_reader").fetchone()[0]
        self.cursor = max(self.cursor, acked or 0)
        if name == "edge":
            self.stones = {}
            self.alive = set()
            # Of an end that only the edge knew of nobody knows any more.
            for site in self.world.sites:
                living = site.raw.execute("SELECT id FROM instances_appinstance")
                self.ended -= {key for (key,) in living}

    def look(self) -> None:
        """Raises Violation."""
        if self.world.complaints.told:
            raise Violation(f"an error was logged: {self.world.complaints.told[0]}")
        self._tenants()
        self._acknowledged()
        self._zombies()
        for site in self.world.sites:
            self.failed.update(rows.failed(site.raw))

    @property
    def _edge(self) -> sqlite3.Connection:
        return self.world.edge.raw

    def _tenants(self) -> None:
        for site in self.world.sites:
            for key, owner in rows.owners(site.raw).items():
                if self.owner.setdefault(key, owner) != owner:
                    raise Violation(f"{key} of {self.owner[key]} is {owner}'s at the {site.name}")

    def _acknowledged(self) -> None:
        """The edge believes of nothing that it is at the center before it is, and keeps its dead
        until then."""
        (cursor,) = self.world.center.raw.execute("SELECT cursor FROM hosts_applcm").fetchone()
        self.cursor = max(self.cursor, cursor)
        over = "acked < (SELECT COALESCE(MAX(upto), 0) FROM sync_forgotten)"
        readers = self._edge.execute(f"SELECT acked, {over} FROM sync_reader").fetchall()  # noqa: S608
        copying = "SELECT 1 FROM sync_peer WHERE copying IS NOT NULL"
        # A center that reads a full copy began again below what it had.
        begins = self.world.center.raw.execute(copying).fetchone()
        for acked, _ in readers:
            if acked > self.cursor and not begins:
                raise Violation(f"acknowledged up to {acked}, but the center has {self.cursor}")
        found = self._edge.execute("SELECT kind, subject_id, version FROM journal_tombstone")
        now = {(kind, key): version for kind, key, version in found}
        for key, version in self.stones.items():
            if key not in now and any(a < version and not over for a, over in readers):
                raise Violation(f"the end of {key} was forgotten before it was acknowledged")
        self.stones = now

    def _zombies(self) -> None:
        """An instance that was there and is gone never comes back."""
        there = {key for (key,) in self._edge.execute("SELECT id FROM instances_appinstance")}
        if back := self.ended & there:
            raise Violation(f"the instance {min(back)} came back after its end")
        self.ended |= self.alive - there
        self.alive = there
