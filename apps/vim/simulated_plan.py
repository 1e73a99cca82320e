"""From an order to a record: names, nodes, addresses, times from the seed.  No clock, no file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from django.utils.translation import gettext_noop as N_

from apps.vim.contract import InstallSpec, WorkloadPort, WorkloadUnit
from apps.vim.errors import VimRefused
from apps.vim.results import ServiceInfo, ServicePort
from apps.vim.simulated_record import Death, Record, Replica
from apps.vim.simulated_site import Fault, Site

NODE_PORTS = range(30000, 32768)
MAX_REPLICAS = 1000


def roll(seed: int, *parts: str) -> int:
    """A large number that depends on nothing but the seed and the parts."""
    return int.from_bytes(sha256("\0".join([str(seed), *parts]).encode()).digest()[:8])


def node_names(site: Site) -> list[str]:
    """The names of a site's nodes."""
    return [f"sim-{index + 1}" for index in range(site.nodes)]


def taken(records: Iterable[Record]) -> dict[str, tuple[float, float, float]]:
    """What records take of each node: vCPU, MiB, GiB."""
    used: dict[str, tuple[float, float, float]] = {}
    for replica in (replica for record in records for replica in record.replicas):
        cpus, memory, storage = used.get(replica.node, (0.0, 0.0, 0.0))
        used[replica.node] = (
            cpus + replica.cpus,
            memory + replica.memory_mb,
            storage + replica.storage_gb,
        )
    return used


@dataclass(slots=True)
class _Room:
    """What is still free while one order is placed."""

    site: Site
    records: list[Record]
    free: dict[str, list[float]] = field(default_factory=dict)
    ips: set[str] = field(default_factory=set)
    node_ports: dict[int, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        used = taken(self.records)
        for name in node_names(self.site):
            cpus, memory, storage = used.get(name, (0.0, 0.0, 0.0))
            self.free[name] = [
                self.site.cpus - cpus,
                self.site.memory_mb - memory,
                self.site.storage_gb - storage,
            ]
        for record in self.records:
            self.ips.update(replica.ip for replica in record.replicas)
            self.ips.update(service.cluster_ip for service in record.services)
            for service in record.services:
                held = [p.node_port for p in service.ports if p.node_port]
                self.node_ports.update(dict.fromkeys(held, record))

    def node_for(self, unit: WorkloadUnit, start: int, only: str = "") -> str:
        """The emptiest node that fits one replica, booked at once; VimRefused if none does."""
        asks = [float(unit.vcpus), float(unit.memory_mb), float(unit.storage_gb)]
        names = [only] if only else list(self.free)
        names = names[start % len(names) :] + names[: start % len(names)]
        fitting = [
            name
            for name in names
            if all(ask <= left + 1e-9 for ask, left in zip(asks, self.free[name], strict=True))
        ]
        if not fitting:
            best = max(names, key=lambda name: self.free[name][0])
            cpus, memory, storage = self.free[best]
            raise VimRefused(
                N_(
                    "No node fits %(name)s: it asks for %(cpus)s vCPU, %(memory)s MiB and "
                    "%(storage)s GiB; %(node)s, the emptiest node, has %(free_cpus)s vCPU, "
                    "%(free_memory)s MiB and %(free_storage)s GiB left."
                ),
                code="no_node_fits",
                name=unit.name,
                cpus=f"{unit.vcpus:g}",
                memory=f"{unit.memory_mb:g}",
                storage=f"{unit.storage_gb:g}",
                node=best,
                free_cpus=f"{max(cpus, 0):g}",
                free_memory=f"{max(memory, 0):g}",
                free_storage=f"{max(storage, 0):g}",
            )
        chosen = max(fitting, key=lambda name: self.free[name][0])
        self.free[chosen] = [left - ask for left, ask in zip(self.free[chosen], asks, strict=True)]
        return chosen

    def ip(self, prefix: str, start: int) -> str:
        """A free address of the /16 ``prefix``."""
        for step in range(65000):
            number = (start + step) % 65000 + 10
            found = f"{prefix}.{number // 256}.{number % 256}"
            if found not in self.ips:
                self.ips.add(found)
                return found
        raise VimRefused(N_("No address is left on the network %(name)s."), name=prefix)

    def node_port(self, wanted: int, start: int, spec: InstallSpec, holder: Record) -> int:
        """The wanted node port, or any free one for 0; VimRefused names who holds it."""
        if wanted:
            if wanted in self.node_ports:
                raise _port_taken(wanted, self.node_ports[wanted], spec)
            self.node_ports[wanted] = holder
            return wanted
        for step in range(len(NODE_PORTS)):
            found = NODE_PORTS[(start + step) % len(NODE_PORTS)]
            if found not in self.node_ports:
                self.node_ports[found] = holder
                return found
        raise VimRefused(N_("No node port is left."), code="no_node_port")


def _port_taken(port: int, by: Record, spec: InstallSpec) -> VimRefused:
    if by.tenant_id != str(spec.tenant_id):
        text = N_("Node port %(port)s is taken by an instance of another tenant.")
        return VimRefused(text, code="node_port_taken", port=port)
    text = N_("Node port %(port)s is taken by %(app)s, instance %(holder)s.")
    return VimRefused(
        text, code="node_port_taken", port=port, app=by.app_name, holder=by.instance_id
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "app"


def _units(spec: InstallSpec) -> tuple[WorkloadUnit, ...]:
    if spec.workload:
        return spec.workload
    kind = "VM" if spec.app_class == "vm" else "Deployment"
    return (WorkloadUnit(name=spec.app_name or "app", kind=kind),)


def _names(unit: WorkloadUnit, spec: InstallSpec, site: Site) -> Iterator[tuple[str, str]]:
    """Name and, for a DaemonSet, node of each replica."""
    base, key = _slug(unit.name), str(spec.instance_id)
    hashes = [f"{roll(site.seed, key, unit.name, str(i)):016x}" for i in range(unit.replicas)]
    if unit.kind == "DaemonSet":
        for node in node_names(site):
            yield f"{base}-{roll(site.seed, key, unit.name, node):016x}"[: len(base) + 6], node
    elif unit.kind in ("StatefulSet", "VM") or spec.app_class == "vm":
        for index in range(unit.replicas):
            yield f"{base}-{index}", ""
    elif unit.kind == "Pod" and unit.replicas == 1:
        yield base, ""
    else:
        group = f"{roll(site.seed, key, unit.name):016x}"[:10]
        for text in hashes:
            yield f"{base}-{group}-{text[:5]}", ""


def _replicas(
    unit: WorkloadUnit, spec: InstallSpec, room: _Room, now: datetime, slow: float
) -> Iterator[Replica]:
    site, key = room.site, str(spec.instance_id)
    for name, only in _names(unit, spec, site):
        chance = roll(site.seed, key, name)
        share = 0.5 + 0.5 * (chance % 1000) / 1000
        prefix = "10.20" if spec.app_class == "vm" else "10.244"
        yield Replica(
            name=name,
            unit=unit.name,
            kind=unit.kind,
            node=room.node_for(unit, chance, only),
            images=unit.images,
            cpus=float(unit.vcpus),
            memory_mb=float(unit.memory_mb),
            storage_gb=float(unit.storage_gb),
            ready_at=now + timedelta(seconds=site.ready_after * share + slow),
            ip=room.ip(prefix, chance),
        )


def _service(unit: WorkloadUnit, spec: InstallSpec, room: _Room, holder: Record) -> ServiceInfo:
    key = (str(spec.instance_id), unit.name)

    def opened(port: WorkloadPort) -> ServicePort:
        chance = roll(room.site.seed, *key, str(port.port), port.protocol)
        node_port = (
            None if port.node_port is None else room.node_port(port.node_port, chance, spec, holder)
        )
        target = str(port.target_port or port.port)
        return ServicePort(port.port, target, node_port, port.protocol)

    ports = tuple(opened(port) for port in unit.ports)
    outside = any(port.node_port is not None for port in ports)
    return ServiceInfo(
        name=_slug(unit.name),
        type="NodePort" if outside else "ClusterIP",
        cluster_ip=room.ip("10.96", roll(room.site.seed, *key, "service")),
        ports=ports,
    )


def death_for(fault: Fault, record: Record, begun: datetime) -> Death | None:
    """The death that a fault brings to a record, counted from ``begun``; None when all survive."""
    total = len(record.replicas)
    survivors = total // 2 if fault.survivors is None else fault.survivors
    if survivors >= total:
        return None
    if fault.after is not None:
        at = begun + timedelta(seconds=fault.after)
    elif survivors:
        at = max(begun, *(replica.ready_at for replica in record.replicas[:survivors]))
    else:
        at = begun + (max(replica.ready_at for replica in record.replicas) - begun) / 2
        at = max(begun, at)
    return Death(at, fault.cause, survivors)


def plan(
    spec: InstallSpec, site: Site, others: Iterable[Record], faults: Iterable[Fault], now: datetime
) -> Record:
    """The record of an order beside what is already there; VimRefused when it does not fit.

    ``faults`` are those that the order meets; ``slow`` and ``die`` become part of the record.
    """
    met = list(faults)
    units = _units(spec)
    if sum(max(unit.replicas, 1) for unit in units) > MAX_REPLICAS:
        text = N_("More than %(limit)s replicas in one instance are too many.")
        raise VimRefused(text, code="too_many_replicas", limit=MAX_REPLICAS)
    room = _Room(site, list(others))
    slow = sum(fault.seconds for fault in met if fault.kind == "slow")
    blank = Record(
        instance_id=str(spec.instance_id),
        tenant_id=str(spec.tenant_id),
        package_id=str(spec.package_id),
        app_name=spec.app_name,
        app_class=spec.app_class,
        ordered_at=now,
        replicas=(),
    )
    replicas = tuple(r for unit in units for r in _replicas(unit, spec, room, now, slow))
    container = spec.app_class == "container"
    services = tuple(
        _service(unit, spec, room, blank) for unit in units if container and unit.ports
    )
    record = replace(blank, replicas=replicas, services=services)
    dying = next((fault for fault in met if fault.kind == "die"), None)
    return replace(record, death=death_for(dying, record, now) if dying else None)
