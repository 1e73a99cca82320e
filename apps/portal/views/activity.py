"""Who did what when: the record, as far as the reader may know it."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.journal.models import Entry
from apps.journal.selectors import entries
from apps.portal.http import actor_of, show, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.tenants.policies import may, require

TABLE: Table[Entry] = Table(
    columns=(
        Column("when", _("When"), "id"),
        Column("who", _("Who"), "actor_name"),
        Column("what", _("What"), "verb"),
        Column("thing", _("On what"), "subject_name"),
        Column("request", _("Request")),
    ),
    search=("actor_name", "subject_name", "verb", "request_id"),
    first_order="-when",
    facets=(
        Facet("about", _("Area"), (
            ("packages", _("Packages"), Q(verb__startswith="packages.")),
            ("instances", _("Instances"), Q(verb__startswith="instances.")),
            ("hosts", _("Hosts and edges"), Q(verb__startswith="hosts.")),
            ("platform", _("MEC platform"), Q(verb__startswith="mep.")),
            ("people", _("Tenants and users"), Q(verb__startswith="tenants.")),
            ("sync", _("Synchronization"), Q(verb__startswith="sync.")
             | Q(verb__endswith=".contested") | Q(verb__endswith=".settled")),
        )),
        Facet("by", _("Done by"), (
            ("people", _("people"), ~Q(actor_id="system")),
            ("system", _("the system"), Q(actor_id="system")),
        )),
    ),
)


@signed_in
@require_GET
def activity(request: HttpRequest) -> HttpResponseBase:
    """The record, newest first; a tenant sees the entries of its own."""
    actor = actor_of(request)
    require(may(actor, "activity.read"))
    rows = entries(tenant_id=None if actor.is_admin else actor.wall)
    return show(request, "portal/activity/list.html", {"list": TABLE.read(request, rows)},
                part="portal/activity/_list.html")
