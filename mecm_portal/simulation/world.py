"""The two sites, the wire and all that runs: built once, and set back to its beginning per run."""

from __future__ import annotations

import copy
import shutil
import sqlite3
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections

from apps.common import clock
from apps.hosts import managers
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.specs import ManagerSpec
from apps.sync import puller
from apps.tenants import keys, services
from apps.tenants.actors import SYSTEM
from apps.tenants.models import SigningKey
from apps.tenants.specs import TenantSpec
from examples.packages import build
from mecm_portal.roles import CENTER, EDGE
from mecm_portal.simulation import rows, work
from mecm_portal.simulation.deeds import EDGE_IP
from mecm_portal.simulation.deeds_rules import RuleDeeds
from mecm_portal.simulation.model import Model
from mecm_portal.simulation.site import Backup, Site
from mecm_portal.simulation.standins import Chance, Complaints, Tokens, standing_in, swapped
from mecm_portal.simulation.vim import Everything
from mecm_portal.simulation.wire import Wire

BEGINNING = datetime(2026, 1, 1, 8, tzinfo=UTC)
APPS = (("gauge", "1.0"), ("gauge", "1.1"), ("camera", "1.0"))


class World:
    """Everything of a run.  ``tally`` counts over all runs."""

    def __init__(self, folder: Path, time: clock.FrozenClock) -> None:
        self.folder, self.time = folder, time
        self.tally: Counter[str] = Counter()
        self.chance, self.remembered, self.complaints = Chance(), Tokens(), Complaints()
        self.vim, self.model, self.dice = Everything(), Model(), Random(0)  # noqa: S311 - dice
        self.center = Site("center", CENTER, "mecm_portal.urls", folder / "center", time)
        self.edge = Site("edge-1", EDGE, "mecm_portal.simulation.edge_urls", folder / "edge", time)
        self.edge.name = "edge"
        self.sites = (self.center, self.edge)
        self.csars = [
            build(folder / f"{name}-{version}.csar", name=name, version=version)
            for name, version in APPS
        ]
        self.edge_id = uuid.UUID(int=0)
        self.people: dict[str, RuleDeeds] = {}
        self.backups: dict[str, list[Backup]] = {}
        self._beginnings: dict[str, Backup] = {}
        self._begun: tuple[Everything, Model, datetime] = (self.vim, self.model, BEGINNING)
        self._folders = 0

    def build(self, empty: sqlite3.Connection) -> None:
        """Make the beginning from an ``empty``, migrated database: both sites in accord."""
        self.wire = Wire(self.edge, self.tally)
        for site in self.sites:
            empty.backup(site.raw)
        self._reset_parts(0)
        _introduce(self)
        for site in self.sites:
            people = self.people[site.name]
            with site.inside():
                people.add_host()
                people.upload()
        self.settle()
        for site in self.sites:
            with site.inside():
                self.people[site.name].instantiate()
        self.settle()
        self._beginnings = {
            site.name: site.back_up(0, self.folder / f"beginning-{site.name}")
            for site in self.sites
        }
        self._begun = copy.deepcopy((self.vim, self.model, self.time.at))

    def settle(self) -> None:
        """Let both sites work and talk for a while."""
        for _ in range(12):
            for site in (self.edge, self.center):
                with site.inside():
                    work.do_all()
            with self.center.inside():
                puller.pull(self.edge_id)
            self.pass_time(20)

    def begin(self, seed: int) -> None:
        """Set everything back to its beginning, with the chance of ``seed``."""
        for site in self.sites:
            site.disarm()
            site.skew = timedelta(0)
            beginning = self._beginnings[site.name]
            site.load(beginning.data, beginning.folder)
        self._reset_parts(seed)
        vim, self.model, self.time.at = copy.deepcopy(self._begun)
        self.vim.workloads.update(vim.workloads)
        self.vim.starts.update(vim.starts)
        self.model.at_center = self._at_center
        for people in self.people.values():
            people.model, people.count = self.model, 100

    def _reset_parts(self, seed: int) -> None:
        self.chance.seed(seed)
        self.dice = Random(f"simulation {seed}")  # noqa: S311 - to be the same again
        self.remembered.forget()
        self.complaints.told.clear()
        self.time.at = BEGINNING
        self.vim.workloads.clear()
        self.vim.starts.clear()
        self.model = Model()
        self.wire.reset(self.dice)
        self.backups = {site.name: [] for site in self.sites}
        self.people = {
            site.name: RuleDeeds(site.name, self.dice, self.model, self.csars)
            for site in self.sites
        }

    def _at_center(self, key: tuple[str, ...]) -> object:
        told = rows.values_of(self.center.raw, key)
        return told[0] if told else None

    def pass_time(self, seconds: float) -> None:
        """Let time go on for everybody."""
        self.time.advance(seconds=seconds)

    def back_up(self, site: Site) -> None:
        """Keep a copy of a site, the last three of each."""
        self._folders += 1
        kept = site.back_up(self.model.number, self.folder / f"backup-{self._folders}")
        self.backups[site.name] = [*self.backups[site.name], kept][-3:]


def _introduce(world: World) -> None:
    """Two tenants at the center, one at the edge, keys, and the edge in the center's inventory."""
    key, its_key = (_key_of(site, number) for number, site in enumerate(world.sites))
    with world.center.inside():
        for name in ("red", "blue"):
            services.create_tenant(actor=SYSTEM, spec=TenantSpec(name))
        spec = ManagerSpec("far", EDGE_IP, 8100)
        world.edge_id = managers.register(AppLcm, actor=SYSTEM, spec=spec).pk
        managers.register(AppRuleManager, actor=SYSTEM, spec=spec)
        managers.note_identity(applcm_id=world.edge_id, site_id=its_key.site_id)
        _trust(its_key)
    with world.edge.inside():
        services.create_tenant(actor=SYSTEM, spec=TenantSpec("local"))
        _trust(key)
    world.edge.restart()
    world.center.restart()


def _key_of(site: Site, number: int) -> SigningKey:
    """The key of a site, the same in each run."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(number, number + 32)))
    made = staticmethod(lambda: private)
    with swapped((Ed25519PrivateKey, "generate", made)), site.inside():
        return keys.own_key()


def _trust(key: SigningKey) -> None:
    keys.trust(
        kid=key.kid, site_id=key.site_id, site_name=key.site_name, public_key=key.public_key
    )


# A folder of files in memory, where the system has one.
MEMORY = Path("/dev/shm")  # noqa: S108 - in it, each run makes a folder of its own


@contextmanager
def simulated(empty: sqlite3.Connection | None = None) -> Iterator[World]:
    """A world, and nothing but it, for the length of the block.

    ``empty`` is a migrated database without rows; without one it is made, which takes seconds.
    """
    base = MEMORY if MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=base))
    try:
        with clock.frozen(BEGINNING) as time:
            world = World(folder, time)
            with standing_in(
                chance=world.chance,
                everything=world.vim,
                remembered=world.remembered,
                complaints=world.complaints,
                transport=lambda: world.wire,
            ):
                world.build(empty or empty_database())
                yield world
            for site in world.sites:
                site.close()
    finally:
        shutil.rmtree(folder)


def empty_database() -> sqlite3.Connection:
    """A database with all tables and no rows of this project."""
    here = connections[DEFAULT_DB_ALIAS]
    made = type(here)({**here.settings_dict, "NAME": "file:empty?mode=memory"}, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = made
    try:
        call_command("migrate", verbosity=0)
    finally:
        connections[DEFAULT_DB_ALIAS] = here
    found: sqlite3.Connection = made.connection
    return found
