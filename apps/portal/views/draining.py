"""Closing a host to new instances, opening it, emptying it, and how far that is."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from apps.hosts.cordon import set_cordoned
from apps.hosts.policies import may_configure
from apps.hosts.selectors import access_host
from apps.orchestration import draining
from apps.portal.http import actor_of, attempt, go_to, show, signed_in
from apps.portal.views.confirm import ask
from apps.tenants.policies import require


@signed_in
@require_http_methods(["GET", "POST"])
def cordon(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Close a host to new instances, once that is confirmed."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    back = reverse("host", args=[found.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” takes no new instances now.") % {"name": found}
        attempt(
            request, lambda: set_cordoned(actor=actor, host_id=found.pk, cordoned=True), done
        )
        return go_to(request, back)
    return ask(
        request, title=gettext("Cordon “%(name)s”?") % {"name": found},
        consequences=[
            gettext("Nothing new is placed or created there until it is uncordoned."),
            gettext("What runs there is left alone."),
        ],
        verb=gettext("Cordon"), back=back, danger=False,
    )


@signed_in
@require_http_methods(["GET", "POST"])
def uncordon(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Open a host to new instances again, once that is confirmed."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    back = reverse("host", args=[found.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” takes instances again.") % {"name": found}
        attempt(request, lambda: draining.uncordon(actor=actor, host_id=found.pk), done)
        return go_to(request, back)
    return ask(
        request, title=gettext("Uncordon “%(name)s”?") % {"name": found},
        consequences=[
            gettext("New instances are placed and created there again."),
            gettext("A draining ends; what is already on its way to another host goes there."),
        ],
        verb=gettext("Uncordon"), back=back, danger=False,
    )


@signed_in
@require_http_methods(["GET", "POST"])
def drain(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Move everything off a host, once that is confirmed; ``?named=1`` what was named too."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    named = request.GET.get("named") == "1"
    if request.method == "POST":
        done = gettext("“%(name)s” is being drained.") % {"name": found}
        ordered = attempt(request, lambda: draining.drain(
            actor=actor, host_id=found.pk, move_named=named), done)
        page = "host_drained" if ordered else "host"
        return go_to(request, reverse(page, args=[found.pk]))
    stays = gettext("What was put there by name stays, and is listed.")
    if named:
        stays = gettext("What was put there by name goes to the least loaded host that can run it.")
    return ask(
        request, title=gettext("Drain “%(name)s”?") % {"name": found},
        consequences=[
            gettext("The host is cordoned: nothing new is placed there."),
            gettext("Each instance that was placed by a strategy comes up on another host that "
                    "its strategy allows; only then is the old one terminated, with its data."),
            stays,
        ],
        verb=gettext("Drain"), back=reverse("host", args=[found.pk]),
    )


@signed_in
@require_GET
def drained(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """How far the last draining of a host is."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    context = {"host": found, "drain": draining.drain_of(found.pk)}
    part = "portal/hosts/_drained.html"
    return show(request, "portal/hosts/drained.html", context, part=part)
