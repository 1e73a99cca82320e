"""Application stores: what each offers, how far it is here, and taking it for a tenant."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.common.errors import DomainError, NotFound
from apps.common.words import say
from apps.hosts.models import AppStore
from apps.packages import onboarding, store_orders
from apps.packages.policies import may_upload
from apps.packages.selectors import access_store_package, packages_for, store_packages
from apps.packages.store_offers import offers_of
from apps.packages.store_orders import Wanted
from apps.packages.stores import access_store
from apps.portal.forms.packages import OnboardForm
from apps.portal.http import actor_of, go_to, sent, show, show_parts, signed_in
from apps.tenants.policies import may, require


@signed_in
@require_GET
def stores(request: HttpRequest) -> HttpResponseBase:
    """The registered stores, and everything that was fetched from them."""
    actor = actor_of(request)
    require(may(actor, "packages.read"))
    context = {
        "stores": AppStore.objects.all(),
        "fetched": store_packages,
        "may_fetch": may_upload(actor),
    }
    parts = {"fetched": "portal/stores/_fetched.html"}
    return show_parts(request, "portal/stores/list.html", parts, context)


@signed_in
@require_GET
def store(request: HttpRequest, ip: str) -> HttpResponseBase:
    """What a store offers now; a store that does not answer is a sentence on the page."""
    actor = actor_of(request)
    require(may(actor, "packages.read"))
    found = access_store(ip)
    trouble, offers = "", []
    try:
        offers = offers_of(ip)
    except NotFound:
        raise
    except DomainError as error:
        trouble = say(error.reason)
    context = {
        "store": found, "offers": offers, "trouble": trouble, "may_fetch": may_upload(actor),
        "fetched": lambda: store_packages(ip=ip),
    }
    return show(request, "portal/stores/detail.html", context, part="portal/stores/_offers.html")


@signed_in
@require_POST
def fetch(request: HttpRequest, ip: str) -> HttpResponseBase:
    """Order the chosen packages to be fetched."""
    actor = actor_of(request)
    require(may_upload(actor))
    wanted = [one for text in request.POST.getlist("package") if (one := _wanted(ip, text))]
    if not wanted:
        messages.error(request, gettext("Choose at least one package."))
        return go_to(request, reverse("store", args=[ip]))
    outcomes = store_orders.fetch_each(actor=actor, wanted=wanted[:400])
    begun = sum(outcome.reason is None for outcome in outcomes)
    for outcome in outcomes:
        if outcome.reason is not None:
            messages.error(request, say(outcome.reason))
    if begun:
        text = ngettext("%(n)s package is being fetched.", "%(n)s packages are being fetched.",
                        begun)
        messages.success(request, text % {"n": begun})
    return go_to(request, reverse("stores"))


@signed_in
@require_http_methods(["GET", "POST"])
def onboard(request: HttpRequest, app_id: uuid.UUID, package_id: uuid.UUID) -> HttpResponseBase:
    """Take a package of a store for a tenant and order it onto hosts."""
    actor = actor_of(request)
    require(may_upload(actor))
    row = access_store_package(app_id, package_id)
    form = OnboardForm(*sent(request), actor=actor, row=row)
    if request.method == "POST" and form.is_valid():
        package = form.carry_out(lambda: onboarding.onboard(
            actor=actor, tenant_id=form.tenant_id, spec=form.to_spec(),
            host_ids=form.chosen_hosts(),
        ))
        if package is not None:
            messages.success(request, gettext("“%(name)s” is taken from the store.")
                             % {"name": packages_for(actor).get(pk=package.pk)})
            return go_to(request, reverse("package", args=[package.pk]))
    context = {"form": form, "row": row}
    status = 422 if form.is_bound else 200
    return show(request, "portal/stores/onboard.html", context, status=status)


def _wanted(ip: str, text: str) -> Wanted | None:
    """The package that a check box stands for: the hex of its app, then its own."""
    try:
        return Wanted(ip, uuid.UUID(hex=text[:32]), uuid.UUID(hex=text[32:]))
    except ValueError:
        return None
