"""Compares an edge with what this center has of it: row for row, and field for field.

For people who doubt, and for tests.  Reads a full copy of the edge, and changes nothing anywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.common.models import Origin
from apps.edgelink.client import EdgeClient
from apps.hosts import adoption as hosts
from apps.hosts.models import AppLcm
from apps.instances import adoption as instances
from apps.mep import adoption as mep
from apps.packages import adoption as packages
from apps.rules import adoption as rules
from apps.sync.kinds import KINDS, export_instance, export_tenant
from apps.sync.models import HeldRow
from apps.tenants.models import Tenant

Data = Mapping[str, Any]
Rows = dict[uuid.UUID, Data]
PAGE = 500
ABSENT = object()
# What a row can be besides equal.
DIFFERENT, MISSING_HERE, MISSING_THERE, HELD = "different", "missing here", "missing there", "held"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same at both sites; ``fields`` maps a field to (there, here)."""

    kind: str
    id: uuid.UUID
    name: str
    what: str
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of rows: how many there are at each site, and those that differ."""

    kind: str
    there: int
    here: int
    equal: int
    differences: tuple[Difference, ...]

    def count(self, what: str) -> int:
        """How many rows differ in this way."""
        return sum(one.what == what for one in self.differences)


@dataclass(frozen=True, slots=True)
class _Side:
    """How one kind is read here, and what of its rows is compared."""

    here: Callable[[AppLcm, Rows], Iterator[tuple[uuid.UUID, Data]]]
    comparable: Callable[[Data], dict[str, Any]]


def compare(edge: AppLcm) -> list[Compared]:
    """Every kind, in the order in which they travel; Upstream when the edge does not answer."""
    with EdgeClient(edge) as client:
        return [_compared(edge, client, kind.name) for kind in KINDS]


def _compared(edge: AppLcm, client: EdgeClient, kind: str) -> Compared:
    side = _SIDES[kind]
    there: Rows = {key: side.comparable(data) for key, data in _there(client, kind)}
    here: Rows = {key: side.comparable(data) for key, data in side.here(edge, there)}
    held = set(HeldRow.objects.filter(edge=edge, kind=kind).values_list("subject_id", flat=True))
    found = tuple(_differences(kind, there, here, held))
    same = sum(key in here and here[key] == row for key, row in there.items() if key not in held)
    return Compared(kind, len(there), len(here), same, found)


def _there(client: EdgeClient, kind: str) -> Iterator[tuple[uuid.UUID, Data]]:
    after = ""
    while True:
        page = client.copy(kind=kind, after=after, limit=PAGE)
        for row in page["rows"]:
            yield uuid.UUID(row["id"]), row["data"]
        following = page["next"]
        if not following or following[0] != kind:
            return
        after = following[1]


def _differences(kind: str, there: Rows, here: Rows, held: set[uuid.UUID]) -> Iterator[Difference]:
    for key in sorted({*there, *here, *held}):
        name = _name(there.get(key) or here.get(key) or {})
        if key in held:
            yield Difference(kind, key, name, HELD)
        elif key not in here:
            yield Difference(kind, key, name, MISSING_HERE)
        elif key not in there:
            yield Difference(kind, key, name, MISSING_THERE)
        elif there[key] != here[key]:
            yield Difference(kind, key, name, DIFFERENT, _fields(there[key], here[key]))


def _fields(there: Data, here: Data) -> dict[str, tuple[Any, Any]]:
    pairs = {
        name: (there.get(name, ABSENT), here.get(name, ABSENT)) for name in sorted({*there, *here})
    }
    return {name: (one, other) for name, (one, other) in pairs.items() if one != other}


def _name(data: Data) -> str:
    return str(data.get("name") or data.get("app_name") or data.get("ser_name") or "")


# --- tenants, which have no importer of their own ------------------------------------------------


def _tenants(edge: AppLcm, there: Rows) -> Iterator[tuple[uuid.UUID, Data]]:
    """Those that the edge names: that it does not know all of ours is as it should be."""
    for key, tenant in Tenant.objects.in_bulk(list(there)).items():
        yield key, export_tenant(tenant)


def _comparable_tenant(data: Data) -> dict[str, Any]:
    """A tenant of ours may be called otherwise at an edge."""
    return {"name": data["name"]} if data["origin"] == Origin.MEPM else {}


_SIDES: Mapping[str, _Side] = {
    "tenant": _Side(_tenants, _comparable_tenant),
    "mechost": _Side(lambda edge, _: hosts.copies(edge), hosts.comparable),
    "package": _Side(packages.package_copies, packages.comparable_package),
    "distribution": _Side(
        lambda edge, _: packages.distribution_copies(edge), packages.comparable_distribution
    ),
    "appinstance": _Side(
        lambda edge, _: ((row.pk, export_instance(row)) for row in instances.copies(edge)),
        instances.comparable,
    ),
    "appdconfiguration": _Side(lambda edge, _: rules.copies(edge), rules.comparable),
    "mecservice": _Side(lambda edge, _: mep.copies(edge.pk), mep.comparable),
}
