"""Instances on a host of this site, through its VIM driver."""

from __future__ import annotations

from apps.hosts.drivers import driver_of
from apps.instances.models import AppInstance
from apps.instances.services import Observation
from apps.mep import applications, termination
from apps.mep.access import find_application
from apps.orchestration.workload import install_spec, service_names
from apps.tenants.actors import Actor
from apps.vim.contract import AppKeys, Phase


class LocalLcmTarget:
    """The driver of the host that the instance names."""

    def install(self, instance: AppInstance, *, actor: Actor) -> None:
        """Make it known to the MEC platform with its keys, then hand the package to the driver."""
        application = applications.ensure(
            actor=actor,
            application_id=instance.pk,
            name=instance.app_name,
            tenant_id=instance.tenant_id,
        )
        access_key, secret_key = applications.ensure_pair(
            actor=actor,
            application=application,
            required_services=service_names(instance.package.details),
        )
        keys = AppKeys(access_key, secret_key)
        driver_of(instance.host).install(install_spec(instance, keys))

    def observe(self, instance: AppInstance, *, actor: Actor) -> Observation:
        """Ask the driver."""
        status = driver_of(instance.host).status(instance.pk)
        return Observation(at=status.as_of, status=status)

    def announce_end(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Tell the application, if it wanted to be told; True while it may still take its time."""
        application = find_application(str(instance.pk))
        return application is not None and termination.begin(actor=actor, application=application)

    def make_room(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Tell the driver; keys, rules and registrations at the MEC platform stay."""
        driver = driver_of(instance.host)
        if driver.upgrades_in_place:
            return False
        if driver.status(instance.pk).phase == Phase.ABSENT:
            return False
        driver.uninstall(instance.pk)
        return True

    def uninstall(self, instance: AppInstance, *, actor: Actor) -> None:
        """Tell the driver, and remove what the application had at the MEC platform."""
        driver_of(instance.host).uninstall(instance.pk)
        applications.remove(actor=actor, application_id=instance.pk)
