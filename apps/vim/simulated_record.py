"""What the simulated world remembers of one instance: its future, planned when it was ordered.

No clock and no file here: what a record looks like at a moment is told by simulated_view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from apps.vim.results import ServiceInfo


@dataclass(frozen=True, slots=True)
class Replica:
    """One pod or server with its node, what it takes there, and when it will be ready."""

    name: str
    unit: str
    kind: str
    node: str
    images: tuple[str, ...]
    cpus: float
    memory_mb: float
    storage_gb: float
    ready_at: datetime
    ip: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The replica that ``results.plain`` wrote."""
        return cls(
            name=str(data["name"]),
            unit=str(data["unit"]),
            kind=str(data["kind"]),
            node=str(data["node"]),
            images=tuple(str(image) for image in data["images"]),
            cpus=float(data["cpus"]),
            memory_mb=float(data["memory_mb"]),
            storage_gb=float(data["storage_gb"]),
            ready_at=_moment(data["ready_at"]),
            ip=str(data["ip"]),
        )


@dataclass(frozen=True, slots=True)
class Death:
    """When all replicas but the first ``survivors`` fail, and the VIM's word for why."""

    at: datetime
    cause: str
    survivors: int


@dataclass(frozen=True, slots=True)
class Record:
    """One instance.  ``gone_at`` None while ``removing_at`` is set: a removal that never ends.

    ``halted`` are the servers that somebody stopped, paused or suspended, with the state of each.
    """

    instance_id: str
    tenant_id: str
    package_id: str
    app_name: str
    app_class: str
    ordered_at: datetime
    replicas: tuple[Replica, ...]
    services: tuple[ServiceInfo, ...] = ()
    death: Death | None = None
    removing_at: datetime | None = None
    gone_at: datetime | None = None
    halted: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, str]:
        """What a fault may address it by."""
        return (self.app_name, self.instance_id)

    def gone(self, now: datetime) -> bool:
        """Whether its removal is over, so that nothing is left of it."""
        return self.gone_at is not None and self.gone_at <= now

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The record that ``results.plain`` wrote; KeyError, TypeError or ValueError otherwise."""
        death = data["death"]
        return cls(
            instance_id=str(data["instance_id"]),
            tenant_id=str(data["tenant_id"]),
            package_id=str(data["package_id"]),
            app_name=str(data["app_name"]),
            app_class=str(data["app_class"]),
            ordered_at=_moment(data["ordered_at"]),
            replicas=tuple(Replica.from_json(r) for r in data["replicas"]),
            services=tuple(ServiceInfo.from_json(s) for s in data["services"]),
            death=death
            and Death(_moment(death["at"]), str(death["cause"]), int(death["survivors"])),
            removing_at=data["removing_at"] and _moment(data["removing_at"]),
            gone_at=data["gone_at"] and _moment(data["gone_at"]),
            halted={str(k): str(v) for k, v in (data.get("halted") or {}).items()},
        )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
