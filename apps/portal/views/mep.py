"""The MEC platform: its overview, and who subscribed to what as a graph."""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.mep.liveness import policy
from apps.mep.selectors import events_for, services_for, troubled_for
from apps.monitoring.mep_topology import service_graph
from apps.portal import mep_overview
from apps.portal.http import actor_of, show, show_parts, signed_in
from apps.tenants.policies import may, require

EVENTS, TROUBLES = 10, 8
_PARTS = {
    "tiles": "portal/mep/_tiles.html",
    "events": "portal/mep/_events.html",
    "troubles": "portal/mep/_troubles.html",
    "calls": "portal/mep/_calls.html",
    "heartbeats": "portal/mep/_heartbeats.html",
}


@signed_in
@require_GET
def overview(request: HttpRequest) -> HttpResponseBase:
    """Counts, what happened last, what does not arrive, and how heartbeats are configured."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    here = services_for(actor).filter(application__site_id__isnull=True)
    events = cache(lambda: list(events_for(actor)[:EVENTS]))
    context = {
        "tiles": lambda: mep_overview.tiles(actor),
        "events": events,
        # A template asks for it once per row.
        "known": cache(lambda: set(services_for(actor).filter(
            pk__in=[event.service_id for event in events()]).values_list("pk", flat=True))),
        "troubles": lambda: troubled_for(actor)[:TROUBLES],
        "plot": cache(mep_overview.registry_plot),
        "policy": policy.current,
        "beating": lambda: here.filter(liveness_interval__isnull=False).count(),
    }
    return show_parts(request, "portal/mep/overview.html", _PARTS, context)


@signed_in
@require_GET
def topology(request: HttpRequest) -> HttpResponseBase:
    """The platform, its applications and their services, and who subscribed to which."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    return show(request, "portal/mep/topology.html", {"graph": service_graph(actor)},
                part="portal/mep/_topology_table.html")


@signed_in
@require_GET
def topology_table(request: HttpRequest) -> HttpResponseBase:
    """The table beside the graph; a fragment of its own, which also reads alone."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    return show(request, "portal/mep/_topology_table.html", {"graph": service_graph(actor)})
