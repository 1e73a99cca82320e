"""What the services of the inventory take."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ManagerSpec:
    """An AppLCM or AppRuleManager."""

    name: str
    ip: str
    port: int
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A MEC host as configured; empty manager addresses mean that the host is this site's own.

    ``shared`` is None where whoever configures does not say, as EdgeGallery's clients: it stays.
    """

    name: str
    ip: str
    city: str
    address: str
    coordinates: str
    vim: str = ""
    zip_code: str = ""
    affinity: str = ""
    user_name: str = ""
    hw_capabilities: list[dict[str, str]] = field(default_factory=list)
    applcm_ip: str = ""
    app_rule_ip: str = ""
    shared: bool | None = None


@dataclass(frozen=True, slots=True)
class HostObservation:
    """What a probe found.  ``facts`` is the driver's answer as plain data, empty when it failed."""

    reachable: bool | None
    at: datetime
    vim_kind: str = ""
    simulated: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    fault: dict[str, Any] = field(default_factory=dict)
