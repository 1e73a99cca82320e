"""Packages for a host of this site: the file is here, and drivers read it when they install."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict
from apps.hosts.models import MecHost
from apps.packages.models import Package
from apps.packages.states import DistributionState
from apps.tenants.actors import Actor


class LocalPackageTarget:
    """The site's own package directory."""

    def put(self, package: Package, host: MecHost, *, actor: Actor) -> DistributionState:
        """There, as long as the file is whole in its place."""
        if not package.path.exists() or package.path.stat().st_size != package.size:
            raise Conflict(N_("The file of this package is missing or damaged at this site."))
        return DistributionState.DISTRIBUTED

    def remove(self, package: Package, host: MecHost, *, actor: Actor) -> None:
        """Nothing lies at the host itself."""
