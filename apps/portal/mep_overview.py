"""The numbers of the MEC platform's pages: counts with a source, as far as the reader sees.

Reads through the selectors only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mep import calls
from apps.mep.governance import subscribed
from apps.mep.selectors import applications_for, services_for, subscriptions_for
from apps.mep.states import ServiceState
from apps.monitoring import marks
from apps.portal.mep_words import Plot, plot
from apps.portal.tiles import Share, Tile, present
from apps.tenants.actors import Actor

FAILING = Q(failures__gt=0)
WAITING = Q(failures=0, waits__gt=0)


def tiles(actor: Actor) -> list[Tile]:
    """Applications, services, subscriptions, and what is subscribed to."""
    return [
        _application_tile(actor), service_tile(actor), _subscription_tile(actor),
        _relation_tile(actor),
    ]


def service_tile(actor: Actor) -> Tile:
    """Services by their state."""
    url = reverse("mep_services")
    rows = services_for(actor).order_by().values_list("state").annotate(n=Count("pk"))
    counts = dict(rows)
    shares = []
    for state in ServiceState:
        mark = marks.service_state_mark(state)
        shares.append(
            Share(mark.tone, mark.label, counts.get(state, 0), f"{url}?state={state.lower()}")
        )
    return Tile(_("Services"), "service", sum(counts.values()), url, present(shares))


def _application_tile(actor: Actor) -> Tile:
    url = reverse("mep_applications")
    rows = applications_for(actor)
    ready = Q(ready_at__isnull=False, pending_action="")
    ends = ~Q(pending_action="")
    shares = [
        Share(marks.OK, _("ready"), rows.filter(ready).count(), f"{url}?state=ready"),
        Share(marks.BUSY, _("ending"), rows.filter(ends).count(), f"{url}?state=ending"),
    ]
    return Tile(_("Applications"), "app", rows.count(), url, present(shares))


def _subscription_tile(actor: Actor) -> Tile:
    url = reverse("mep_subscriptions")
    rows = subscriptions_for(actor)
    shares = [
        Share(marks.BAD, _("fail"), rows.filter(FAILING).count(), f"{url}?state=failing"),
        Share(marks.BUSY, _("wait"), rows.filter(WAITING).count(), f"{url}?state=waiting"),
    ]
    return Tile(_("Subscriptions"), "bell", rows.count(), url, present(shares))


def _relation_tile(actor: Actor) -> Tile:
    url = reverse("mep_topology")
    applications, services = subscribed(actor)
    shares = [Share(marks.INFO, _("subscribing applications"), applications, url)]
    return Tile(_("Subscribed services"), "topology", services, url, present(shares))


def registry_plot() -> Plot:
    """How often the registry was called, by day."""
    found = calls.last_days([calls.REGISTER, calls.DISCOVER])
    series: Sequence[tuple[str, list[int]]] = (
        (_("Registrations"), found[calls.REGISTER]), (_("Discoveries"), found[calls.DISCOVER]),
    )
    return plot(series, calls.first_day())


def service_plot(name: str) -> Plot:
    """How often a service was called, as its gateway reported."""
    found = calls.last_days([name[:64]])[name[:64]]
    known: date | None = calls.first_day() if any(found) else None
    return plot([(_("Calls"), found)], known)
