"""Synchronization with the edges: how each link is, what waits, and what was done."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from apps.hosts.models import AppLcm
from apps.portal.http import actor_of, attempt, go_to, only, show, show_parts, signed_in
from apps.portal.listing import Column, Facet, Table, paged
from apps.portal.sync_view import COUNTED, lines_of
from apps.sync import conflicts, runs
from apps.sync.models import Peer, SyncRun, Verdict
from apps.sync.selectors import access_edge, access_run, edges_for, held_rows, runs_for
from apps.sync.tasks import pull_edge
from apps.tenants.actors import Actor
from apps.tenants.policies import Decision, may, require

EDGES: Table[AppLcm] = Table(
    columns=(
        Column("name", _("Edge"), "name"),
        Column("link", _("Link"), "peer__verdict"),
        Column("success", _("Last success"), "peer__last_ok"),
        Column("waiting", _("Waits there"), "peer__pending"),
        Column("held", _("Held back"), "held", "num"),
        Column("contested", _("Conflicts"), "contested", "num"),
        Column("do", ""),
    ),
    search=("name", "ip"),
    first_order="name",
    facets=(
        Facet("link", _("Link"), tuple(
            (str(value), label, Q(peer__verdict=value)) for value, label in Verdict.choices
        )),
    ),
)
RUNS: Table[SyncRun] = Table(
    columns=(
        Column("when", _("When"), "created_at"),
        Column("edge", _("Edge"), "edge__name"),
        Column("state", _("State"), "state"),
        Column("brought", _("What it brought")),
        Column("who", _("Asked by"), "actor_name"),
    ),
    search=("edge__name", "edge__ip", "actor_name"),
    first_order="-when",
    facets=(
        Facet("state", _("State"), tuple(
            (str(value), label, Q(state=value)) for value, label in SyncRun.State.choices
        )),
        Facet("by", _("Asked by"), (
            ("people", _("people"), ~Q(actor_name="")),
            ("system", _("the system"), Q(actor_name="")),
        )),
    ),
)
_PARTS = {
    "state": "portal/sync/_edge_state.html",
    "link": "portal/sync/_edge_link.html",
    "held": "portal/sync/_edge_held.html",
    "runs": "portal/sync/_edge_runs.html",
}
LATEST = 10


@signed_in
@require_GET
def edges(request: HttpRequest) -> HttpResponseBase:
    """The edges, each with the verdict on its link and with what waits on either side."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    found = EDGES.read(request, edges_for(actor))
    rows = [(edge, _peer(edge), may_pull(actor, edge)) for edge in found.rows]
    context = {"list": found, "rows": rows, "whole": actor.is_admin, "tab": "edges",
               "open": _open(actor)}
    return show(request, "portal/sync/edges.html", context, part="portal/sync/_edges.html")


@signed_in
@require_GET
def edge(request: HttpRequest, edge_id: uuid.UUID) -> HttpResponseBase:
    """One edge: its link, what is held back of its news, and its last synchronizations."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    found = access_edge(actor, edge_id)
    context = {
        "edge": found,
        "peer": _peer(found),
        "may_pull": may_pull(actor, found),
        "held": lambda: paged(request, held_rows(found)),
        "runs": lambda: runs_for(actor).filter(edge=found)[:LATEST],
        "whole": actor.is_admin,
    }
    parts = only(_PARTS, {"link": actor.is_admin, "held": actor.is_admin})
    return show_parts(request, "portal/sync/edge.html", parts, context)


@signed_in
@require_POST
def pull(request: HttpRequest, edge_id: uuid.UUID) -> HttpResponseBase:
    """Synchronize with an edge now; for a tenant, on behalf of that tenant."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    found = access_edge(actor, edge_id)

    @transaction.atomic
    def ask() -> None:
        runs.start(
            actor=actor, edge=found, tenant_id=None if actor.is_admin else actor.tenant_id
        )
        transaction.on_commit(lambda: pull_edge.delay(str(found.pk)))

    attempt(request, ask, gettext("“%(name)s” is asked for its changes.") % {"name": found})
    return go_to(request, reverse("sync_edge", args=[found.pk]))


@signed_in
@require_GET
def history(request: HttpRequest) -> HttpResponseBase:
    """The synchronizations that did something, or that a person asked for."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    context = {"list": RUNS.read(request, runs_for(actor)), "tab": "runs", "open": _open(actor)}
    return show(request, "portal/sync/runs.html", context, part="portal/sync/_runs.html")


@signed_in
@require_GET
def run(request: HttpRequest, run_id: uuid.UUID) -> HttpResponseBase:
    """One synchronization: how far it is, what it brought of each kind, and its steps."""
    actor = actor_of(request)
    require(may(actor, "sync.read"))
    found = access_run(actor, run_id)
    # The steps are those of the whole site, and not of a tenant that asked.
    context = {
        "run": found, "lines": lines_of(found), "heads": COUNTED,
        "steps": found.steps if actor.is_admin else [],
    }
    return show(request, "portal/sync/run.html", context, part="portal/sync/_run.html")


def may_pull(actor: Actor, edge: AppLcm) -> Decision:
    """Whether the actor may ask for the changes of an edge now."""
    if edge.revoked_at is not None:
        return Decision(False, runs.shut_out(edge))
    return may(actor, "sync.read")


def _peer(edge: AppLcm) -> Peer:
    """How an edge was followed so far; for one that nobody has asked yet, not at all."""
    peer: Peer | None = getattr(edge, "peer", None)
    return peer or Peer(edge_id=edge.pk)


def _open(actor: Actor) -> int:
    return conflicts.open_for(actor).count()
