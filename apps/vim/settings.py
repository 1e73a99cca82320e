"""What a site's administrator decides about one host, as its driver is told.  No model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the objects of a package may do on a host beyond the usual; nothing unless it is said.

    ``namespaces`` are names that objects may state besides their instance's own.
    ``cluster_kinds`` are kinds without a namespace that a package may bring, such as
    CustomResourceDefinition.  The rest lifts rules of the Pod Security Standard "Baseline".
    """

    namespaces: tuple[str, ...] = ()
    cluster_kinds: tuple[str, ...] = ()
    privileged: bool = False
    host_path: bool = False
    host_namespaces: bool = False
    host_ports: bool = False
    capabilities: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The allowance as plain data for a column or a message between sites."""
        return {
            "namespaces": list(self.namespaces),
            "cluster_kinds": list(self.cluster_kinds),
            "privileged": self.privileged,
            "host_path": self.host_path,
            "host_namespaces": self.host_namespaces,
            "host_ports": self.host_ports,
            "capabilities": list(self.capabilities),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self:
        """The allowance that ``as_json`` wrote; what is missing is not allowed."""
        data = data or {}
        return cls(
            namespaces=tuple(str(one) for one in data.get("namespaces") or ()),
            cluster_kinds=tuple(str(one) for one in data.get("cluster_kinds") or ()),
            privileged=bool(data.get("privileged")),
            host_path=bool(data.get("host_path")),
            host_namespaces=bool(data.get("host_namespaces")),
            host_ports=bool(data.get("host_ports")),
            capabilities=tuple(str(one) for one in data.get("capabilities") or ()),
        )


@dataclass(frozen=True, slots=True)
class Registry:
    """Where a host's images come from: ``address`` is host[:port][/project], without a scheme."""

    address: str
    user_name: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HostSettings:
    """All of it for one host.  ``prometheus_url`` is empty where load is not read from there."""

    allowance: Allowance = Allowance()
    prometheus_url: str = ""
    registry: Registry | None = None
