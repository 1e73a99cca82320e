"""What a record looks like at a moment: a pure function of record, the file's faults, and time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.causes import cause
from apps.vim.contract import (
    Address,
    Container,
    ContainerUsage,
    InstanceUsage,
    Meter,
    Phase,
    Pod,
    Server,
    WorkloadStatus,
)
from apps.vim.servers import NOT_ACTIVE
from apps.vim.simulated_plan import death_for, roll
from apps.vim.simulated_record import Death, Record, Replica
from apps.vim.simulated_site import Fault

NETWORK = "sim-net"
PULLING = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "Unschedulable")
LOOPING = ("CrashLoopBackOff",)


def absent(now: datetime) -> WorkloadStatus:
    """The status of what is not there."""
    return WorkloadStatus(phase=Phase.ABSENT, as_of=now, simulated=True)


def last_ready(record: Record) -> datetime:
    """When the whole instance is planned to be ready; at once where it has no replica."""
    return max((replica.ready_at for replica in record.replicas), default=record.ordered_at)


def _death(record: Record, faults: Iterable[Fault]) -> Death | None:
    """What the world's file says now comes first; else what was planned with the order."""
    for fault in faults:
        if fault.kind == "die":
            begun = max(record.ordered_at, fault.since or record.ordered_at)
            late = fault.since is not None and fault.since > record.ordered_at
            if late and fault.after is None:
                survivors = fault.survivors
                total = len(record.replicas)
                return Death(begun, fault.cause, total // 2 if survivors is None else survivors)
            return death_for(fault, record, begun)
    return record.death


class Moment:
    """One record at one time."""

    def __init__(self, record: Record, faults: Iterable[Fault], now: datetime) -> None:
        met = [f for f in faults if f.active(now) and f.fits(*record.names)]
        self.record, self.now = record, now
        self.late = timedelta(seconds=sum(f.seconds for f in met if f.kind == "slow"))
        self.death = _death(record, met)
        self.last = last_ready(record) + self.late

    def dead(self, index: int) -> bool:
        """Whether the replica of this index has failed."""
        death = self.death
        return death is not None and death.at <= self.now and index >= death.survivors

    def was_up(self) -> bool:
        """Whether all was ready before the death, which then is a later trouble."""
        return self.death is None or self.death.at > self.last

    def up(self, index: int) -> bool:
        """Whether the replica of this index is ready, and was not halted since."""
        return self.came_up(index) and self.record.replicas[index].name not in self.record.halted

    def came_up(self, index: int) -> bool:
        """Whether the replica of this index got ready; one that dies half-way never does."""
        if self.record.replicas[index].ready_at + self.late > self.now or self.dead(index):
            return False
        return self.was_up() or (self.death is not None and index < self.death.survivors)

    def node(self, replica: Replica) -> str:
        """Its node, once the scheduler has chosen one: after an eighth of the way."""
        way = replica.ready_at + self.late - self.record.ordered_at
        return replica.node if self.now >= self.record.ordered_at + way / 8 else ""

    def phase(self) -> Phase:
        """Where the instance as a whole is."""
        indexes = range(len(self.record.replicas))
        if self.record.gone(self.now):
            return Phase.ABSENT
        if self.record.removing_at is not None:
            return Phase.REMOVING
        if self.death and any(self.dead(index) for index in indexes):
            later = self.was_up() and self.death.survivors
            return Phase.DEGRADED if later else Phase.FAILED
        if not all(self.came_up(index) for index in indexes):
            return Phase.INSTALLING
        return Phase.DEGRADED if self.record.halted else Phase.READY

    def reason(self, phase: Phase) -> Reason | None:
        """Why it is not Ready, where there is more to say than "not yet"."""
        if phase is Phase.REMOVING and self.record.gone_at is None:
            text = N_("The removal has begun and does not come to an end.")
            return Reason(text, "removal_hangs")
        dead = [one for i, one in enumerate(self.record.replicas) if self.dead(i)]
        if phase in (Phase.FAILED, Phase.DEGRADED) and self.death and dead:
            image = dead[0].images[0] if dead[0].images else ""
            return cause(self.death.cause, name=dead[0].name, image=image)
        if phase is Phase.DEGRADED:
            name, state = next(iter(self.record.halted.items()))
            return Reason(NOT_ACTIVE, "server_not_active", {"server": name, "state": state})
        return None

    def containers(self, index: int) -> tuple[Container, ...]:
        """The containers of one pod; where the package names no image, one without."""
        replica = self.record.replicas[index]
        state, word, restarts = self.state(index)
        images = replica.images or ("",)
        return tuple(
            Container(container_name(replica, number), image, state, restarts, word)
            for number, image in enumerate(images)
        )

    def state(self, index: int) -> tuple[str, str, int]:
        """State, the VIM's word for it and restarts of a replica's containers."""
        if self.record.removing_at is not None:
            return ("terminated", "", 0)
        if self.dead(index) and self.death:
            if self.death.cause in LOOPING:
                passed = (self.now - self.death.at).total_seconds()
                return ("waiting", self.death.cause, 1 + int(math.log2(passed / 10 + 1)))
            ended = self.death.cause not in PULLING
            return ("terminated" if ended else "waiting", self.death.cause, 0)
        if not self.up(index):
            return ("waiting", "ContainerCreating", 0)
        job = self.record.replicas[index].kind in ("Job", "CronJob")
        return ("terminated", "Completed", 0) if job else ("running", "", 0)

    def pod(self, index: int) -> Pod:
        """One pod as ``kubectl`` would tell it."""
        replica = self.record.replicas[index]
        state, word, _ = self.state(index)
        if self.record.removing_at is not None:
            phase = "Terminating"
        elif self.dead(index):
            phase = "Running" if word in LOOPING else "Pending" if word in PULLING else "Failed"
        else:
            phase = "Succeeded" if state == "terminated" else "Running"
            phase = phase if self.up(index) else "Pending"
        node = "" if word == "Unschedulable" else self.node(replica)
        return Pod(replica.name, replica.kind, phase, node, self.containers(index))

    def server(self, index: int) -> Server:
        """One server as Nova would tell it."""
        replica = self.record.replicas[index]
        status = "ERROR" if self.dead(index) else "BUILD"
        if self.came_up(index):
            status = self.record.halted.get(replica.name, "ACTIVE")
        if self.record.removing_at is not None:
            status = "DELETING"
        node = self.node(replica)
        return Server(
            name=replica.name,
            id=str(uuid5(NAMESPACE_OID, f"{self.record.instance_id}/{replica.name}")),
            status=status,
            addresses=(Address(NETWORK, replica.ip),) if node and replica.ip else (),
            node=node,
        )


def phase_at(record: Record, faults: Iterable[Fault], now: datetime) -> Phase:
    """Where an instance is at ``now``, without the details."""
    return Moment(record, faults, now).phase()


def status_at(record: Record, faults: Iterable[Fault], now: datetime) -> WorkloadStatus:
    """The whole truth about an instance at ``now``; Absent when nothing is left."""
    moment = Moment(record, faults, now)
    phase = moment.phase()
    if phase is Phase.ABSENT:
        return absent(now)
    indexes = range(len(record.replicas))
    is_vm = record.app_class == "vm"
    gone = record.removing_at is not None
    return WorkloadStatus(
        phase=phase,
        as_of=now,
        ready=0 if gone else sum(moment.up(index) for index in indexes),
        total=len(record.replicas),
        reason=moment.reason(phase),
        pods=() if is_vm else tuple(moment.pod(index) for index in indexes),
        services=() if gone else record.services,
        servers=tuple(moment.server(index) for index in indexes) if is_vm else (),
        scope=f"sim-{record.instance_id}",
        simulated=True,
    )


def lie_at(claim: str, record: Record, now: datetime) -> WorkloadStatus:
    """What a lying VIM says: Ready, Absent, Installing or Failed, whatever is true."""
    if claim == "Absent":
        return absent(now)
    death = Death(record.ordered_at, "Error", 0) if claim == "Failed" else None
    told = replace(record, death=death, removing_at=None, gone_at=None, halted={})
    then = record.ordered_at if claim == "Installing" else max(last_ready(record), now)
    return replace(status_at(told, (), then), as_of=now)


def load_at(
    record: Record, seed: int, faults: Iterable[Fault], now: datetime
) -> tuple[ContainerUsage, ...]:
    """A made-up but steady load of what runs: a slow wave around a third of what was asked for."""
    moment = Moment(record, faults, now)
    if record.removing_at is not None:
        return ()
    found = []
    for index, replica in enumerate(record.replicas):
        state, _, _ = moment.state(index)
        if not moment.up(index) or (state != "running" and record.app_class != "vm"):
            continue
        count = max(len(replica.images), 1)
        for number in range(count):
            share = _wave(seed, f"{replica.name}/{number}", now) / count
            found.append(
                ContainerUsage(
                    pod=replica.name,
                    container=container_name(replica, number),
                    cpu=_meter(replica.cpus, share, count),
                    memory=_meter(replica.memory_mb, share, count),
                    storage=_meter(replica.storage_gb, share, count),
                    instance=str(record.instance_id),
                )
            )
    return tuple(found)


def instance_loads(loads: Iterable[ContainerUsage]) -> tuple[InstanceUsage, ...]:
    """The load of each instance: the sum of what is known of its containers."""
    grouped: dict[str, list[ContainerUsage]] = {}
    for load in loads:
        grouped.setdefault(load.instance, []).append(load)
    return tuple(
        InstanceUsage(
            instance,
            cpu=_sum(load.cpu for load in rows),
            memory=_sum(load.memory for load in rows),
            storage=_sum(load.storage for load in rows),
        )
        for instance, rows in grouped.items()
    )


def _sum(meters: Iterable[Meter]) -> Meter:
    known = [meter for meter in meters if meter.used is not None]
    if not known:
        return Meter()
    return Meter(sum(one.used or 0 for one in known), sum(one.total or 0 for one in known))


def _meter(asked: float, share: float, count: int) -> Meter:
    """A part of what was asked for; where nothing was said, nothing is known."""
    return Meter(asked * share, asked / count) if asked else Meter()


def container_name(replica: Replica, number: int) -> str:
    """What the container of this number in a replica is called."""
    return replica.unit if number == 0 else f"{replica.unit}-{number + 1}"


def _wave(seed: int, name: str, now: datetime) -> float:
    angle = 2 * math.pi * (now.timestamp() / 300 + roll(seed, name) % 1000 / 1000)
    return 0.35 + 0.2 * math.sin(angle)
