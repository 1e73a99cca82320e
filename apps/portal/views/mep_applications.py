"""Application instances on the MEC platform: the list, one of them, and its AK/SK."""

from __future__ import annotations

import hashlib
import uuid
from functools import cache

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.mep import applications as services
from apps.mep.models import Application
from apps.mep.selectors import (
    access_application,
    applications_for,
    services_for,
    subscriptions_for,
)
from apps.portal.forms.mep import KeysForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, show_parts, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.portal.views.confirm import ask
from apps.portal.views.mep_services import UNSHOWN
from apps.portal.views.mep_subscriptions import names_of
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

TABLE: Table[Application] = Table(
    columns=(
        Column("name", _("Name"), "name"),
        Column("tenant", _("Tenant"), "tenant__name"),
        Column("ready", _("Ready"), "ready_at"),
        Column("services", _("Services"), "service_count", css="num"),
        Column("subscriptions", _("Subscriptions"), "subscription_count", css="num"),
        Column("keys", _("AK/SK"), "has_keys"),
        Column("end", _("Its end"), "pending_action"),
    ),
    search=("name", "id", "tenant__name"),
    first_order="name",
    facets=(
        Facet("state", _("State"), (
            ("ready", _("ready"), Q(ready_at__isnull=False, pending_action="")),
            ("silent", _("has not said that it is ready"), Q(ready_at__isnull=True)),
            ("ending", _("ending"), ~Q(pending_action="")),
        )),
        Facet("keys", _("AK/SK"), (
            ("with", _("with AK/SK"), Q(has_keys=True)),
            ("without", _("without AK/SK"), Q(has_keys=False)),
        )),
    ),
)
SHOWN = 50
_PARTS = {
    "state": "portal/mep/_application_state.html",
    "about": "portal/mep/_application_about.html",
    "services": "portal/mep/_application_services.html",
    "subscriptions": "portal/mep/_application_subscriptions.html",
}


@signed_in
@require_GET
def applications(request: HttpRequest) -> HttpResponseBase:
    """All application instances that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    context = {"list": TABLE.read(request, applications_for(actor).defer("info", "appd"))}
    return show(request, "portal/mep/applications.html", context,
                part="portal/mep/_applications.html")


@signed_in
@require_GET
def application(request: HttpRequest, application_id: uuid.UUID) -> HttpResponseBase:
    """One application instance: what it registered, and what it subscribed to."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    found = access_application(actor, application_id)
    rows = subscriptions_for(actor).filter(application=found)[:SHOWN]
    context = {
        "application": found,
        "services": lambda: services_for(actor).filter(application=found).defer(*UNSHOWN)[:SHOWN],
        "subscriptions": lambda: rows,
        "names": cache(lambda: names_of(actor, rows)),
        "may_manage": may(actor, "mep.write"),
    }
    return show_parts(request, "portal/mep/application.html", _PARTS, context)


@signed_in
@require_http_methods(["GET", "POST"])
def credentials(request: HttpRequest, application_id: uuid.UUID) -> HttpResponseBase:
    """Give an application an AK/SK: one that is brought along, or a new one, shown this once."""
    actor = actor_of(request)
    require(may(actor, "mep.write"))
    found = access_application(actor, application_id)
    if "generate" in request.POST:
        if request.POST["generate"] == _mark_of(found):
            return _generated(request, actor, found)
        messages.warning(request, gettext("The AK/SK has changed since; nothing new was made."))
        return go_to(request, reverse("mep_application", args=[found.pk]))
    form = KeysForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        pair = data["access_key"], data["secret_key"]
        if form.carry_out(lambda: _store(actor, found, *pair)):
            messages.success(request, gettext("The AK/SK is stored, sealed."))
            return go_to(request, reverse("mep_application", args=[found.pk]))
    context = {"form": form, "application": found, "mark": _mark_of(found)}
    return show(request, "portal/mep/credentials.html", context,
                status=422 if form.is_bound else 200)


def _mark_of(found: Application) -> str:
    """Changes with the pair: a page that is sent twice makes one pair, not two."""
    return hashlib.sha256(found.stamp.encode()).hexdigest()[:16]


def _generated(request: HttpRequest, actor: Actor, found: Application) -> HttpResponse:
    access, secret = services.new_pair()
    _store(actor, found, access, secret)
    context = {"application": found, "access": access, "secret": secret}
    return show(request, "portal/mep/new_pair.html", context)


def _store(actor: Actor, found: Application, access: str, secret: str) -> object:
    had = getattr(found, "credential", None)
    return services.configure(
        actor=actor, application=found, access_key=access, secret_key=secret,
        required_services=had.required_services if had else [],
    )


@signed_in
@require_http_methods(["GET", "POST"])
def remove_credentials(request: HttpRequest, application_id: uuid.UUID) -> HttpResponseBase:
    """Take the AK/SK of an application away, once that is confirmed."""
    actor = actor_of(request)
    require(may(actor, "mep.write"))
    found = access_application(actor, application_id)
    back = reverse("mep_application", args=[found.pk])
    if request.method == "POST":
        attempt(request, lambda: services.remove_credentials(actor=actor, application=found),
                gettext("The AK/SK is removed."))
        return go_to(request, back)
    return ask(
        request,
        title=gettext("Remove the AK/SK of “%(name)s”?") % {"name": found},
        consequences=[
            gettext("The tokens that it has end at once, and it cannot get new ones."),
            gettext("Its services stay until they miss their heartbeat."),
        ],
        verb=gettext("Remove AK/SK"),
        back=back,
    )
