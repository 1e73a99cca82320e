"""Hosts: the list, one host with what its edge says of it, registering, changing, removing."""

from __future__ import annotations

import uuid
from functools import cache, reduce
from operator import or_
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.common.errors import Invalid
from apps.hosts import credentials as access
from apps.hosts import services
from apps.hosts.driver_settings import spec_of
from apps.hosts.models import HostCredential, MecHost
from apps.hosts.policies import may_configure, may_handle_credentials, may_see_resources
from apps.hosts.selectors import access_host, hosts_for, tenants_of
from apps.hosts.sharing import share_host
from apps.instances.selectors import instances_for
from apps.journal.selectors import history_of
from apps.mep.selectors import services_at
from apps.monitoring.load import series_of
from apps.packages.selectors import distributions_for
from apps.portal.forms.hosts import CredentialsForm, HostForm
from apps.portal.http import actor_of, attempt, go_to, only, sent, show, show_parts, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.portal.load_view import panel
from apps.portal.overview import NEVER_SEEN, OFFLINE, ONLINE
from apps.portal.views.confirm import ask
from apps.portal.views.mep_services import UNSHOWN
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.vim.contract import ProbeResult
from apps.vim.registry import Kind, kind_of, kinds

HISTORY, SERVICES = 30, 12


def _is_of(kind: Kind) -> Q:
    """The hosts of one kind of VIM, however it is spelled."""
    return reduce(or_, (Q(vim__iexact=alias) for alias in sorted(kind.aliases)))


TABLE: Table[MecHost] = Table(
    columns=(
        Column("name", _("Name"), "name"),
        Column("link", _("Link"), "reachable"),
        Column("address", _("Address"), "ip"),
        Column("vim", _("VIM"), "vim"),
        Column("edge", _("Edge"), "applcm__name"),
        Column("credentials", _("Credentials")),
        Column("seen", _("As of"), "observed_at"),
    ),
    search=("name", "ip", "city", "address", "applcm__name"),
    first_order="name",
    facets=(
        Facet("state", _("Link"), (
            ("online", _("Online"), ONLINE),
            ("offline", _("Offline"), OFFLINE),
            ("never", _("Never seen"), NEVER_SEEN),
        )),
        Facet("vim", _("VIM"), tuple(
            (kind.name, gettext_lazy(kind.label), _is_of(kind)) for kind in kinds()
        )),
    ),
)
_PARTS = {
    "state": "portal/hosts/_state.html",
    "facts": "portal/hosts/_facts.html",
    "load": "portal/_load.html",
    "about": "portal/hosts/_about.html",
    "packages": "portal/hosts/_packages.html",
    "instances": "portal/hosts/_instances.html",
    "services": "portal/hosts/_services.html",
    "credentials": "portal/hosts/_credentials.html",
    "settings": "portal/hosts/_settings.html",
    "history": "portal/_history.html",
}


@signed_in
@require_GET
def hosts(request: HttpRequest) -> HttpResponseBase:
    """All hosts that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "hosts.read"))
    rows = hosts_for(actor).select_related("applcm__peer")
    context = {"list": TABLE.read(request, rows), "may_configure": may_configure(actor)}
    return show(request, "portal/hosts/list.html", context, part="portal/hosts/_list.html")


@signed_in
@require_GET
def host(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """One host: whether it answers, what it offers, what is on it."""
    actor = actor_of(request)
    require(may(actor, "hosts.read"))
    found = access_host(actor, host_id)
    context = {
        "host": found,
        "credential": _credential(found),
        "facts": _facts(found),
        "load": cache(lambda: _load(request, found)),
        "distributions": lambda: distributions_for(actor).filter(host=found).order_by(
            "package__name"),
        "instances": lambda: instances_for(actor).filter(host=found).order_by("app_name"),
        "services": cache(lambda: _services(actor, found)),
        "may_configure": may_configure(actor),
        "may_handle_credentials": may_handle_credentials(actor),
        "may_see_resources": may_see_resources(actor),
        "has_resources": "vm" in kind_of(found.vim).app_classes,
        "tenants": lambda: tenants_of(actor, found),
        "driver_settings": lambda: spec_of(found),
        "history": lambda: history_of("mechost", str(found.pk))[:HISTORY],
        "history_topic": f"host:{found.pk}",
    }
    shown = may_configure(actor)
    parts = only(_PARTS, {"history": shown, "settings": shown})
    return show_parts(request, "portal/hosts/detail.html", parts, context)


def _load(request: HttpRequest, found: MecHost) -> dict[str, Any]:
    return panel(
        series_of(found.pk),
        request.GET.get("span", ""),
        address=reverse("host", args=[found.pk]),
        topic=f"host:{found.pk}",
    )


def _services(actor: Actor, found: MecHost) -> dict[str, Any]:
    """The services of the MEC platform that the host belongs to, what is suspended first."""
    rows = services_at(actor, found.applcm_id).defer(*UNSHOWN).order_by("-state", "ser_name", "pk")
    shown = list(rows[: SERVICES + 1])
    left = rows.count() - SERVICES if len(shown) > SERVICES else 0
    return {"shown": shown[:SERVICES], "left": left}


def _credential(found: MecHost) -> HostCredential | None:
    return getattr(found, "credential", None)


def _facts(found: MecHost) -> ProbeResult | None:
    """What the last good probe said; nothing where it cannot be read any more."""
    try:
        return ProbeResult.from_json(found.facts) if found.facts else None
    except Invalid:
        return None


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Register a host."""
    actor = actor_of(request)
    require(may_configure(actor))
    form = HostForm(*sent(request), actor=actor)
    if request.method == "POST" and form.is_valid():
        made = form.carry_out(lambda: _saved(actor, form, None))
        if made is not None:
            done = gettext("“%(name)s” is registered; now give it its credentials.")
            messages.success(request, done % {"name": made})
            return go_to(request, reverse("host_credentials", args=[made.pk]))
    return show(request, "portal/hosts/form.html", {"form": form}, status=_status(form))


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Change the configuration of a host."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    form = HostForm(*sent(request), actor=actor, host=found)
    if request.method == "POST" and form.is_valid():
        saved = form.carry_out(lambda: _saved(actor, form, found.pk))
        if saved is not None:
            messages.success(request, gettext("“%(name)s” is saved.") % {"name": saved})
            return go_to(request, reverse("host", args=[found.pk]))
    context = {"form": form, "host": found}
    return show(request, "portal/hosts/form.html", context, status=_status(form))


@transaction.atomic
def _saved(actor: Actor, form: HostForm, host_id: uuid.UUID | None) -> MecHost:
    """The host as the form has it, and for whom, or neither of the two."""
    spec = form.to_spec()
    if host_id is None:
        host = services.register_host(actor=actor, spec=spec)
    else:
        host = services.update_host(actor=actor, host_id=host_id, spec=spec)
    return share_host(actor=actor, host_id=host.pk, tenant_ids=form.tenant_ids())


@signed_in
@require_http_methods(["GET", "POST"])
def credentials(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Store the access file of a host; what is stored is never shown again."""
    actor = actor_of(request)
    require(may_handle_credentials(actor))
    found = access_host(actor, host_id)
    form = CredentialsForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        stored = form.carry_out(lambda: access.store_credentials(
            actor=actor, host_id=found.pk, content=form.bytes(),
            untested=form.cleaned_data["untested"]))
        if stored is not None:
            messages.success(request, gettext("The credentials are stored, sealed."))
            return go_to(request, reverse("host", args=[found.pk]))
    context: dict[str, Any] = {"form": form, "host": found, "credential": _credential(found)}
    return show(request, "portal/hosts/credentials.html", context, status=_status(form))


@signed_in
@require_http_methods(["GET", "POST"])
def remove_credentials(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Forget the access file of a host, once that is confirmed."""
    actor = actor_of(request)
    require(may_handle_credentials(actor))
    found = access_host(actor, host_id)
    back = reverse("host", args=[found.pk])
    if request.method == "POST":
        attempt(request, lambda: access.remove_credentials(actor=actor, host_id=found.pk),
                gettext("The credentials are removed."))
        return go_to(request, back)
    return ask(
        request, title=gettext("Remove the credentials of “%(name)s”?") % {"name": found},
        consequences=[gettext("Nothing can be started, watched or stopped there without them.")],
        verb=gettext("Remove credentials"), back=back,
    )


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """Remove a host, once that is confirmed."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    back = reverse("host", args=[found.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” is being removed.") % {"name": found}
        if attempt(request, lambda: services.remove_host(actor=actor, host_id=found.pk), done):
            back = reverse("hosts")
        return go_to(request, back)
    return ask(
        request, title=gettext("Remove the host “%(name)s”?") % {"name": found},
        consequences=[
            gettext("Its configuration and its credentials are deleted here and at its edge."),
            gettext("It is refused while instances are on the host."),
        ],
        verb=gettext("Remove host"), back=back,
    )


def _status(form: HostForm | CredentialsForm) -> int:
    return 422 if form.is_bound else 200
