"""Where a package is brought to: this site's own host, or an edge over HTTP."""

from __future__ import annotations

from typing import Protocol

from apps.hosts.models import MecHost
from apps.packages.models import Package
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor


class PackageTarget(Protocol):
    """A host that takes packages.  Each method may be called again after a crash."""

    def put(self, package: Package, host: MecHost, *, actor: Actor) -> DistributionState:
        """Bring the package there and tell how far it is; DomainError says why it cannot be."""

    def remove(self, package: Package, host: MecHost, *, actor: Actor) -> None:
        """Take it away; what is not there counts as taken away."""
