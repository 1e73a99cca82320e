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
class StoreSpec:
    """An application store.  A password of None means that the stored one stays."""

    ip: str
    port: int
    repo: str
    name: str = ""
    repo_name: str = ""
    repo_user_name: str = ""
    repo_password: str | None = field(default=None, repr=False)
    producer: str = ""

    @property
    def key(self) -> str:
        """What the store is known by."""
        return self.ip


@dataclass(frozen=True, slots=True)
class RepoSpec:
    """A registry of images.  A password of None means that the stored one stays."""

    endpoint: str
    user_name: str
    name: str = ""
    password: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """What the registry is known by."""
        return self.endpoint


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A MEC host as configured; empty manager addresses mean that the host is this site's own.

    What is None is what whoever configures does not say, as EdgeGallery's clients: it stays.
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
    region: str | None = None
    tags: list[str] | None = None


@dataclass(frozen=True, slots=True)
class HostObservation:
    """What a probe found.  ``facts`` is the driver's answer as plain data, empty when it failed."""

    reachable: bool | None
    at: datetime
    vim_kind: str = ""
    simulated: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    fault: dict[str, Any] = field(default_factory=dict)
