"""At an edge: what its center does not have yet, and what it has and cannot use."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.portal.center_away import away
from apps.portal.http import actor_of, show, signed_in
from apps.portal.listing import paged
from apps.sync import waiting
from apps.tenants.policies import may, require

MOST_REFUSED = 100


@signed_in
@require_GET
def changes(request: HttpRequest) -> HttpResponseBase:
    """Every change that waits for the center: what it is, when it was, and by whom."""
    actor = actor_of(request)
    require(may(actor, "feed.read"))
    presence = waiting.presence()
    context: dict[str, object] = {"presence": presence, "list": None, "refused": []}
    if presence is not None:
        found = paged(request, waiting.changes(presence.reader))
        rows = list(waiting.refused(presence.reader)[:MOST_REFUSED])
        names = waiting.names_of(rows)
        context |= {
            "list": replace(found, rows=waiting.named(found.rows)),
            "refused": [(row, names.get((row.kind, str(row.subject_id)), "")) for row in rows],
        }
    part = "portal/waiting/_changes.html"
    return show(request, "portal/waiting/changes.html", context, part=part)


@signed_in
@require_GET
def banner(request: HttpRequest) -> HttpResponseBase:
    """The banner alone, for a page that stays open."""
    return show(request, "portal/waiting/_banner.html", {"center_away": away()})
