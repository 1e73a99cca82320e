"""What a placement is asked, and what is known of each host.  Frozen, and survives JSON.

Facts are grouped by who says them, since their age is that of their source: what administrators
configured, what a probe saw, and what this site counts in its own rows.  None is "not known".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

# vCPU, MiB of memory, GiB of storage.
Amounts = tuple[float | None, float | None, float | None]
NOTHING_KNOWN: Amounts = (None, None, None)
NO_DEMAND: Amounts = (0.0, 0.0, 0.0)

OPEN, CORDONED, DRAINING, REMOVING = "open", "cordoned", "draining", "removing"
LEAST_LOADED, NEAREST, SPREAD, PACK = "least_loaded", "nearest", "spread", "pack"
ORDERS = (LEAST_LOADED, NEAREST, SPREAD, PACK)
KEEP, DROP = "keep", "drop"


@dataclass(frozen=True, slots=True)
class Configured:
    """What administrators wrote down; ``runs`` are the classes of package that the VIM can run."""

    as_of: str = ""
    standing: str = OPEN
    open_to_tenant: bool = True
    region: str = ""
    tags: tuple[str, ...] = ()
    vim: str = ""
    runs: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last probe saw; ``as_of`` is empty where nobody has looked yet.

    Architectures and capabilities are those configured and those seen together.
    """

    as_of: str = ""
    reachable: bool | None = None
    architectures: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] | None = None
    total: Amounts = NOTHING_KNOWN
    used: Amounts = NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class Counted:
    """What this site's own rows say: always known, as of the moment of the question.

    ``same`` are the tenant's instances of the same package, ``taken`` tells whether the wanted name
    is in use there, ``promised`` is what was ordered since the probe and is not seen in it yet.
    """

    as_of: str = ""
    instances: int = 0
    same: int = 0
    taken: bool = False
    has_package: bool = False
    promised: Amounts = NO_DEMAND


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One host with all that a placement may look at."""

    id: str
    name: str
    ip: str
    configured: Configured = Configured()
    seen: Seen = Seen()
    counted: Counted = Counted()

    def as_row(self) -> list[Any]:
        """The facts as nested lists of plain data, in the order of ``COLUMNS``."""
        return [
            self.id, self.name, self.ip, _CONFIGURED(self.configured), _SEEN(self.seen),
            _COUNTED(self.counted),
        ]

    @classmethod
    def from_row(cls, row: list[Any]) -> HostFacts:
        """The facts that ``as_row`` wrote."""
        return cls(
            row[0], row[1], row[2],
            Configured(*map(_frozen, row[3])), Seen(*map(_frozen, row[4])),
            Counted(*map(_frozen, row[5])),
        )


_CONFIGURED = attrgetter(*(one.name for one in fields(Configured)))
_SEEN = attrgetter(*(one.name for one in fields(Seen)))
_COUNTED = attrgetter(*(one.name for one in fields(Counted)))
COLUMNS = ("id", "name", "ip", "configured", "seen", "counted")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Strategy:
    """Where instances may go: named hosts, or ``count`` hosts that pass the filters, in an order.

    Each of several ``tags`` and ``capabilities`` must be there, of ``regions``, ``architectures``
    and ``vims`` any one.  ``unknown`` says for a filter by name whether a host of which the fact is
    unknown is kept or dropped, where it shall differ from the filter's own way.
    ``max_age_s``: what was seen longer ago counts as unknown.
    """

    hosts: tuple[str, ...] = ()
    count: int = 1
    exclude: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    vims: tuple[str, ...] = ()
    free: Amounts = NO_DEMAND
    latitude: float | None = None
    longitude: float | None = None
    max_distance_km: float | None = None
    max_latency_ms: float | None = None
    max_age_s: float | None = None
    order: str = LEAST_LOADED
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_point(self) -> bool:
        """Whether the strategy names a point to be near to."""
        return self.latitude is not None and self.longitude is not None

    def as_json(self) -> dict[str, Any]:
        """The strategy as plain data."""
        return _plain(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Strategy:
        """The strategy that ``as_json`` wrote."""
        return cls(**{name: _frozen(data[name]) for name in _names(cls) if name in data})


@dataclass(frozen=True, slots=True)
class Question:
    """One placement to decide: the strategy and what is to be placed, asked at ``at``.

    ``demand`` is what one instance asks for as its package says; zero is "not said".
    """

    at: str
    strategy: Strategy
    app_class: str = ""
    app_name: str = ""
    demand: Amounts = NO_DEMAND

    def as_json(self) -> dict[str, Any]:
        """The question as plain data."""
        return _plain(self) | {"strategy": self.strategy.as_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Question:
        """The question that ``as_json`` wrote."""
        known = {name: _frozen(data[name]) for name in _names(cls) if name in data}
        return cls(**known | {"strategy": Strategy.from_json(data["strategy"])})


def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _plain(thing: Any) -> dict[str, Any]:
    found = {}
    for name in _names(type(thing)):
        value = getattr(thing, name)
        if isinstance(value, Mapping):
            value = dict(value)
        found[name] = list(value) if isinstance(value, tuple) else value
    return found
