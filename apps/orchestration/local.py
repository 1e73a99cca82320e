"""Instances on a host of this site, through its VIM driver."""

from __future__ import annotations

from apps.instances.models import AppInstance
from apps.instances.services import Observation
from apps.orchestration.drivers import driver_of
from apps.orchestration.workload import install_spec
from apps.tenants.actors import Actor


class LocalLcmTarget:
    """The driver of the host that the instance names."""

    def install(self, instance: AppInstance, *, actor: Actor) -> None:
        """Hand the package to the driver."""
        driver_of(instance.host).install(install_spec(instance))

    def observe(self, instance: AppInstance, *, actor: Actor) -> Observation:
        """Ask the driver."""
        status = driver_of(instance.host).status(instance.pk)
        return Observation(at=status.as_of, status=status)

    def uninstall(self, instance: AppInstance, *, actor: Actor) -> None:
        """Tell the driver."""
        driver_of(instance.host).uninstall(instance.pk)
