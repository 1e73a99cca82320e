"""The facts of every host that a placement may look at, in a constant number of queries."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import Count, Q, QuerySet

from apps.common import clock
from apps.common.fields import is_address
from apps.hosts.selectors import hosts_for
from apps.instances.models import AppInstance
from apps.instances.states import InstanceState
from apps.orchestration.models import DrainState, HostDrain
from apps.orchestration.placement import facts
from apps.orchestration.placement.facts import Amounts, Configured, Counted, HostFacts, Seen
from apps.orchestration.placement.filters import plain_architecture
from apps.orchestration.services import NAME_IS_FREE
from apps.packages.models import Distribution, Package
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor
from apps.tenants.roles import Role
from apps.vim import registry

# Ordered, and not yet among what a probe of its host counts as used.
_ORDERED = (InstanceState.CREATING, InstanceState.CREATED, InstanceState.INSTANTIATING)
_COLUMNS = (
    "pk", "name", "ip", "updated_at", "removing", "cordoned", "region", "tags", "vim", "affinity",
    "hw_capabilities", "latitude", "longitude", "reachable", "observed_at", "facts",
    "applcm__reachable",
)
# An id of a host as the database gives it.
Key = str | uuid.UUID
_RUNS = {kind.name: tuple(sorted(kind.app_classes)) for kind in registry.kinds()}


@dataclass(frozen=True, slots=True)
class Thing:
    """What is to be placed: a package of a tenant, under a name."""

    tenant_id: uuid.UUID
    package: Package
    app_name: str


@dataclass(frozen=True, slots=True)
class _Rows:
    """Instances by host."""

    every: Mapping[Key, int]
    same: Mapping[Key, int]
    named: frozenset[Key]


@dataclass(frozen=True, slots=True)
class _Counts:
    """What this site's own rows say, by host."""

    at: str
    instances: _Rows
    promised: Mapping[Key, Amounts]
    having: frozenset[Key]
    draining: frozenset[Key]
    open_to_tenant: frozenset[Key] | None


def gather(actor: Actor, thing: Thing) -> list[HostFacts]:
    """The facts of the hosts that ``actor`` may see, for placing ``thing``.

    A tenant sees the hosts that are open to it; an administrator sees all, and those that are not
    open to the tenant of the instance say so.
    """
    counts = _Counts(
        at=stamp(clock.now()),
        instances=_instances(thing),
        promised=_promised(),
        having=_hosts(Distribution.objects.filter(
            package=thing.package, state=DistributionState.DISTRIBUTED, removing=False)),
        draining=_hosts(HostDrain.objects.filter(state=DrainState.RUNNING)),
        open_to_tenant=_open_to(thing.tenant_id) if actor.is_admin else None,
    )
    rows = hosts_for(actor).select_related(None).order_by().values_list(*_COLUMNS)
    return [_facts(row, counts) for row in _fetched(rows)]


def _fetched(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """The rows as the database gives them, ids too: as text or as UUIDs, but all alike.

    Django's converters for ids, times and documents cost more than all else that is done here.
    """
    sql, params = rows.query.sql_with_params()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


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
    if at is None:
        return ""
    text = at.isoformat(timespec="microseconds")
    return text if at.tzinfo else f"{text}+00:00"


def _hosts(rows: QuerySet[Any, Any]) -> frozenset[Key]:
    return frozenset(row[0] for row in _fetched(rows.order_by().values_list("host_id")))


def _open_to(tenant_id: uuid.UUID) -> frozenset[Key]:
    seen = hosts_for(Actor("", "", Role.TENANT, tenant_id)).select_related(None).order_by()
    return frozenset(row[0] for row in _fetched(seen.values_list("pk")))


def _instances(thing: Thing) -> _Rows:
    """How many instances each host has: of all, of the tenant's same application, of the name."""
    every = AppInstance.objects.order_by()
    own = every.filter(tenant_id=thing.tenant_id)
    # By the package, which has one tenant: what other tenants run is not looked at.
    twins = Package.objects.filter(tenant_id=thing.tenant_id, name=thing.package.name)
    same = every.filter(package__in=twins.order_by())
    return _Rows(
        every=dict(_fetched(every.values_list("host_id").annotate(number=Count("*")))),
        same=dict(_fetched(same.values_list("host_id").annotate(number=Count("*")))),
        named=_hosts(own.filter(app_name=thing.app_name).exclude(state__in=NAME_IS_FREE)),
    )


def _promised() -> dict[Key, Amounts]:
    """By host: what was ordered and is not seen in its probe yet."""
    ordered = AppInstance.objects.filter(state__in=_ORDERED).order_by()
    rows = _fetched(ordered.values_list("host_id", "package_id").annotate(number=Count("*")))
    packages = Package.objects.filter(pk__in=ordered.values("package_id")).order_by()
    demands = {
        key: demand_of(_document(info), app_class)
        for key, info, app_class in _fetched(packages.values_list("pk", "info", "app_class"))
    }
    sums: dict[Key, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for host, package, number in rows:
        for at, amount in enumerate(demands.get(package, facts.NO_DEMAND)):
            sums[host][at] += number * (amount or 0.0)
    return {host: (one[0], one[1], one[2]) for host, one in sums.items()}


def _facts(row: tuple[Any, ...], counts: _Counts) -> HostFacts:
    key, name, ip = row[:3]
    draining = key in counts.draining
    is_open = counts.open_to_tenant is None or key in counts.open_to_tenant
    told = (row, draining, is_open)
    known = _KNOWN.get(key)
    if known is None or known[0] != told:
        known = (told, *_said(row, draining, is_open))
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = known
    return HostFacts(
        _text(key),
        name,
        str(ip),
        known[1],
        known[2],
        Counted(
            counts.at,
            counts.instances.every.get(key, 0),
            counts.instances.same.get(key, 0),
            key in counts.instances.named,
            key in counts.having,
            counts.promised.get(key, facts.NO_DEMAND),
        ),
    )


# What rows said when they were read last, with the row: most hosts say the same the next time.
_KNOWN: dict[Key, tuple[Any, Configured, Seen]] = {}
MOST_KNOWN = 20_000


def _said(row: tuple[Any, ...], draining: bool, is_open: bool) -> tuple[Configured, Seen]:
    """What a row says of its host: what was configured, and what was seen."""
    (_, _, _, changed, removing, cordoned, region, tags, vim, affinity, hardware, latitude,
     longitude, reachable, observed_at, probe, edge_reachable) = row
    kind = registry.kind_of(vim)
    standing = facts.OPEN
    if removing:
        standing = facts.REMOVING
    elif draining:
        standing = facts.DRAINING
    elif cordoned:
        standing = facts.CORDONED
    if reachable is not None:
        reachable = bool(reachable)
    if reachable is not False and edge_reachable is not None and not edge_reachable:
        reachable = False  # the edge that does not answer takes its hosts with it
    configured = Configured(
        stamp(changed),
        standing,
        is_open,
        region,
        tuple(_document(tags)),
        kind.label,
        _RUNS[kind.name],
        latitude,
        longitude,
    )
    seen = _seen(_document(probe), reachable, observed_at, affinity, _document(hardware))
    return configured, seen


def _seen(
    probe: Mapping[str, Any], reachable: bool | None, at: datetime | None, affinity: str,
    hardware: Iterable[Mapping[str, Any]],
) -> Seen:
    """What the probe saw, with what administrators say of the machines themselves."""
    room = probe.get("capacity") or {}
    capabilities = set(probe.get("capabilities") or ())
    capabilities.update(str(one.get("hwType") or "") for one in hardware)
    capabilities.discard("")
    return Seen(
        stamp(at),
        reachable,
        _architectures(affinity, probe.get("architecture") or ""),
        tuple(sorted(capabilities)) if probe or capabilities else None,
        (room.get("cpus"), room.get("memory_mb"), room.get("storage_gb")),
        (room.get("cpus_used"), room.get("memory_mb_used"), room.get("storage_gb_used")),
    )


def _text(key: Key) -> str:
    """An id as people write it; SQLite keeps the digits alone."""
    text = str(key)
    if len(text) != 32:
        return text
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@lru_cache(maxsize=1024)
def _architectures(affinity: str, probed: str) -> tuple[str, ...] | None:
    found = {plain_architecture(one) for one in (*affinity.split(","), probed)} - {""}
    return tuple(sorted(found)) or None


def _document(value: Any) -> Any:
    """A JSON column, however the database hands it over."""
    if not isinstance(value, str):
        return value
    return _short_document(value) if len(value) < 64 else json.loads(value)


@lru_cache(maxsize=4096)
def _short_document(text: str) -> Any:
    """A list of tags and the like, which many hosts have alike; nobody changes it."""
    return json.loads(text) if text else ()


def all_hosts_named(actor: Actor, names: Iterable[str]) -> list[str]:
    """Those of ``names`` by which the actor sees no host: an address, a name or an id."""
    wanted = list(dict.fromkeys(names))
    ids = [key for key in map(_uuid, wanted) if key]
    rows = hosts_for(actor).select_related(None).order_by()
    addresses = [name for name in wanted if is_address(name)]
    found = rows.filter(Q(ip__in=addresses) | Q(name__in=wanted) | Q(pk__in=ids))
    known = {str(part) for row in found.values_list("pk", "ip", "name") for part in row}
    return [name for name in wanted if name not in known]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


