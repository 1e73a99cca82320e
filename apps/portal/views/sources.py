"""App stores and app repositories, which have the same life: listed, registered, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.hosts import stores
from apps.hosts.models import AppRepo, AppStore
from apps.hosts.policies import may_configure
from apps.portal.forms.stores import RepoForm, StoreForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, signed_in
from apps.portal.listing import Column, Table
from apps.portal.views.confirm import ask
from apps.tenants.policies import may, require


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two: what it is called, its form, its table, and by which column it is known."""

    name: str
    model: type[Any]
    label: Promise
    title: Promise
    form: Callable[..., Any]
    key: str
    table: Table[Any]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("stores", AppStore, _("App store"), _("App stores"), StoreForm, "ip", Table(
            columns=(
                Column("name", _("Name"), "name"),
                Column("address", _("Address"), "ip"),
                Column("registry", _("Image registry"), "repo"),
                Column("producer", _("Producer"), "producer"),
                Column("password", _("Password")),
            ),
            search=("name", "ip", "repo", "repo_name", "producer"), first_order="name",
        )),
        Kind("repositories", AppRepo, _("App repository"), _("App repositories"), RepoForm,
             "endpoint", Table(
                 columns=(
                     Column("name", _("Name"), "name"),
                     Column("address", _("Endpoint"), "endpoint"),
                     Column("user", _("User name"), "user_name"),
                     Column("password", _("Password")),
                 ),
                 search=("name", "endpoint", "user_name"), first_order="name",
             )),
    )
}


@signed_in
@require_GET
def listing(request: HttpRequest, kind: str) -> HttpResponseBase:
    """All of one kind."""
    actor = actor_of(request)
    require(may(actor, "systems.read"))
    found = _kind(kind)
    context = {
        "kind": found, "kinds": KINDS.values(), "may_configure": may_configure(actor),
        "list": found.table.read(request, found.model.objects.all()),
    }
    return show(request, "portal/sources/list.html", context, part="portal/sources/_list.html")


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Register one."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = _kind(kind)
    form = found.form(*sent(request))
    if request.method == "POST" and form.is_valid():
        made = form.carry_out(
            lambda: stores.register(found.model, actor=actor, spec=form.to_spec()))
        if made is not None:
            messages.success(request, gettext("“%(name)s” is registered.") % {"name": made})
            return go_to(request, reverse("sources", args=[kind]))
    return show(request, "portal/sources/form.html", {"form": form, "kind": found},
                status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    """Change one; its password stays unless another is given."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = _kind(kind)
    row = stores.access(found.model, key)
    form = found.form(*sent(request), row=row)
    if request.method == "POST" and form.is_valid():
        saved = form.carry_out(
            lambda: stores.update(found.model, actor=actor, key=key, spec=form.to_spec()))
        if saved is not None:
            messages.success(request, gettext("“%(name)s” is saved.") % {"name": saved})
            return go_to(request, reverse("sources", args=[kind]))
    context = {"form": form, "kind": found, "row": row}
    return show(request, "portal/sources/form.html", context, status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, kind: str, key: str) -> HttpResponseBase:
    """Remove one, once that is confirmed."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = _kind(kind)
    row = stores.access(found.model, key)
    back = reverse("sources", args=[kind])
    if request.method == "POST":
        done = gettext("“%(name)s” is removed.") % {"name": row}
        attempt(request, lambda: stores.remove(found.model, actor=actor, key=key), done)
        return go_to(request, back)
    return ask(
        request, title=gettext("Remove “%(name)s”?") % {"name": row},
        consequences=[gettext("Its password is forgotten. What was fetched from it stays.")],
        verb=gettext("Remove"), back=back,
    )


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Http404
    return KINDS[name]
