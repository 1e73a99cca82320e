"""What drivers answer: frozen values that survive JSON.  Not what they are asked: see contract."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.words import Reason

# Types whose values JSON takes as they are; not their subclasses.
_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


class Phase(StrEnum):
    """Where a workload is, as its VIM tells it now."""

    ABSENT = "Absent"
    INSTALLING = "Installing"
    READY = "Ready"
    DEGRADED = "Degraded"
    FAILED = "Failed"
    REMOVING = "Removing"


def plain(value: Any) -> Any:
    """A result as JSON data: times as ISO 8601, reasons by ``Reason.as_json``, tuples as lists."""
    kind: Any = type(value)
    if kind in _AS_IT_IS:
        return value
    if isinstance(value, Reason):
        return {**value.as_json(), "params": {k: plain(v) for k, v in value.params.items()}}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    names = _names(kind)
    return value if names is None else {name: plain(getattr(value, name)) for name in names}


@lru_cache(maxsize=64)
def _names(kind: type[object]) -> tuple[str, ...] | None:
    """The fields of a kind of result; None of any other type."""
    if not dataclasses.is_dataclass(kind):
        return None
    return tuple(one.name for one in dataclasses.fields(kind))


def items_of(data: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a list; none where it is missing or null."""
    return data.get(name) or ()


def reason_of(data: Any) -> Reason | None:
    """The reason that ``plain`` wrote."""
    return Reason.from_json(data) if data else None


def number_of(value: Any) -> float | None:
    """A number, or None for "not known"."""
    return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Container:
    """One container; ``state`` is waiting, running or terminated, ``reason`` the VIM's own word."""

    name: str
    image: str
    state: str
    restarts: int = 0
    reason: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The container that ``plain`` wrote."""
        return cls(
            name=str(data["name"]),
            image=str(data.get("image") or ""),
            state=str(data["state"]),
            restarts=int(data.get("restarts") or 0),
            reason=str(data.get("reason") or ""),
        )


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod.  ``kind`` is its owner's (Deployment, StatefulSet, DaemonSet, Job, Pod ...).

    ``phase`` is Pending, Running, Succeeded, Failed, Unknown, and Terminating while being deleted;
    ``node`` is empty while no node has been chosen.
    """

    name: str
    kind: str
    phase: str
    node: str = ""
    containers: tuple[Container, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The pod that ``plain`` wrote."""
        return cls(
            name=str(data["name"]),
            kind=str(data.get("kind") or "Pod"),
            phase=str(data["phase"]),
            node=str(data.get("node") or ""),
            containers=tuple(Container.from_json(c) for c in items_of(data, "containers")),
        )


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a service; ``node_port`` is None where nothing is opened on the nodes."""

    port: int
    target_port: str
    node_port: int | None = None
    protocol: str = "TCP"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The port that ``plain`` wrote."""
        node_port = data.get("node_port")
        return cls(
            port=int(data["port"]),
            target_port=str(data.get("target_port") or data["port"]),
            node_port=None if node_port is None else int(node_port),
            protocol=str(data.get("protocol") or "TCP"),
        )


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service in front of pods; ``type`` is ClusterIP, NodePort or LoadBalancer."""

    name: str
    type: str
    cluster_ip: str = ""
    ports: tuple[ServicePort, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The service that ``plain`` wrote."""
        return cls(
            name=str(data["name"]),
            type=str(data.get("type") or "ClusterIP"),
            cluster_ip=str(data.get("cluster_ip") or ""),
            ports=tuple(ServicePort.from_json(p) for p in items_of(data, "ports")),
        )


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a server on one network."""

    network: str
    ip: str


@dataclass(frozen=True, slots=True)
class Server:
    """One virtual machine; ``status`` is Nova's word (BUILD, ACTIVE, ERROR), or DELETING."""

    name: str
    id: str
    status: str
    addresses: tuple[Address, ...] = ()
    console_url: str = ""
    node: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The server that ``plain`` wrote."""
        found = items_of(data, "addresses")
        return cls(
            name=str(data["name"]),
            id=str(data["id"]),
            status=str(data["status"]),
            addresses=tuple(Address(str(a["network"]), str(a["ip"])) for a in found),
            console_url=str(data.get("console_url") or ""),
            node=str(data.get("node") or ""),
        )


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """Another object of a workload (a Deployment, an Ingress, a volume claim) and its state."""

    kind: str
    name: str
    state: str = ""
    detail: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The object that ``plain`` wrote."""
        state, detail = str(data.get("state") or ""), str(data.get("detail") or "")
        return cls(str(data["kind"]), str(data["name"]), state, detail)


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """The truth about one instance at ``as_of``: ``ready`` of ``total`` pods or servers.

    ``reason`` says in words why it is not Ready; ``scope`` is where an operator finds it (namespace
    or stack); ``simulated`` is True where nothing of this really runs.
    """

    phase: Phase
    as_of: datetime
    ready: int = 0
    total: int = 0
    reason: Reason | None = None
    pods: tuple[Pod, ...] = ()
    services: tuple[ServiceInfo, ...] = ()
    servers: tuple[Server, ...] = ()
    objects: tuple[ObjectInfo, ...] = ()
    scope: str = ""
    simulated: bool = False

    def as_json(self) -> dict[str, Any]:
        """The status as plain data for a column or a message between sites."""
        data: dict[str, Any] = plain(self)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The status that ``as_json`` wrote; unknown keys are ignored, nonsense is Invalid."""
        try:
            return cls(
                phase=Phase(data["phase"]),
                as_of=datetime.fromisoformat(data["as_of"]),
                ready=int(data.get("ready") or 0),
                total=int(data.get("total") or 0),
                reason=reason_of(data.get("reason")),
                pods=tuple(Pod.from_json(p) for p in items_of(data, "pods")),
                services=tuple(ServiceInfo.from_json(s) for s in items_of(data, "services")),
                servers=tuple(Server.from_json(s) for s in items_of(data, "servers")),
                objects=tuple(ObjectInfo.from_json(o) for o in items_of(data, "objects")),
                scope=str(data.get("scope") or ""),
                simulated=bool(data.get("simulated")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid(N_("This is not the status of a workload.")) from error

    def name_of(self, server_id: str) -> str:
        """What a server is called; its id where it was not seen."""
        return next((one.name for one in self.servers if one.id == server_id), server_id)

    def same_as(self, other: WorkloadStatus | None) -> bool:
        """Whether both tell the same, whenever they were taken: nothing to announce then."""
        return other is not None and dataclasses.replace(self, as_of=other.as_of) == other


@dataclass(frozen=True, slots=True)
class Capacity:
    """Totals of a site and what is promised to workloads; None is "not known", never zero.

    Processors in vCPU, memory in MiB, storage in GiB.
    """

    cpus: float | None = None
    memory_mb: float | None = None
    storage_gb: float | None = None
    cpus_used: float | None = None
    memory_mb_used: float | None = None
    storage_gb_used: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of a site with what it offers to workloads."""

    name: str
    ready: bool
    cpus: float | None = None
    memory_mb: float | None = None
    storage_gb: float | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a VIM says about itself.  ``nodes`` is None where the credentials may not list them.

    ``notes`` are sentences for a person: what this site cannot do, what was found damaged.
    """

    kind: str
    version: str
    as_of: datetime
    nodes: tuple[Node, ...] | None = None
    capacity: Capacity = Capacity()
    architecture: str = ""
    capabilities: tuple[str, ...] = ()
    simulated: bool = False
    notes: tuple[Reason, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The facts as plain data for a column or a message between sites."""
        data: dict[str, Any] = plain(self)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts that ``as_json`` wrote; unknown keys are ignored, nonsense is Invalid."""
        try:
            held = data.get("capacity") or {}
            nodes = data.get("nodes")
            return cls(
                kind=str(data["kind"]),
                version=str(data.get("version") or ""),
                as_of=datetime.fromisoformat(data["as_of"]),
                nodes=None if nodes is None else tuple(_node(n) for n in nodes),
                capacity=Capacity(
                    **{f.name: number_of(held.get(f.name)) for f in dataclasses.fields(Capacity)}
                ),
                architecture=str(data.get("architecture") or ""),
                capabilities=tuple(str(c) for c in data.get("capabilities") or ()),
                simulated=bool(data.get("simulated")),
                notes=tuple(Reason.from_json(n) for n in items_of(data, "notes")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid(N_("This is not the answer of a probe.")) from error


def _node(data: Mapping[str, Any]) -> Node:
    return Node(
        name=str(data["name"]),
        ready=bool(data.get("ready")),
        cpus=number_of(data.get("cpus")),
        memory_mb=number_of(data.get("memory_mb")),
        storage_gb=number_of(data.get("storage_gb")),
    )
