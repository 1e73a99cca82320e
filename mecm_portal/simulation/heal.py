"""The trouble is over: both sites work and talk until nothing moves, and people decide the rest.

Not coming to rest is a violation; what both sites have then is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from uuid import UUID

from apps.common.errors import DomainError
from apps.hosts import services as hosts
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.orchestration import services as orchestration
from apps.orchestration.orphans import find_orphans, remove_orphan
from apps.packages import services as packages
from apps.packages.models import Package
from apps.rules import services as rules
from apps.rules.models import AppdConfiguration, RuleTask
from apps.sync import puller
from apps.sync.models import HeldRow
from apps.sync.taking import LOST
from apps.tenants.actors import SYSTEM
from mecm_portal.simulation import judge, work
from mecm_portal.simulation.deeds import TWIN
from mecm_portal.simulation.model import AT_CENTER, Violation
from mecm_portal.simulation.site import Site
from mecm_portal.simulation.watch import Watch
from mecm_portal.simulation.wire import CALM
from mecm_portal.simulation.world import World

PAUSES = (16, 61, 301, 901, 901, 901, 61, 61, 61, 16, 61, 301, 901, 901, 901, 61, 61)
MOST_TIDYINGS = 8
FAILED = ("Instantiation failed", "Terminate failed")
_TABLES = (
    "hosts_mechost", "packages_package", "packages_distribution", "instances_appinstance",
    "rules_appdconfiguration", "mep_mecservice", "journal_tombstone",
)
Note = Callable[[str], None]


def heal(world: World, watch: Watch, note: Note) -> None:
    """Bring the world to rest and judge it; raises Violation."""
    world.wire.mood = CALM
    for site in world.sites:
        site.disarm()
    for number in range(MOST_TIDYINGS):
        _rest(world, watch, note)
        judge.needless_failures(world)
        if not _tidy(world, watch, note):
            judge.judge(world, watch)
            return
        note(f"tidied {number}")
    raise Violation("people never come to an end with tidying")


def _rest(world: World, watch: Watch, note: Note) -> None:
    before: object = None
    for pause in PAUSES:
        _round(world, note)
        watch.look()
        left, now = _left(world), _versions(world)
        if not left and now == before:
            return
        before = now
        world.pass_time(pause)
    raise Violation(f"it does not come to rest: {left or 'the versions go on growing'}")


def _round(world: World, note: Note) -> None:
    for site in (world.edge, world.center):
        with site.inside():
            for name, job in list(work.jobs()):
                note(f"  {site.name} {name} {job()}")
    with world.edge.inside():
        for _, look in list(work.looks()):
            look()
    with world.center.inside():
        note(f"  {puller.pull(world.edge_id)}")


def _versions(world: World) -> object:
    """What changes when anything does; the numbers of orders that are tried again are no change."""
    sums = " + ".join(f"(SELECT coalesce(sum(version), 0) FROM {one})" for one in _TABLES)  # noqa: S608 - names of ours
    return [site.raw.execute(f"SELECT {sums}").fetchone() for site in world.sites]


def _left(world: World) -> list[str]:
    """What is still to be done at either site."""
    found: list[str] = []
    for site in world.sites:
        with site.inside():
            found += [f"{site.name} {one}" for one in work.left()]
    return found


# --- people ---------------------------------------------------------------------------------------


def _tidy(world: World, watch: Watch, note: Note) -> int:
    """What people do when all is quiet: they choose, and order again what has failed."""
    done, removed = 0, _removed(world)
    for site in world.sites:
        people = world.people[site.name]
        with site.inside():
            while site.name == AT_CENTER and people.settle_host():
                done += 1
            while site.name == AT_CENTER and people.settle_rules():
                done += 1
            for thing, order in _again(world, site):
                if thing in removed:
                    _must_say_why(watch, *thing)
                with suppress(DomainError):
                    order()
                    world.model.removal(site.name, *thing)
                    done += 1
                    note(f"  {site.name} again {' '.join(thing)}")
            for what, retry in _rules_again():
                with suppress(DomainError):
                    retry()
                    done += 1
                    note(f"  {site.name} again {what}")
    return done + _collect(world, note)


def _collect(world: World, note: Note) -> int:
    """What a restored edge forgot and what was to end, or never began there as it now knows, is
    left over at its host: it is removed.
    """
    found = 0
    with world.edge.inside():
        for orphan in list(find_orphans()) if world.model.restores else ():
            thing = world.model.things.get(("instance", orphan.what.instance))
            is_forgotten = orphan.is_known and orphan.what.instance in world.model.forgotten
            if thing is not None and (thing.touched or is_forgotten):
                found += remove_orphan(orphan)
                world.tally["leftovers removed"] += 1
                note(f"  edge removes what is left of {orphan.what.instance}")
    return found


Named = tuple[str, str]
NAMES = {"mechost": "host", "package": "package"}
Again = tuple[Named, Callable[[], object]]


def _removed(world: World) -> set[Named]:
    """What is to be gone by now."""
    return {key for key, thing in world.model.things.items() if thing.removed}


def _ended_before(world: World) -> set[Named]:
    """What had ended when its edge was set back, and cannot go while something there uses it."""
    held = world.center.raw.execute(
        "SELECT kind, subject_id FROM sync_heldrow WHERE code = 'ended_before'"
    ).fetchall()
    there = dict[str, Named]()
    for key, package, host in world.edge.raw.execute(
        "SELECT id, package_id, host_id FROM packages_distribution"
    ):
        there[key] = ("distribution", f"{UUID(package)} {UUID(host)}")
    found = {(NAMES[kind], str(UUID(key))) for kind, key in held if kind in NAMES}
    return found | {there[key] for kind, key in held if kind == "distribution" and key in there}


def _again(world: World, site: Site) -> Iterator[Again]:
    """What was to go at a site and is there, or stands on what is gone."""
    removed = _removed(world)
    under = removed | _ended_before(world)
    for instance in AppInstance.objects.select_related("host").order_by("pk"):
        stranded = site.name == AT_CENTER and (
            instance.host.removing or _is_only_here(world, instance) or _is_named_away(instance)
        )
        named = ("instance", str(instance.pk))
        if named in removed or stranded or _stands_on_what_was_removed(under, instance):
            yield named, partial(orchestration.terminate, actor=SYSTEM, instance_id=instance.pk)
    for package in Package.objects.filter(removing=False).order_by("pk"):
        named = ("package", str(package.pk))
        if named in removed:
            yield named, partial(packages.remove_package, actor=SYSTEM, package_id=package.pk)
    for host in MecHost.objects.filter(removing=False).order_by("pk"):
        named = ("host", str(host.pk))
        if named in removed:
            yield named, partial(hosts.remove_host, actor=SYSTEM, host_id=host.pk)


def _rules_again() -> Iterator[tuple[str, Callable[[], object]]]:
    """Rules that could not be handed over, for a reason that people have read.

    What was only at the edge and was lost with it has no rules there.
    """
    lost = HeldRow.objects.filter(kind="appinstance").values("subject_id")
    failed = RuleTask.objects.filter(state="Failure").values("instance_id")
    rows = AppdConfiguration.objects.filter(instance_id__in=failed).exclude(instance_id__in=lost)
    for row in rows.order_by("pk"):
        if not row.is_delivered:
            yield (
                f"rules of {row.instance_id}",
                partial(rules.retry, actor=SYSTEM, instance_id=row.instance_id),
            )


# How the sites say that something does not go.
FAILS_AS = {
    "instance": ("terminate", "held"), "package": ("distribution", "held"), "host": ("host", "held")
}


def _must_say_why(watch: Watch, kind: str, key: str) -> None:
    """What was to go and is there is ordered again by people who have read why; raises Violation.
    """
    bare = UUID(key).hex
    if not any(what in FAILS_AS[kind] and of.startswith(bare) for what, of in watch.failed):
        raise Violation(f"the {kind} {key} is there, removed, and nothing says why")


def _stands_on_what_was_removed(removed: set[Named], instance: AppInstance) -> bool:
    """Whether one site removed its package or host while the other began to use it: people end
    that."""
    package, host = str(instance.package_id), str(instance.host_id)
    under = {("package", package), ("host", host), ("distribution", f"{package} {host}")}
    return not removed.isdisjoint(under)


def _is_only_here(world: World, instance: AppInstance) -> bool:
    """Whether it was ordered and never came to be at the edge, and people have read why."""
    found = world.edge.raw.execute(
        "SELECT 1 FROM instances_appinstance WHERE id = ?", [instance.pk.hex]
    )
    # What was only at the edge and was lost with it cannot be given back; people know.
    held = HeldRow.objects.filter(kind="appinstance", subject_id=instance.pk)
    return instance.state in FAILED and not found.fetchone() and not held.exists()


def _is_named_away(instance: AppInstance) -> bool:
    """Whether it was lost, and another has its name at the edge by now: people end one of them."""
    held = HeldRow.objects.filter(kind="appinstance", subject_id=instance.pk, code=LOST)
    return instance.app_name == TWIN and held.filter(reason__code="upstream_refused").exists()
