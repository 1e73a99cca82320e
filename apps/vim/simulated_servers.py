"""Servers of the simulated world one by one, and what its site offers.  No clock and no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.vim.images import VimImage
from apps.vim.resources import (
    UNLIMITED,
    CloudFlavor,
    CloudImage,
    Network,
    Quota,
    QuotaName,
    ResourceKind,
    Row,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from apps.vim.servers import (
    SERVER,
    Action,
    ServerAddress,
    ServerDetails,
    ServerFlavor,
)
from apps.vim.simulated_plan import roll
from apps.vim.simulated_record import Record, Replica
from apps.vim.simulated_site import Fault, Site
from apps.vim.simulated_view import NETWORK, Moment

CIDR = "10.20.0.0/16"
GROUP = "default"
FLAVORS = ((1, 1024, 10), (2, 4096, 20), (4, 8192, 40))  # vCPU, MiB, GiB


def servers_at(
    record: Record, faults: Iterable[Fault], now: datetime
) -> Iterator[ServerDetails]:
    """The servers of an instance at ``now``; none where it runs in containers."""
    if record.app_class != "vm" or record.gone(now):
        return
    moment = Moment(record, faults, now)
    for index, replica in enumerate(record.replicas):
        seen = moment.server(index)
        yield ServerDetails(
            id=seen.id,
            name=seen.name,
            status=seen.status,
            addresses=tuple(
                ServerAddress(one.network, one.ip, _mac(replica)) for one in seen.addresses
            ),
            flavor=_flavor(replica),
            image=replica.images[0] if replica.images else "",
            host=seen.node,
            zone="simulated",
            created=record.ordered_at,
            security_groups=(GROUP,),
        )


def server_at(
    record: Record, faults: Iterable[Fault], now: datetime, server_id: str
) -> ServerDetails:
    """One of them; NotFound for the id of none."""
    for one in servers_at(record, faults, now):
        if one.id == server_id:
            return one
    raise no_server(server_id)


def no_server(server_id: str) -> NotFound:
    """The error for a server that the instance does not have."""
    return NotFound(N_("The instance has no server “%(name)s”."), name=server_id)


def acted(record: Record, server: ServerDetails, action: Action) -> Record:
    """The record after an action, which takes no time here."""
    after = SERVER.move(server.status, action)
    rest = {name: state for name, state in record.halted.items() if name != server.name}
    return replace(record, halted=rest if after == "ACTIVE" else rest | {server.name: after})


def rows_of(
    kind: ResourceKind, site: Site, servers: list[ServerDetails], images: Iterable[VimImage]
) -> tuple[Row, ...]:
    """What the site has of a kind."""
    found: Mapping[ResourceKind, Iterable[Row]] = {
        ResourceKind.QUOTAS: _quotas(site, servers),
        ResourceKind.SERVERS: servers,
        ResourceKind.IMAGES: (_image(one) for one in images),
        ResourceKind.NETWORKS: [_network()],
        ResourceKind.FLAVORS: _flavors(servers),
        ResourceKind.SECURITY_GROUPS: [_group()],
    }
    return tuple(found[kind])


def _quotas(site: Site, servers: list[ServerDetails]) -> Iterator[Quota]:
    told = {
        QuotaName.INSTANCES: (len(servers), 10 * site.nodes),
        QuotaName.VCPUS: (
            sum(one.flavor.vcpus or 0 for one in servers), int(site.cpus * site.nodes)
        ),
        QuotaName.RAM: (
            sum(one.flavor.ram or 0 for one in servers), int(site.memory_mb * site.nodes)
        ),
        QuotaName.SECURITY_GROUPS: (1, 10),
        QuotaName.SERVER_GROUPS: (0, UNLIMITED),
        QuotaName.PORTS: (len(servers), 500),
        QuotaName.NETWORKS: (1, 10),
        QuotaName.SUBNETS: (1, 10),
    }
    for name in QuotaName:
        # Nobody knows of floating addresses here.
        yield Quota(str(name), *told.get(name, (None, None)))


def _image(image: VimImage) -> CloudImage:
    return CloudImage(
        image.id, image.name, image.status, image.disk_format, image.size, image.visibility
    )


def _flavors(servers: list[ServerDetails]) -> Iterator[CloudFlavor]:
    used = {
        (one.flavor.vcpus or 0, one.flavor.ram or 0, one.flavor.disk or 0) for one in servers
    }
    for vcpus, ram, disk in sorted({*FLAVORS, *used}):
        name = f"{vcpus}c-{ram}m-{disk}g"
        yield CloudFlavor(_id("flavor", name), name, vcpus, ram, disk)


def _network() -> Network:
    subnets = (Subnet(f"{NETWORK}-v4", CIDR),)
    return Network(_id("network", NETWORK), NETWORK, "ACTIVE", shared=True, subnets=subnets)


def _group() -> SecurityGroup:
    rules = (SecurityRule("egress", "IPv4"), SecurityRule("ingress", "IPv4", remote=CIDR))
    return SecurityGroup(_id("group", GROUP), GROUP, rules=rules)


def _flavor(replica: Replica) -> ServerFlavor:
    sizes = (round(replica.cpus), round(replica.memory_mb), round(replica.storage_gb))
    return ServerFlavor("{}c-{}m-{}g".format(*sizes), *sizes)


def _mac(replica: Replica) -> str:
    tail = f"{roll(0, replica.name, replica.ip):016x}"[:6]
    return f"fa:16:3e:{tail[:2]}:{tail[2:4]}:{tail[4:]}"


def _id(kind: str, name: str) -> str:
    return f"sim-{kind}-{roll(0, kind, name):016x}"
