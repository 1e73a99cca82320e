"""The facts of every host that a placement may look at, in a constant number of queries."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from apps.common import clock
from apps.hosts.selectors import hosts_for
from apps.instances.models import AppInstance
from apps.instances.states import InstanceState
from apps.orchestration.models import DrainState, HostDrain
from apps.orchestration.placement import facts
from apps.orchestration.placement.facts import Amounts, Configured, Counted, HostFacts, Seen
from apps.orchestration.placement.filters import plain_architecture
from apps.packages.models import Distribution, Package
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor
from apps.tenants.roles import Role
from apps.vim import registry

# Ordered, and not yet among what a probe of its host counts as used.
_ON_THEIR_WAY = (InstanceState.CREATING, InstanceState.CREATED, InstanceState.INSTANTIATING)
_COLUMNS = (
    "pk", "name", "ip", "updated_at", "removing", "cordoned", "region", "tags", "vim", "affinity",
    "hw_capabilities", "latitude", "longitude", "reachable", "observed_at", "facts",
    "applcm__reachable",
)


@dataclass(frozen=True, slots=True)
class Thing:
    """What is to be placed: a package of a tenant, under a name."""

    tenant_id: uuid.UUID
    package: Package
    app_name: str


@dataclass(frozen=True, slots=True)
class _Counts:
    """What this site's own rows say, by host."""

    at: str
    instances: Mapping[uuid.UUID, tuple[int, int, int]]
    promised: Mapping[uuid.UUID, Amounts]
    having: frozenset[uuid.UUID]
    draining: frozenset[uuid.UUID]
    open_to_tenant: frozenset[uuid.UUID] | None


def gather(actor: Actor, thing: Thing) -> list[HostFacts]:
    """The facts of the hosts that ``actor`` may see, for placing ``thing``.

    A tenant sees the hosts that are open to it; an administrator sees all, and those that are not
    open to the tenant of the instance say so.
    """
    counts = _Counts(
        at=stamp(clock.now()),
        instances=_instances(thing),
        promised=_promised(),
        having=frozenset(
            Distribution.objects.filter(
                package=thing.package, state=DistributionState.DISTRIBUTED, removing=False
            ).values_list("host_id", flat=True)
        ),
        draining=frozenset(
            HostDrain.objects.filter(state=DrainState.RUNNING).values_list("host_id", flat=True)
        ),
        open_to_tenant=_open_to(thing.tenant_id) if actor.is_admin else None,
    )
    rows = hosts_for(actor).select_related(None).order_by()
    return [_facts(row, counts) for row in rows.values_list(*_COLUMNS)]


def demand_of(info: Mapping[str, Any], app_class: str) -> Amounts:
    """What one instance of a package asks for as its description says; zero is "not said".

    Of a virtual machine each unit runs; a container package states its compute once for all.
    """
    units = (info.get("requirements") or {}).get("compute") or []
    if app_class != "vm":
        units = [{**unit, "initial_instances": 1} for unit in units[:1]]
    sums = [0.0, 0.0, 0.0]
    for unit in units:
        number = max(1, unit.get("initial_instances") or 1)
        for at, name in enumerate(("vcpus", "memory_mb", "storage_gb")):
            sums[at] += number * (unit.get(name) or 0)
    return sums[0], sums[1], sums[2]


def stamp(at: datetime | None) -> str:
    """A time as facts carry it: text that sorts; empty for none."""
    return at.isoformat(timespec="microseconds") if at else ""


def _open_to(tenant_id: uuid.UUID) -> frozenset[uuid.UUID]:
    tenant = Actor("", "", Role.TENANT, tenant_id)
    return frozenset(hosts_for(tenant).order_by().values_list("pk", flat=True))


def _instances(thing: Thing) -> dict[uuid.UUID, tuple[int, int, int]]:
    """By host: all instances, those of the same application of the tenant, those of the name."""
    own = Q(tenant_id=thing.tenant_id)
    rows = (
        AppInstance.objects.order_by()
        .values("host_id")
        .annotate(
            every=Count("pk"),
            same=Count("pk", filter=own & Q(package__name=thing.package.name)),
            named=Count("pk", filter=own & Q(app_name=thing.app_name)),
        )
    )
    return {row["host_id"]: (row["every"], row["same"], row["named"]) for row in rows}


def _promised() -> dict[uuid.UUID, Amounts]:
    """By host: what was ordered and is not seen in its probe yet."""
    rows = list(
        AppInstance.objects.filter(state__in=_ON_THEIR_WAY)
        .order_by()
        .values("host_id", "package_id")
        .annotate(number=Count("pk"))
    )
    wanted = {row["package_id"] for row in rows}
    packages = Package.objects.filter(pk__in=wanted).values_list("pk", "info", "app_class")
    demands = {key: demand_of(info, app_class) for key, info, app_class in packages.order_by()}
    sums: dict[uuid.UUID, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in rows:
        for at, amount in enumerate(demands[row["package_id"]]):
            sums[row["host_id"]][at] += row["number"] * (amount or 0.0)
    return {host: (one[0], one[1], one[2]) for host, one in sums.items()}


def _facts(row: tuple[Any, ...], counts: _Counts) -> HostFacts:
    (key, name, ip, changed, removing, cordoned, region, tags, vim, affinity, hardware, latitude,
     longitude, reachable, observed_at, probe, edge_reachable) = row
    every, same, named = counts.instances.get(key, (0, 0, 0))
    kind = registry.kind_of(vim)
    standing = facts.OPEN
    if removing:
        standing = facts.REMOVING
    elif key in counts.draining:
        standing = facts.DRAINING
    elif cordoned:
        standing = facts.CORDONED
    return HostFacts(
        str(key),
        name,
        ip,
        Configured(
            as_of=stamp(changed),
            standing=standing,
            open_to_tenant=counts.open_to_tenant is None or key in counts.open_to_tenant,
            region=region,
            tags=tuple(tags),
            vim=kind.label,
            runs=tuple(sorted(kind.app_classes)),
            latitude=latitude,
            longitude=longitude,
        ),
        _seen(probe or {}, reachable is not False and edge_reachable is not False and reachable,
              observed_at, affinity, hardware),
        Counted(
            as_of=counts.at,
            instances=every,
            same=same,
            taken=named > 0,
            has_package=key in counts.having,
            promised=counts.promised.get(key, facts.NO_DEMAND),
        ),
    )


def _seen(
    probe: Mapping[str, Any], reachable: bool | None, at: datetime | None, affinity: str,
    hardware: Iterable[Mapping[str, Any]],
) -> Seen:
    """What the probe saw; the edge that does not answer takes its hosts with it."""
    room = probe.get("capacity") or {}
    written = [plain_architecture(one) for one in affinity.split(",") if one.strip()]
    seen = plain_architecture(probe.get("architecture") or "")
    architectures = {*written, seen} - {""}
    capabilities = {str(one.get("hwType") or "") for one in hardware} - {""}
    capabilities |= set(probe.get("capabilities") or ())
    return Seen(
        as_of=stamp(at),
        reachable=reachable,
        architectures=tuple(sorted(architectures)) or None,
        capabilities=tuple(sorted(capabilities)) if probe or capabilities else None,
        total=(room.get("cpus"), room.get("memory_mb"), room.get("storage_gb")),
        used=(room.get("cpus_used"), room.get("memory_mb_used"), room.get("storage_gb_used")),
    )


def all_hosts_named(actor: Actor, names: Iterable[str]) -> list[str]:
    """Those of ``names`` by which the actor sees no host: an address, a name or an id."""
    wanted = list(dict.fromkeys(names))
    ids = [key for key in map(_uuid, wanted) if key]
    rows = hosts_for(actor).select_related(None).order_by()
    found = rows.filter(Q(ip__in=wanted) | Q(name__in=wanted) | Q(pk__in=ids))
    known = {str(part) for row in found.values_list("pk", "ip", "name") for part in row}
    return [name for name in wanted if name not in known]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


