"""The simulated driver: honest about running nothing, deterministic, and able to fail on demand.

Not a mock: it keeps a world of its own (simulated_world) that outlives every process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import NotFound, NotOffered
from apps.common.words import Reason
from apps.vim.contract import (
    Capacity,
    Credentials,
    HostSettings,
    InstallSpec,
    Meter,
    Node,
    Phase,
    ProbeResult,
    Usage,
    VimRefused,
    VimUnreachable,
    WorkloadStatus,
)
from apps.vim.images import NewImage, VimImage
from apps.vim.resources import CloudResources, ResourceKind
from apps.vim.servers import Action, ServerDetails
from apps.vim.simulated_images import Shelf, images_path, require_active
from apps.vim.simulated_plan import node_names, plan, taken
from apps.vim.simulated_record import Record
from apps.vim.simulated_servers import acted, no_server, rows_of, server_at, servers_at
from apps.vim.simulated_site import Fault, read_site
from apps.vim.simulated_view import (
    absent,
    instance_loads,
    lie_at,
    load_at,
    phase_at,
    status_at,
)
from apps.vim.simulated_voices import events_at, log_at
from apps.vim.simulated_world import Contents, World, world_path
from apps.vim.voices import LogPage, LogQuery, WorkloadEvent

VERSION = "1"
SOURCE = "simulated"


class SimulatedVim:
    """A VIM whose workloads are entries in a file; both containers and virtual machines."""

    upgrades_in_place = False

    def __init__(
        self,
        *,
        host_id: UUID,
        credentials: Credentials,
        state_dir: Path,
        settings: HostSettings | None = None,
    ) -> None:
        self._host_id = host_id
        self._site = read_site(credentials.content)
        self._world = World(world_path(state_dir, host_id))
        self._shelf = Shelf(images_path(state_dir, host_id))

    @staticmethod
    def describe_credentials(content: bytes) -> dict[str, Any]:
        """The size of the site and its faults; the token only as "is there"."""
        site = read_site(content)
        return {
            "kind": "simulated",
            "simulated": True,
            "seed": site.seed,
            "nodes": site.nodes,
            "cpus": site.cpus,
            "memory_mb": site.memory_mb,
            "storage_gb": site.storage_gb,
            "architecture": site.architecture,
            "capabilities": list(site.capabilities),
            "ready_after": site.ready_after,
            "remove_after": site.remove_after,
            "metrics": site.metrics,
            "token": bool(site.token),
            "faults": [fault.as_json() for fault in site.faults],
        }

    def probe(self) -> ProbeResult:
        """The site's size and what its instances take of it."""
        contents, now = self._look()
        site = self._site
        used = list(taken(contents.present(now)).values())
        node = {"cpus": site.cpus, "memory_mb": site.memory_mb, "storage_gb": site.storage_gb}
        return ProbeResult(
            kind="simulated",
            version=VERSION,
            as_of=now,
            nodes=tuple(Node(name=name, ready=True, **node) for name in node_names(site)),
            capacity=Capacity(
                cpus=site.cpus * site.nodes,
                memory_mb=site.memory_mb * site.nodes,
                storage_gb=site.storage_gb * site.nodes,
                cpus_used=sum(cpus for cpus, _, _ in used),
                memory_mb_used=sum(memory for _, memory, _ in used),
                storage_gb_used=sum(storage for _, _, storage in used),
            ),
            architecture=site.architecture,
            capabilities=site.capabilities,
            simulated=True,
            notes=tuple(self._notes(contents)),
        )

    def _notes(self, contents: Contents) -> Iterator[Reason]:
        yield Reason(N_("This site is simulated: nothing really runs on it."), "simulated")
        if contents.repaired_at is not None:
            text = N_("The world's file was found damaged at %(at)s; the copy before it is used.")
            yield Reason(text, "world_repaired", {"at": contents.repaired_at.isoformat()})
        if not self._site.metrics:
            yield Reason(N_("There is no metrics source on this site."), "no_metrics")

    def install(self, spec: InstallSpec) -> None:
        """Plan the instance's future and write it down; see the contract for what a repeat does."""
        self._look()
        if spec.app_class not in ("container", "vm"):
            text = N_("A simulated site runs containers and virtual machines, not “%(what)s”.")
            raise VimRefused(text, code="app_class", what=spec.app_class)
        key = str(spec.instance_id)
        with self._world.change() as contents:
            now = clock.now()
            present = contents.records.get(key)
            if present is not None:
                if present.removing_at is not None:
                    text = N_("The instance is still being removed.")
                    raise VimRefused(text, code="still_removing", retryable=True)
                if phase_at(present, contents.faults, now) is not Phase.FAILED:
                    return
            for fault in self._faults(contents, now, "refuse", spec.app_name, key):
                raise _refusal(N_("The simulated VIM refused to install: %(words)s."), fault)
            met = [f for f in self._site.faults if f.active(now) and f.fits(spec.app_name, key)]
            others = [record for record in contents.records.values() if record is not present]
            contents.records[key] = plan(spec, self._site, others, met, now)

    def status(self, instance_id: UUID) -> WorkloadStatus:
        """The truth, unless a fault makes the site lie."""
        contents, now = self._look()
        record = contents.records.get(str(instance_id))
        if record is None or record.gone(now):
            return absent(now)
        for fault in self._faults(contents, now, "lie", *record.names):
            if _lies(fault, record, now):
                return lie_at(fault.says, record, now)
        return status_at(record, contents.faults, now)

    def uninstall(self, instance_id: UUID) -> None:
        """Write down when the instance will be gone."""
        self._look()
        key = str(instance_id)
        with self._world.change() as contents:
            now = clock.now()
            record = contents.records.get(key)
            if record is None or record.gone_at is not None:
                return
            for fault in self._faults(contents, now, "uninstall_refuses", *record.names):
                raise _refusal(N_("The simulated VIM refused to remove: %(words)s."), fault)
            hangs = any(self._faults(contents, now, "uninstall_hangs", *record.names))
            gone_at = None if hangs else now + timedelta(seconds=self._site.remove_after)
            removing_at = record.removing_at or now
            contents.records[key] = replace(record, removing_at=removing_at, gone_at=gone_at)

    def usage(self, instance_id: UUID | None = None) -> Usage:
        """A made-up load, marked as simulated; nothing where the site has no metrics source."""
        contents, now = self._look()
        if not self._site.metrics:
            text = N_("There is no metrics source on this site.")
            return Usage(as_of=now, reason=Reason(text, "no_metrics"))
        present = contents.present(now)
        if instance_id is not None:
            present = [r for r in present if r.instance_id == str(instance_id)]
            if not present:
                text = N_("Nothing of this instance runs on this site.")
                return Usage(as_of=now, reason=Reason(text, "absent"))
        loads = [
            load
            for record in present
            for load in load_at(record, self._site.seed, contents.faults, now)
        ]
        site = self._site
        return Usage(
            as_of=now,
            cpu=Meter(sum(load.cpu.used or 0 for load in loads), site.cpus * site.nodes),
            memory=Meter(sum(load.memory.used or 0 for load in loads), site.memory_mb * site.nodes),
            storage=Meter(
                sum(load.storage.used or 0 for load in loads), site.storage_gb * site.nodes
            ),
            source=SOURCE,
            containers=tuple(loads),
            instances=instance_loads(loads) if instance_id is None else (),
        )

    def events(self, instance_id: UUID) -> tuple[WorkloadEvent, ...]:
        """What the record says has happened until now."""
        contents, now = self._look()
        record = contents.records.get(str(instance_id))
        return () if record is None else events_at(record, contents.faults, now)

    def logs(self, instance_id: UUID, query: LogQuery) -> LogPage:
        """A page of made-up lines; they stay the same for whoever asks again."""
        contents, now = self._look()
        record = contents.records.get(str(instance_id))
        if record is None or record.gone(now):
            raise NotFound(N_("Nothing of this instance runs on this site."), code="absent")
        return log_at(record, self._site.seed, contents.faults, now, query)

    def server(self, instance_id: UUID, server_id: str) -> ServerDetails:
        """One server of the record."""
        contents, now = self._look()
        return server_at(_record_in(contents, instance_id, server_id), contents.faults, now,
                         server_id)

    def act(self, instance_id: UUID, server_id: str, action: Action) -> ServerDetails:
        """Write down that a server is halted, or goes on; it takes no time."""
        self._look()
        with self._world.change() as contents:
            record = _record_in(contents, instance_id, server_id)
            before = server_at(record, contents.faults, clock.now(), server_id)
            before.require(action)
            contents.records[record.instance_id] = acted(record, before, action)
        return before

    def screen(self, instance_id: UUID, server_id: str) -> str:
        """Nothing runs that could show one."""
        self.server(instance_id, server_id).require(Action.CONSOLE)
        raise NotOffered(N_("A simulated server has no screen."), code="no_screen")

    def resources(self, kind: ResourceKind) -> CloudResources:
        """What the site would have if it were a project of a cloud."""
        contents, now = self._look()
        present = contents.present(now)
        servers = [one for row in present for one in servers_at(row, contents.faults, now)]
        return CloudResources(kind, now, rows_of(kind, self._site, servers, self._shelf.all(now)))

    def images(self, name: str = "") -> tuple[VimImage, ...]:
        """What lies on the shelf."""
        _, now = self._look()
        return tuple(one for one in self._shelf.all(now) if name in ("", one.name))

    def image(self, image_id: str) -> VimImage | None:
        """One of them."""
        _, now = self._look()
        return self._shelf.one(image_id, now)

    def upload_image(self, new: NewImage, pieces: Iterable[bytes]) -> VimImage:
        """Put one on the shelf."""
        _, now = self._look()
        return self._shelf.upload(new, pieces, now)

    def snapshot_server(self, server_id: str, new: NewImage) -> VimImage:
        """One that is active when a workload would be ready."""
        contents, now = self._look()
        present = contents.present(now)
        rows = (row for one in present for row in status_at(one, contents.faults, now).servers)
        if not any(row.id == server_id for row in rows):
            text = N_("The simulated VIM has no server “%(server)s”.")
            raise VimRefused(text, code="server_missing", server=server_id)
        ready_at = now + timedelta(seconds=self._site.ready_after)
        return self._shelf.snapshot(server_id, new, now, ready_at)

    def read_image(self, image_id: str, offset: int = 0) -> Iterator[bytes]:
        """Read one from the shelf."""
        _, now = self._look()
        return self._shelf.read(require_active(self._shelf.one(image_id, now)).id, offset)

    def remove_image(self, image_id: str) -> bool:
        """Take one off the shelf."""
        self._look()
        return self._shelf.remove(image_id)

    def _look(self) -> tuple[Contents, datetime]:
        """The world and the time, unless the site cannot be reached now."""
        contents, now = self._world.read(), clock.now()
        for _ in self._faults(contents, now, "unreachable", str(self._host_id)):
            raise VimUnreachable(N_("The simulated VIM does not answer."))
        return contents, now

    def _faults(self, contents: Contents, now: datetime, kind: str, *names: str) -> Iterator[Fault]:
        """The active faults of one kind for one name, those of the world's file first."""
        for fault in (*contents.faults, *self._site.faults):
            if fault.kind == kind and fault.active(now) and fault.fits(*names):
                yield fault


def _record_in(contents: Contents, instance_id: UUID, server_id: str) -> Record:
    """The record of the instance that a server is asked of; NotFound where there is none."""
    record = contents.records.get(str(instance_id))
    if record is None:
        raise no_server(server_id)
    return record


def _refusal(text: str, fault: Fault) -> VimRefused:
    return VimRefused(text, code="simulated_refusal", words=fault.says or "no")


def _lies(fault: Fault, record: Record, now: datetime) -> bool:
    """Whether it is the lie's turn and not the truth's."""
    if not fault.every:
        return True
    turns = (now - record.ordered_at).total_seconds() / fault.every
    return int(turns) % 2 == 0
