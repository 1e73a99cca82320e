"""Subscriptions to the MEC platform: the list, one with its deliveries, and removing one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import cache

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.mep.models import Delivery, Subscription
from apps.mep.selectors import access_subscription, deliveries_of, services_for, subscriptions_for
from apps.mep.states import DeliveryState
from apps.mep.subscriptions import unsubscribe
from apps.portal.http import (
    actor_of,
    attempt,
    go_to,
    show,
    show_parts,
    signed_in,
    wants_fragment,
)
from apps.portal.listing import Column, Facet, Table
from apps.portal.mep_overview import FAILING, WAITING
from apps.portal.mep_words import service_ids
from apps.portal.views.confirm import ask
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

Kind = Subscription.Kind
TABLE: Table[Subscription] = Table(
    columns=(
        Column("application", _("Application"), "application__name"),
        Column("wants", _("Wants to hear of")),
        Column("callback", _("Callback"), "callback"),
        Column("state", _("State"), "failures"),
        Column("waiting", _("Waiting"), "waits", css="num"),
        Column("last", _("Last success"), "last_ok"),
    ),
    search=("application__name", "callback"),
    first_order="application",
    facets=(
        Facet("kind", _("Kind"), (
            ("services", _("services"), Q(kind=Kind.AVAILABILITY)),
            ("end", _("own end"), Q(kind=Kind.TERMINATION)),
        )),
        Facet("state", _("State"), (
            ("failing", _("deliveries fail"), FAILING),
            ("waiting", _("notifications wait"), WAITING),
            ("fine", _("nothing waits"), Q(failures=0, waits__lte=0)),
        )),
    ),
)
DELIVERIES: Table[Delivery] = Table(
    columns=(
        Column("seq", _("No."), "seq", css="num"),
        Column("news", _("What it tells")),
        Column("state", _("State"), "state"),
        Column("queued", _("Queued"), "queued_at"),
        Column("done", _("Done"), "done_at"),
    ),
    search=("event__ser_name",),
    first_order="-seq",
    facets=(
        Facet("state", _("State"), tuple(
            (str(state), state.label, Q(state=state)) for state in DeliveryState
        )),
    ),
)
_PARTS = {
    "state": "portal/mep/_subscription_state.html",
    "about": "portal/mep/_subscription_about.html",
    "deliveries": "portal/mep/_deliveries.html",
}


@signed_in
@require_GET
def subscriptions(request: HttpRequest) -> HttpResponseBase:
    """All subscriptions that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    found = TABLE.read(request, subscriptions_for(actor))
    context = {"list": found, "names": names_of(actor, found.rows)}
    return show(request, "portal/mep/subscriptions.html", context,
                part="portal/mep/_subscriptions.html")


def names_of(actor: Actor, rows: Iterable[Subscription]) -> dict[str, str]:
    """The names of the services that these subscriptions name by id, as far as they are seen."""
    keys = [key for key in service_ids(list(rows)) if _is_id(key)]
    if not keys:
        return {}
    found = services_for(actor).filter(pk__in=keys)
    return {str(key): name for key, name in found.values_list("pk", "ser_name")}


def _is_id(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


@signed_in
@require_GET
def subscription(request: HttpRequest, subscription_id: uuid.UUID) -> HttpResponseBase:
    """One subscription with what was sent to it, a page at a time."""
    actor = actor_of(request)
    require(may(actor, "mep.read"))
    found = access_subscription(actor, subscription_id)
    listed = DELIVERIES.read(request, deliveries_of(found))
    told = {row.event.service_id for row in listed.rows if row.event is not None}
    context = {
        "subscription": found,
        "names": names_of(actor, [found]),
        "list": listed,
        "known": cache(lambda: set(
            services_for(actor).filter(pk__in=told).values_list("pk", flat=True))),
        "may_manage": may(actor, "mep.write"),
    }
    page = "portal/mep/subscription.html"
    # The pages of the deliveries are turned in place.
    if wants_fragment(request) and "part" not in request.GET:
        return show(request, page, context, part=_PARTS["deliveries"])
    return show_parts(request, page, _PARTS, context)


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, subscription_id: uuid.UUID) -> HttpResponseBase:
    """Remove a subscription, once that is confirmed."""
    actor = actor_of(request)
    require(may(actor, "mep.write"))
    found = access_subscription(actor, subscription_id)
    back = reverse("mep_subscription", args=[found.pk])
    if request.method == "POST":
        gone = attempt(
            request,
            lambda: unsubscribe(actor=actor, application=found.application, subscription=found),
            gettext("The subscription is removed."),
        )
        return go_to(request, reverse("mep_subscriptions") if gone else back)
    return ask(
        request,
        title=gettext("Remove the subscription of “%(name)s”?") % {"name": found.application},
        consequences=[
            gettext("Nothing more is sent to %(callback)s.") % {"callback": found.callback},
            gettext("Notifications that wait for it are dropped: %(n)s.") % {"n": found.waiting},
            gettext("The application is not told; it may subscribe again."),
        ],
        verb=gettext("Remove subscription"),
        back=back,
    )
