"""What hosts of this site carry of instances and images that do not stand there by its own rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.hosts.selectors import local_hosts
from apps.images.models import HostImage
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.states import UNFINISHED, InstanceState
from apps.vim.leftovers import Leftover, Tidies

# Of an instance in these nothing runs, unless an operation on it is under way.
_RUNS_NOTHING = (InstanceState.CREATING, InstanceState.CREATED, InstanceState.CREATE_FAILED)


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object of a host that, by all this site knows, is not to be there.

    Its instance, or it as an image, is unknown here; or the instance was never instantiated: a
    site that was restored from a backup can have forgotten that it had begun to.
    """

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
        known = _known()
        for one in carried:
            if not known.has(one):
                yield Orphan(host, one)


def remove_orphan(orphan: Orphan) -> bool:
    """Take one of them away; False where it was gone already, or was ordered meanwhile."""
    if _known().has(orphan.what):
        return False
    driver = driver_of(orphan.host)
    return isinstance(driver, Tidies) and driver.remove_object(orphan.what)


class _Known(NamedTuple):
    """The keys of what may stand at a host."""

    instances: frozenset[str]
    images: frozenset[str]

    def has(self, one: Leftover) -> bool:
        """Whether this object may be there."""
        return one.image in self.images if one.image else one.instance in self.instances


def _known() -> _Known:
    busy = LcmOperation.objects.filter(state__in=UNFINISHED)
    may_stand = ~Q(state__in=_RUNS_NOTHING) | Q(pk__in=busy.values("instance_id"))
    return _Known(
        _keys(AppInstance.objects.filter(may_stand)), _keys(HostImage.objects.all())
    )


def _keys(rows: QuerySet[Any]) -> frozenset[str]:
    return frozenset(str(key) for key in rows.values_list("pk", flat=True))
