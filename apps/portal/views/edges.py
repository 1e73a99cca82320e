"""The edges of a center: who is invited, who joined and how, and who is shut out."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from apps.hosts.models import AppLcm
from apps.hosts.policies import may_configure
from apps.portal.forms.joining import AutonomyForm, InviteForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, signed_in
from apps.portal.views.confirm import ask
from apps.portal.views.keys import keys_context
from apps.sync import admission, invitations
from apps.sync.models import Peer
from apps.tenants.actors import Actor
from apps.tenants.policies import may, may_change_trust, require


@signed_in
@require_GET
def edges(request: HttpRequest) -> HttpResponseBase:
    """Invitations, the edges, and our keys."""
    actor = _reader(request)
    context = {
        "invitations": [row for row in invitations.invitations() if row.used_at is None],
        "edges": [(row, _peer(row)) for row in _edges().order_by("name", "ip")],
        "may_change": may_change_trust(actor),
        **keys_context(),
    }
    return show(request, "portal/edges/list.html", context, part="portal/edges/_list.html")


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponseBase:
    """Invite an edge; its token is shown on the answer and nowhere else."""
    actor = _reader(request)
    require(may_change_trust(actor))
    form = InviteForm(*sent(request), actor=actor)
    if request.method == "POST" and form.is_valid():
        made = form.carry_out(lambda: invitations.invite(actor=actor, **form.to_words()))
        if made is not None:
            context = {"invitation": made.invitation, "token": made.token,
                       "command": invitations.command_of(made), "center": settings.SITE_URL}
            return show(request, "portal/edges/invited.html", context)
    return show(request, "portal/edges/invite.html", {"form": form},
                status=422 if form.is_bound else 200)


@signed_in
@require_GET
def invitation(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponseBase:
    """One invitation, step by step."""
    actor = _reader(request)
    context = {"invitation": invitations.access(invitation_id), "words": invitations.STEPS,
               "may_change": may_change_trust(actor)}
    return show(request, "portal/edges/invitation.html", context,
                part="portal/edges/_invitation.html")


@signed_in
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponseBase:
    """Take an invitation back, once that is confirmed."""
    actor = _reader(request)
    require(may_change_trust(actor))
    row = invitations.access(invitation_id)
    if request.method == "POST":
        done = gettext("The invitation of “%(name)s” is withdrawn.") % {"name": row}
        attempt(request, lambda: invitations.withdraw(actor=actor, invitation_id=row.pk), done)
        return go_to(request, reverse("edges"))
    return ask(
        request, title=gettext("Withdraw the invitation of “%(name)s”?") % {"name": row},
        consequences=[gettext("Its token is worth nothing from then on.")],
        verb=gettext("Withdraw"), back=reverse("edges"),
    )


@signed_in
@require_http_methods(["GET", "POST"])
def edge(request: HttpRequest, edge_id: uuid.UUID) -> HttpResponseBase:
    """One edge: its link, how it joined, and its autonomy time, which can be set here."""
    actor = _reader(request)
    found = _edge(edge_id)
    peer = _peer(found)
    first = {"hours": peer.autonomy.total_seconds() / 3600}
    form = AutonomyForm(*sent(request), initial=first)
    if request.method == "POST" and form.is_valid():
        autonomy = timedelta(hours=form.cleaned_data["hours"])
        saved = form.carry_out(lambda: admission.set_autonomy(
            actor=actor, edge_id=found.pk, autonomy=autonomy))
        if saved is not None:
            messages.success(request, gettext("“%(name)s” is saved.") % {"name": found})
            return go_to(request, reverse("edge", args=[found.pk]))
    context: dict[str, Any] = {
        "edge": found, "peer": peer, "form": form, "words": invitations.STEPS,
        "invitations": invitations.invitations().filter(edge=found),
        "may_change": may_change_trust(actor), "may_configure": may_configure(actor),
        **keys_context(),
    }
    return show(request, "portal/edges/edge.html", context, part="portal/edges/_edge.html",
                status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, edge_id: uuid.UUID) -> HttpResponseBase:
    """Shut an edge out, once that is confirmed."""
    actor = _reader(request)
    require(may_change_trust(actor))
    found = _edge(edge_id)
    back = reverse("edge", args=[found.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” is shut out.") % {"name": found}
        attempt(request, lambda: admission.revoke(actor=actor, edge_id=found.pk), done)
        return go_to(request, back)
    return ask(
        request, title=gettext("Shut out “%(name)s”?") % {"name": found},
        consequences=[
            gettext("Whatever it asks is refused, and nothing is ordered there any more."),
            gettext("What it told before stays readable, with its age."),
            gettext("What runs there runs on. A new invitation under its name lets it in again."),
        ],
        verb=gettext("Shut it out"), back=back,
    )


def _reader(request: HttpRequest) -> Actor:
    """Who asks; these pages are a center's."""
    if settings.ROLE.joins:
        raise Http404
    actor = actor_of(request)
    require(may(actor, "systems.read"))
    return actor


def _edge(edge_id: uuid.UUID) -> AppLcm:
    found = _edges().filter(pk=edge_id).first()
    if found is None:
        raise Http404
    return found


def _edges() -> QuerySet[AppLcm]:
    return AppLcm.objects.select_related("peer")


def _peer(edge: AppLcm) -> Peer:
    """How it is followed; as usual for one that nobody followed yet."""
    found: Peer | None = getattr(edge, "peer", None)
    return found or Peer(edge=edge)
