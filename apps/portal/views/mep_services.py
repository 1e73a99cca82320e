"""The services of the MEC platform: the list, and one with its heartbeat, history and consumers."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import cache

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.hosts.selectors import applcms
from apps.mep.history import spans_of
from apps.mep.models import MecService
from apps.mep.selectors import access_service, events_of, services_for, subscribers_for
from apps.mep.states import ServiceState
from apps.portal import mep_overview
from apps.portal.http import actor_of, only, show, show_parts, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.portal.mep_record import record_of
from apps.portal.mep_words import Strip, strip
from apps.tenants.policies import may, require

HISTORY, CONSUMERS = 30, 50
TABLE: Table[MecService] = Table(
    columns=(
        Column("name", _("Name"), "ser_name"),
        Column("state", _("State"), "state"),
        Column("heartbeat", _("Heartbeat"), "liveness_interval"),
        Column("application", _("Application"), "application__name"),
        Column("category", _("Category"), "category_key"),
        Column("scope", _("Scope"), "scope_of_locality"),
        Column("since", _("In this state"), "state_since"),
    ),
    search=("ser_name", "ser_version", "application__name", "category_key"),
    first_order="name",
    facets=(
        Facet("state", _("State"), tuple(
            (state.lower(), state.label, Q(state=state)) for state in ServiceState
        )),
        Facet("heartbeat", _("Heartbeat"), (
            ("with", _("with heartbeat"), Q(liveness_interval__isnull=False)),
            ("without", _("without heartbeat"), Q(liveness_interval__isnull=True)),
        )),
    ),
)
# Documents that the list does not show, so that one of them that is damaged breaks no list.
UNSHOWN = ("transport", "category", "application__info", "application__appd")
_PARTS = {
    "state": "portal/mep/_service_state.html",
    "heartbeat": "portal/mep/_service_heartbeat.html",
    "strips": "portal/mep/_service_strips.html",
    "record": "portal/mep/_service_record.html",
    "consumers": "portal/mep/_service_consumers.html",
    "calls": "portal/mep/_service_calls.html",
    "events": "portal/mep/_service_events.html",
}


@signed_in
@require_GET
def services(request: HttpRequest) -> HttpResponseBase:
    """All services that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    rows = services_for(actor).defer(*UNSHOWN)
    return show(request, "portal/mep/services.html", {"list": TABLE.read(request, rows)},
                part="portal/mep/_services.html")


@signed_in
@require_GET
def service(request: HttpRequest, service_id: uuid.UUID) -> HttpResponseBase:
    """One service, live; of a copy, what its edge reported."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    found = access_service(actor, service_id)
    site_id = found.application.site_id
    here = site_id is None
    context = {
        "service": found,
        "edge": applcms().filter(pk=site_id).first() if site_id else None,
        "here": here,
        "record": lambda: record_of(found),
        "strips": lambda: _strips(found),
        "consumers": lambda: subscribers_for(actor, found)[:CONSUMERS],
        "plot": cache(lambda: mep_overview.service_plot(found.ser_name)),
        "events": lambda: events_of(found.pk)[:HISTORY],
    }
    local = ("strips", "consumers", "calls", "events")
    parts = only(_PARTS, dict.fromkeys(local, here))
    return show_parts(request, "portal/mep/service.html", parts, context)


def _strips(found: MecService) -> list[Strip]:
    return [
        strip("hour", _("Last hour"), _("1 h ago"), spans_of(found, timedelta(hours=1))),
        strip("day", _("Last day"), _("24 h ago"), spans_of(found, timedelta(days=1))),
    ]
