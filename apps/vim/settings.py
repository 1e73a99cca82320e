"""What a site's administrator decides about one host, as its driver is told.  No model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from apps.vim.results import plain

# Kinds without a namespace that an administrator may let packages bring; any other would let a
# package into the namespaces of all tenants.
ALLOWABLE_CLUSTER_KINDS: Final = (
    "CustomResourceDefinition",
    "IngressClass",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
)
# How the names of instances' namespaces begin, and of those that no package may be let into.
NAMESPACE_PREFIX: Final = "mecm-"
CLOSED_NAMESPACES: Final = ("kube-", NAMESPACE_PREFIX)


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
        data: dict[str, Any] = plain(self)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self:
        """The allowance that ``as_json`` wrote, each name once; what is missing is not allowed."""
        said: dict[str, Any] = {}
        for one in fields(cls):
            value = (data or {}).get(one.name)
            is_list = one.default == ()
            said[one.name] = tuple(dict.fromkeys(map(str, value or ()))) if is_list else bool(value)
        return cls(**said)


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
