"""Quotas and lists of a project.  What an administrator's credentials see of others is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from apps.common import clock
from apps.vim.openstack import nova
from apps.vim.openstack.cloud import Cloud, Refused
from apps.vim.openstack.status import Row as Told
from apps.vim.resources import (
    CloudFlavor,
    CloudImage,
    CloudResources,
    Network,
    Quota,
    QuotaName,
    ResourceKind,
    Row,
    SecurityGroup,
    SecurityRule,
    Subnet,
)

# What Nova calls the use and the limit of a quota, and Neutron the quota.
_NOVA: Final = {
    QuotaName.INSTANCES: ("totalInstancesUsed", "maxTotalInstances"),
    QuotaName.VCPUS: ("totalCoresUsed", "maxTotalCores"),
    QuotaName.RAM: ("totalRAMUsed", "maxTotalRAMSize"),
    QuotaName.SERVER_GROUPS: ("totalServerGroupsUsed", "maxServerGroups"),
}
_NEUTRON: Final = {
    QuotaName.FLOATING_IPS: "floatingip",
    QuotaName.SECURITY_GROUPS: "security_group",
    QuotaName.PORTS: "port",
    QuotaName.NETWORKS: "network",
    QuotaName.SUBNETS: "subnet",
}


def resources(cloud: Cloud, kind: ResourceKind) -> CloudResources:
    """All of one kind, with two questions at most for each page of rows."""
    cloud.sign_in()
    return CloudResources(kind, clock.now(), tuple(_ROWS[kind](cloud)))


def _asked(*questions: Callable[[], Any]) -> list[Any]:
    """The answers to questions that are asked at the same time."""
    with ThreadPoolExecutor(len(questions)) as threads:
        waiting = [threads.submit(one) for one in questions]
        return [one.result() for one in waiting]


def _quotas(cloud: Cloud) -> Iterator[Row]:
    limits, details = _asked(
        lambda: cloud.ask("compute", "GET", "/limits")["limits"]["absolute"],
        lambda: _network_quotas(cloud),
    )
    for name in QuotaName:
        if name in _NOVA:
            used, limit = (limits.get(key) for key in _NOVA[name])
        else:
            told = details.get(_NEUTRON[name]) or {}
            used, limit = told.get("used"), told.get("limit")
        # Some clouds say -1 also of what they do not count.
        yield Quota(str(name), used if used is None or used >= 0 else None, limit)


def _network_quotas(cloud: Cloud) -> Mapping[str, Mapping[str, int]]:
    """Use and limits as Neutron knows them; nothing where it does not tell them to a project."""
    try:
        found = cloud.find("network", f"/quotas/{cloud.project_id}/details")
    except Refused as refusal:
        if refusal.answered == 403:
            return {}
        raise
    return dict(found["quota"]) if found else {}


def _flavors(cloud: Cloud) -> Iterator[Row]:
    for one in cloud.pages("compute", "flavors"):
        yield CloudFlavor(
            id=str(one["id"]),
            name=str(one["name"]),
            vcpus=one["vcpus"],
            ram=one["ram"],
            disk=one["disk"],
            is_public=bool(one.get("os-flavor-access:is_public", True)),
        )


def _networks(cloud: Cloud) -> Iterator[Row]:
    rows, subnets = _asked(
        lambda: list(cloud.pages("network", "networks")),
        lambda: list(cloud.pages("network", "subnets")),
    )
    for one in rows:
        if one.get("shared") or one.get("router:external") or _is_own(cloud, one):
            yield Network(
                id=str(one["id"]),
                name=str(one["name"]),
                status=str(one["status"]),
                shared=bool(one.get("shared")),
                external=bool(one.get("router:external")),
                subnets=tuple(
                    Subnet(str(part["name"]), str(part["cidr"]))
                    for part in subnets if part["network_id"] == one["id"]
                ),
            )


def _security_groups(cloud: Cloud) -> Iterator[Row]:
    listed = cloud.ask("network", "GET", "/security-groups")["security_groups"]
    for one in listed:
        if _is_own(cloud, one):
            yield SecurityGroup(
                id=str(one["id"]),
                name=str(one["name"]),
                description=str(one.get("description") or ""),
                rules=tuple(_rule(rule) for rule in one["security_group_rules"]),
            )


def _rule(row: Told) -> SecurityRule:
    ports: Sequence[Any] = (row.get("port_range_min"), row.get("port_range_max"))
    return SecurityRule(
        direction=str(row["direction"]),
        ethertype=str(row["ethertype"]),
        protocol=str(row.get("protocol") or ""),
        ports="-".join(dict.fromkeys(str(one) for one in ports if one is not None)),
        remote=str(row.get("remote_ip_prefix") or row.get("remote_group_id") or ""),
    )


def _images(cloud: Cloud) -> Iterator[Row]:
    for one in cloud.pages("image", "images"):
        if one.get("visibility") != "private" or one.get("owner") == cloud.project_id:
            yield CloudImage(
                id=str(one["id"]),
                name=str(one.get("name") or ""),
                status=str(one["status"]),
                disk_format=str(one.get("disk_format") or ""),
                size=one.get("size"),
                visibility=str(one.get("visibility") or ""),
            )


def _servers(cloud: Cloud) -> Iterator[Row]:
    rows, images = _asked(
        lambda: list(
            cloud.pages("compute", "servers", microversion=nova.EMBEDDED_FLAVORS)
        ),
        lambda: {one["id"]: one.get("name") for one in cloud.pages("image", "images")},
    )
    for one in rows:
        image = nova.image_id(one)
        yield nova.details(one, image=str(images.get(image) or image))


def _is_own(cloud: Cloud, row: Told) -> bool:
    return str(row.get("project_id", row.get("tenant_id"))) == cloud.project_id


_ROWS: Final[Mapping[ResourceKind, Callable[[Cloud], Iterator[Row]]]] = {
    ResourceKind.QUOTAS: _quotas,
    ResourceKind.SERVERS: _servers,
    ResourceKind.IMAGES: _images,
    ResourceKind.NETWORKS: _networks,
    ResourceKind.FLAVORS: _flavors,
    ResourceKind.SECURITY_GROUPS: _security_groups,
}
