"""What runs in the simulated world.  It is the world itself: no crash and no backup changes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from apps.common import clock
from apps.hosts.models import MecHost
from apps.vim.contract import Capacity, InstallSpec, Phase, ProbeResult, VimRefused, WorkloadStatus
from apps.vim.leftovers import Leftover

READY_AFTER = timedelta(seconds=1)
GONE_AFTER = timedelta(seconds=0.5)


@dataclass(slots=True)
class Workload:
    """One instance that runs, or is on its way out until ``gone_at``."""

    host_id: UUID
    package_id: UUID
    tenant_id: UUID
    since: datetime
    gone_at: datetime | None = None


@dataclass
class Everything:
    """All workloads of the world by instance, and how often each was started."""

    workloads: dict[UUID, Workload] = field(default_factory=dict)
    starts: Counter[UUID] = field(default_factory=Counter)

    def present(self) -> dict[UUID, Workload]:
        """What runs now."""
        now = clock.now()
        return {
            key: one
            for key, one in self.workloads.items()
            if one.gone_at is None or one.gone_at > now
        }


class Vim:
    """The driver of one host."""

    upgrades_in_place = False

    def __init__(self, everything: Everything, host: MecHost) -> None:
        self._all, self._host = everything, host

    def probe(self) -> ProbeResult:
        """A host that always answers."""
        return ProbeResult(
            kind="simulated", version="1", as_of=clock.now(), nodes=(),
            capacity=Capacity(cpus=8, memory_mb=8, storage_gb=8), architecture="X86",
            capabilities=(), simulated=True, notes=(),
        )

    def install(self, spec: InstallSpec) -> None:
        """Start it; what runs already is left alone."""
        there = self._all.present().get(spec.instance_id)
        if there is not None and there.gone_at is not None:
            raise VimRefused("still being removed", code="still_removing", retryable=True)
        if there is None:
            self._all.workloads[spec.instance_id] = Workload(
                self._host.pk, spec.package_id, spec.tenant_id, clock.now()
            )
            self._all.starts[spec.instance_id] += 1

    def status(self, instance_id: UUID) -> WorkloadStatus:
        """What is true."""
        now, there = clock.now(), self._all.present().get(instance_id)
        if there is None:
            return WorkloadStatus(Phase.ABSENT, now)
        if there.gone_at is not None:
            return WorkloadStatus(Phase.REMOVING, now)
        ready = now - there.since >= READY_AFTER
        return WorkloadStatus(Phase.READY if ready else Phase.INSTALLING, now)

    def uninstall(self, instance_id: UUID) -> None:
        """Begin its removal."""
        there = self._all.present().get(instance_id)
        if there is not None and there.gone_at is None:
            there.gone_at = clock.now() + GONE_AFTER

    def carried(self) -> list[Leftover]:
        """What runs on this host."""
        return [
            Leftover("Workload", "", str(key), str(key), str(one.host_id), str(key))
            for key, one in self._all.present().items()
            if one.host_id == self._host.pk and one.gone_at is None
        ]

    def remove_object(self, one: Leftover) -> bool:
        """Begin its removal."""
        self.uninstall(UUID(one.instance))
        return True
