"""What the dashboard shows: counts with a source, what needs attention, what to set up first.

Reads through the selectors only, so that everybody sees counts of what they may see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.common.words import Text
from apps.hosts.models import MecHost
from apps.hosts.selectors import applcms, hosts_for
from apps.instances.models import AppInstance
from apps.instances.selectors import instances_for
from apps.instances.states import Health, InstanceState
from apps.mep.selectors import services_for, subscriptions_for
from apps.mep.states import ServiceState
from apps.monitoring import marks
from apps.monitoring.marks import Mark
from apps.packages.models import Distribution
from apps.packages.selectors import distributions_for, packages_for
from apps.packages.states import DistributionState
from apps.portal.conflict_words import fields_sentence
from apps.portal.held import held_sentence
from apps.portal.mep_overview import FAILING, service_tile
from apps.portal.nav import sections_for
from apps.portal.sync_view import kind_name
from apps.portal.tiles import Share, Tile, present
from apps.sync import conflicts
from apps.sync.selectors import holding_peers
from apps.tenants.actors import Actor
from apps.tenants.policies import may

EACH = 5
EDGE_LOST = Q(applcm__reachable=False)
ONLINE = Q(reachable=True) & ~EDGE_LOST
OFFLINE = Q(reachable=False) | EDGE_LOST
NEVER_SEEN = Q(reachable=None) & ~EDGE_LOST
UNDELIVERED = Q(applcm__isnull=False, delivered_version__lt=F("desired_version"))
REFUSED_ACCESS = Q(credential__isnull=False) & ~Q(credential__fault={})
FAILED_STATES = (
    InstanceState.CREATE_FAILED, InstanceState.INSTANTIATION_FAILED, InstanceState.TERMINATE_FAILED,
)


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that needs somebody: what it is, how it is, since when, and where to look."""

    mark: Mark
    kind: Text
    name: str
    url: str
    why: Text
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of setting a site up."""

    title: Text
    text: Text
    url: str
    done: bool
    allowed: bool


def tiles(actor: Actor) -> list[Tile]:
    """The numbers of the dashboard, as far as the actor's sections go."""
    makers = {"hosts": _host_tile, "packages": _package_tile, "instances": _instance_tile,
              "systems": _edge_tile, "mep_services": service_tile}
    return [makers[one.name](actor) for one in sections_for(actor) if one.name in makers]


def _host_tile(actor: Actor) -> Tile:
    url = reverse("hosts")
    found = hosts_for(actor).aggregate(
        total=Count("pk"), on=Count("pk", ONLINE), off=Count("pk", OFFLINE),
        never=Count("pk", NEVER_SEEN),
    )
    shares = [
        Share(marks.OK, _("online"), found["on"], f"{url}?state=online"),
        Share(marks.BAD, _("offline"), found["off"], f"{url}?state=offline"),
        Share(marks.UNKNOWN, _("never seen"), found["never"], f"{url}?state=never"),
    ]
    return Tile(_("Hosts"), "host", found["total"], url, present(shares))


def _package_tile(actor: Actor) -> Tile:
    url = reverse("packages")
    counts = dict(
        distributions_for(actor).order_by().values_list("state").annotate(n=Count("pk"))
    )
    shares = [
        Share(marks.OK, _("copies on hosts"), counts.get(DistributionState.DISTRIBUTED, 0), url),
        Share(marks.BUSY, _("on their way"), counts.get(DistributionState.PROCESSING, 0), url),
        Share(marks.BAD, _("failed"), counts.get(DistributionState.ERROR, 0), url),
    ]
    return Tile(_("Packages"), "package", packages_for(actor).count(), url, present(shares))


def _instance_tile(actor: Actor) -> Tile:
    url = reverse("instances")
    rows = instances_for(actor).order_by().values_list("state").annotate(n=Count("pk"))
    counts = {state: number for state, number in rows if number}
    shares = []
    for state in InstanceState:
        mark = marks.state_mark(state)
        shares.append(
            Share(mark.tone, mark.label, counts.get(state, 0), f"{url}?state={slug(state)}")
        )
    return Tile(_("Instances"), "instance", sum(counts.values()), url, present(shares))


def _edge_tile(actor: Actor) -> Tile:
    url = reverse("systems")
    found = applcms().aggregate(
        total=Count("pk"), on=Count("pk", Q(reachable=True)),
        off=Count("pk", Q(reachable=False)), never=Count("pk", Q(reachable=None)),
    )
    shares = [
        Share(marks.OK, _("online"), found["on"], url),
        Share(marks.BAD, _("offline"), found["off"], url),
        Share(marks.UNKNOWN, _("never seen"), found["never"], url),
    ]
    return Tile(_("Edges"), "system", found["total"], url, present(shares))


def slug(state: str) -> str:
    """A state as it is written in a URL."""
    return str(state).lower().replace(" ", "-")


def concerns(actor: Actor) -> list[Concern]:
    """What needs attention, the widest first; at most a few of each kind."""
    found = list(_edges(actor)) + list(_conflicts(actor)) + list(_hosts(actor))
    found += list(_instances(actor)) + list(_distributions(actor))
    return found + list(_services(actor)) + list(_subscriptions(actor))


def _edges(actor: Actor) -> Iterator[Concern]:
    if not may(actor, "systems.read"):
        return
    for edge in applcms().select_related("peer").filter(reachable=False)[:EACH]:
        mark = marks.edge_mark(edge)
        url = reverse("sync_edge", args=[edge.pk])
        yield Concern(mark, _("Edge"), edge.name, url, mark.detail, mark.since)
    for peer in holding_peers()[:EACH]:
        url = reverse("sync_edge", args=[peer.edge_id])
        yield Concern(marks.held_back_mark(), _("Edge"), peer.edge.name, url,
                      held_sentence(peer), None)


def _conflicts(actor: Actor) -> Iterator[Concern]:
    if not any(section.name == "sync" for section in sections_for(actor)):
        return
    rows = list(conflicts.open_for(actor)[:EACH])
    since = conflicts.since_of(row["key"] for row in rows)
    for row in rows:
        url = reverse("conflict", args=[row["kind"], row["key"]])
        yield Concern(marks.conflict_mark(), kind_name(row["kind"]), row["called"], url,
                      fields_sentence(row["contested"]), since.get(str(row["key"])))


def _hosts(actor: Actor) -> Iterator[Concern]:
    ill = Q(reachable=False) | EDGE_LOST | UNDELIVERED | REFUSED_ACCESS
    for host in hosts_for(actor).select_related("applcm__peer").filter(ill)[: 2 * EACH]:
        yield _host_concern(host)


def _host_concern(host: MecHost) -> Concern:
    url = reverse("host", args=[host.pk])
    mark, access = marks.host_mark(host), marks.credentials_mark(host)
    if access.tone == marks.BAD and mark.tone != marks.BAD:
        return Concern(access, _("Credentials"), host.name, url, access.detail, None)
    late = not host.is_delivered and mark.tone in (marks.UNKNOWN, marks.BUSY)
    why = marks.late_reason(host) if late else mark.detail
    return Concern(mark, _("Host"), host.name, url, why, mark.since)


def _instances(actor: Actor) -> Iterator[Concern]:
    ill = Q(state__in=FAILED_STATES) | Q(
        state=InstanceState.INSTANTIATED, health__in=[Health.DEGRADED, Health.FAILED]
    )
    for row in instances_for(actor).filter(ill).order_by("-updated_at")[:EACH]:
        yield _instance_concern(row)


def _instance_concern(row: AppInstance) -> Concern:
    mark = marks.instance_mark(row) if row.state in FAILED_STATES else marks.health_mark(row)
    url = reverse("instance", args=[row.pk])
    return Concern(mark, _("Instance"), row.app_name, url, mark.detail, row.updated_at)


def _distributions(actor: Actor) -> Iterator[Concern]:
    rows = distributions_for(actor).filter(state=DistributionState.ERROR, removing=False)
    for row in rows.order_by("-updated_at")[:EACH]:
        yield _distribution_concern(row)


def _distribution_concern(row: Distribution) -> Concern:
    mark = marks.distribution_mark(row)
    url = reverse("package", args=[row.package_id])
    return Concern(mark, _("Distribution"), str(row), url, mark.detail, row.updated_at)


def _services(actor: Actor) -> Iterator[Concern]:
    rows = services_for(actor).filter(state=ServiceState.SUSPENDED)
    for row in rows.order_by("-state_since")[:EACH]:
        url = reverse("mep_service", args=[row.pk])
        yield Concern(marks.service_mark(row), _("Service"), row.ser_name, url,
                      str(row.application), row.state_since)


def _subscriptions(actor: Actor) -> Iterator[Concern]:
    rows = subscriptions_for(actor).filter(FAILING)
    for row in rows.order_by("-failures")[:EACH]:
        mark = marks.subscription_mark(row)
        url = reverse("mep_subscription", args=[row.pk])
        yield Concern(mark, _("Subscription"), str(row.application), url, mark.detail, row.last_ok)


def setup(actor: Actor) -> list[Step]:
    """The way from an empty site to the first instance; empty once somebody has walked it."""
    if instances_for(actor).exists():
        return []
    steps = list(_infrastructure(actor)) + list(_applications(actor))
    return [] if all(step.done for step in steps) else steps


def _infrastructure(actor: Actor) -> Iterator[Step]:
    allowed = bool(may(actor, "hosts.write"))
    if any(section.name == "systems" for section in sections_for(actor)):
        yield Step(_("Register an edge"), _("The AppLCM that answers for a site at the edge."),
                   reverse("manager_new", args=["applcm"]), applcms().exists(), allowed)
    hosts = hosts_for(actor)
    yield Step(_("Register a host"), _("The MEC host that will run the applications."),
               reverse("host_new"), hosts.exists(), allowed)
    lacking = hosts.filter(credential__isnull=True).first()
    url = reverse("host_credentials", args=[lacking.pk]) if lacking else reverse("hosts")
    stored = hosts.filter(credential__isnull=False).exists()
    yield Step(_("Store its credentials"), _("The access file that opens its VIM."), url, stored,
               allowed and lacking is not None)


def _applications(actor: Actor) -> Iterator[Step]:
    allowed = bool(may(actor, "packages.write"))
    packages = packages_for(actor)
    first = packages.first()
    yield Step(_("Upload a package"), _("A CSAR; it is checked before it is accepted."),
               reverse("package_upload"), first is not None, allowed)
    url = reverse("package_distribute", args=[first.pk]) if first else reverse("packages")
    placed = distributions_for(actor).filter(state=DistributionState.DISTRIBUTED).exists()
    yield Step(_("Distribute it"), _("Choose the hosts that shall have it."), url, placed,
               allowed and first is not None)
    yield Step(_("Start the first instance"), _("On a host that has the package."),
               reverse("instance_new"), False, bool(may(actor, "instances.write")) and placed)
