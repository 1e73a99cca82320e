"""What a project of a cloud has: its quotas, and the lists of what there is to use in it.

A driver whose VIM has such lists offers :class:`TellsResources`; one that has none is asked
nothing.  Values are spelled as OpenStack spells them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, Self, runtime_checkable

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.vim.results import plain
from apps.vim.servers import ServerDetails, spelled, whole_of

# What OpenStack says where there is no limit.
UNLIMITED: Final = -1


class ResourceKind(StrEnum):
    """What can be asked for, one at a time: a page shows one of them."""

    QUOTAS = "quotas"
    SERVERS = "servers"
    IMAGES = "images"
    NETWORKS = "networks"
    FLAVORS = "flavors"
    SECURITY_GROUPS = "securityGroups"


class QuotaName(StrEnum):
    """What a project has a quota of, in the order in which it is shown."""

    INSTANCES = "instances"
    VCPUS = "vcpus"
    RAM = "ram"
    FLOATING_IPS = "floatingIps"
    SECURITY_GROUPS = "securityGroups"
    SERVER_GROUPS = "serverGroups"
    PORTS = "ports"
    NETWORKS = "networks"
    SUBNETS = "subnets"


@dataclass(frozen=True, slots=True)
class Quota:
    """``used`` of ``limit``, RAM in MiB; None is "not known", and UNLIMITED no limit."""

    name: str
    used: int | None = None
    limit: int | None = None

    @property
    def share(self) -> float | None:
        """The part that is used, 0 to 1 and more where a limit was lowered; None without one."""
        if self.used is None or self.limit is None or self.limit == UNLIMITED:
            return None
        return self.used / self.limit if self.limit else float(self.used > 0)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The quota that ``plain`` wrote."""
        return cls(str(data["name"]), whole_of(data.get("used")), whole_of(data.get("limit")))


@dataclass(frozen=True, slots=True)
class CloudFlavor:
    """Sizes that a server can have: ``ram`` in MiB, ``disk`` in GiB."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    is_public: bool = True

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The flavor that ``as_json`` wrote."""
        vcpus, ram, disk = (int(data[name]) for name in ("vcpus", "ram", "disk"))
        key, name = str(data["id"]), str(data["name"])
        return cls(key, name, vcpus, ram, disk, bool(data.get("isPublic")))


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a network."""

    name: str
    cidr: str


@dataclass(frozen=True, slots=True)
class Network:
    """A network that the project may use; ``external`` is one with a way out."""

    id: str
    name: str
    status: str
    shared: bool = False
    external: bool = False
    subnets: tuple[Subnet, ...] = ()

    @property
    def cidrs(self) -> str:
        """The addresses of its subnets."""
        return ", ".join(one.cidr for one in self.subnets)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The network that ``plain`` wrote."""
        return cls(
            id=str(data["id"]),
            name=str(data["name"]),
            status=str(data["status"]),
            shared=bool(data.get("shared")),
            external=bool(data.get("external")),
            subnets=tuple(
                Subnet(str(one.get("name") or ""), str(one["cidr"]))
                for one in data.get("subnets") or ()
            ),
        )


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """What a security group lets through; ``protocol`` and ``ports`` empty: any.

    ``remote`` is a prefix of addresses or the id of a security group, empty: anybody.
    """

    direction: str
    ethertype: str
    protocol: str = ""
    ports: str = ""
    remote: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The rule that ``plain`` wrote."""
        rest = (str(data.get(name) or "") for name in ("protocol", "ports", "remote"))
        return cls(str(data["direction"]), str(data["ethertype"]), *rest)


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group with its rules."""

    id: str
    name: str
    description: str = ""
    rules: tuple[SecurityRule, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The group that ``plain`` wrote."""
        rules = tuple(SecurityRule.from_json(one) for one in data.get("rules") or ())
        return cls(
            str(data["id"]), str(data["name"]), str(data.get("description") or ""), rules
        )


@dataclass(frozen=True, slots=True)
class CloudImage:
    """An image that the project may use; ``size`` in bytes, None while it is not known."""

    id: str
    name: str
    status: str
    disk_format: str = ""
    size: int | None = None
    visibility: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The image that ``plain`` wrote."""
        return cls(
            id=str(data["id"]),
            name=str(data["name"]),
            status=str(data["status"]),
            disk_format=str(data.get("diskFormat") or ""),
            size=whole_of(data.get("size")),
            visibility=str(data.get("visibility") or ""),
        )


Row = Quota | CloudFlavor | Network | SecurityGroup | CloudImage | ServerDetails
_READ: Mapping[ResourceKind, Callable[[Mapping[str, Any]], Row]] = {
    ResourceKind.QUOTAS: Quota.from_json,
    ResourceKind.SERVERS: ServerDetails.from_json,
    ResourceKind.IMAGES: CloudImage.from_json,
    ResourceKind.NETWORKS: Network.from_json,
    ResourceKind.FLAVORS: CloudFlavor.from_json,
    ResourceKind.SECURITY_GROUPS: SecurityGroup.from_json,
}


@dataclass(frozen=True, slots=True)
class CloudResources:
    """All of one kind, as the VIM told at ``as_of``."""

    kind: ResourceKind
    as_of: datetime
    rows: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        """Plain data for the API and for a message between sites; the rows by their kind."""
        return {"asOf": self.as_of.isoformat(), str(self.kind): spelled(plain(self.rows))}

    @classmethod
    def from_json(cls, kind: ResourceKind, data: Mapping[str, Any]) -> Self:
        """What ``as_json`` wrote of a kind; nonsense is Invalid."""
        try:
            rows = tuple(_READ[kind](one) for one in data[kind])
            return cls(kind, datetime.fromisoformat(data["asOf"]), rows)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid(N_("This is not what a cloud has.")) from error


@runtime_checkable
class TellsResources(Protocol):
    """What a driver offers whose VIM has quotas and lists."""

    def resources(self, kind: ResourceKind) -> CloudResources:
        """All of one kind with at most six calls, made in parallel.

        Quotas come in the order of QuotaName, one of each.  Raises VimUnreachable and VimRefused.
        """
