"""What hosts of this site carry of instances and images that this site does not have any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.hosts.selectors import local_hosts
from apps.images.models import HostImage
from apps.instances.models import AppInstance
from apps.vim.leftovers import Leftover, Tidies


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object of a host whose instance, or which as an image, this site does not know."""

    host: MecHost
    what: Leftover

    def __str__(self) -> str:
        return f"{self.host.name}: {self.what} (instance {self.what.instance})"


def find_orphans() -> Iterator[Orphan]:
    """All orphans on the hosts of this site; raises what a driver raises.

    What is looked at first is the VIM: an instance that is ordered meanwhile is no orphan.
    """
    for host in local_hosts():
        driver = driver_of(host)
        if not isinstance(driver, Tidies):
            continue
        carried = driver.carried()
        known = {str(key) for key in AppInstance.objects.values_list("pk", flat=True)}
        images = {str(key) for key in HostImage.objects.values_list("pk", flat=True)}
        for one in carried:
            is_known = one.image in images if one.image else one.instance in known
            if not is_known:
                yield Orphan(host, one)


def remove_orphan(orphan: Orphan) -> bool:
    """Take one of them away; False where it was gone already."""
    driver = driver_of(orphan.host)
    return isinstance(driver, Tidies) and driver.remove_object(orphan.what)
