"""What hosts of this site carry of instances and images that do not stand there by its own rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Case, Q, When

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

    Its instance, or it as an image, is unknown here; or, where it ``is_known``, the instance was
    never instantiated: a site that was restored from a backup can have forgotten that it was.
    """

    host: MecHost
    what: Leftover
    is_known: bool

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
        known = _Known.of(host)
        for one in carried:
            if not known.may_stand(one):
                yield Orphan(host, one, not one.image and one.instance in known.resting)


def remove_orphan(orphan: Orphan) -> bool:
    """Take one of them away; False where it was gone already, or was ordered meanwhile."""
    if _Known.of(orphan.host).may_stand(orphan.what):
        return False
    driver = driver_of(orphan.host)
    return isinstance(driver, Tidies) and driver.remove_object(orphan.what)


class _Known(NamedTuple):
    """The keys of what may stand at a host, and of the instances of which nothing does.

    An image of one row may serve others as well: it is known by what the VIM calls it, too.
    """

    instances: frozenset[str]
    resting: frozenset[str]
    images: frozenset[str]

    @classmethod
    def of(cls, host: MecHost) -> _Known:
        """As it is now."""
        busy = LcmOperation.objects.filter(state__in=UNFINISHED).values("instance_id")
        rests = Q(state__in=_RUNS_NOTHING) & ~Q(pk__in=busy)
        rows = AppInstance.objects.annotate(rests=Case(When(rests, then=True), default=False))
        found = list(rows.order_by().values_list("pk", "rests"))
        images = HostImage.objects.order_by()
        here = images.filter(host=host).exclude(vim_id="").values_list("vim_id", flat=True)
        return cls(
            frozenset(str(key) for key, is_resting in found if not is_resting),
            frozenset(str(key) for key, is_resting in found if is_resting),
            frozenset([*map(str, images.values_list("pk", flat=True)), *here]),
        )

    def may_stand(self, one: Leftover) -> bool:
        """Whether this object may be there."""
        if one.image:
            return one.image in self.images or one.path in self.images
        return one.instance in self.instances
