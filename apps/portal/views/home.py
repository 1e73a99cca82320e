"""The dashboard and the topology page."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.journal.models import Entry
from apps.journal.selectors import entries
from apps.monitoring.topology import graph_for
from apps.portal import overview
from apps.portal.http import actor_of, only, show, show_parts, signed_in
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

RECENT = 8
_PARTS = {
    "tiles": "portal/home/_tiles.html",
    "concerns": "portal/home/_concerns.html",
    "recent": "portal/home/_recent.html",
}


@signed_in
@require_GET
def dashboard(request: HttpRequest) -> HttpResponseBase:
    """Counts with a source, what needs attention, and what happened last."""
    actor = actor_of(request)
    part = request.GET.get("part", "")
    context = {
        "tiles": lambda: overview.tiles(actor),
        "concerns": lambda: overview.concerns(actor),
        "setup": [] if part else overview.setup(actor),
        "recent": lambda: _recent(actor),
    }
    parts = only(_PARTS, {"recent": may(actor, "activity.read")})
    return show_parts(request, "portal/home/dashboard.html", parts, context)


def _recent(actor: Actor) -> QuerySet[Entry]:
    """The last deeds; the work behind them is told on the pages of the instances."""
    rows = entries(tenant_id=None if actor.is_admin else actor.wall)
    return rows.exclude(kind="lcmoperation")[:RECENT]


@signed_in
@require_GET
def topology(request: HttpRequest) -> HttpResponseBase:
    """Center, edges, hosts, instances and workloads as one graph, with a table beside it."""
    actor = actor_of(request)
    require(may(actor, "topology.read"))
    return show(request, "topology/page.html", {"graph": graph_for(actor)},
                part="topology/_table.html")


@signed_in
@require_GET
def topology_table(request: HttpRequest) -> HttpResponseBase:
    """The table beside the graph; a fragment of its own, which also reads alone."""
    actor = actor_of(request)
    require(may(actor, "topology.read"))
    return show(request, "topology/_table.html", {"graph": graph_for(actor)})
