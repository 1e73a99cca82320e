"""Deployments by strategy: the decisions, one with every host, trying and deploying."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.common.errors import NotFound
from apps.hosts.selectors import hosts_for
from apps.instances.policies import may_create
from apps.instances.selectors import instances_for
from apps.orchestration import deployments as service
from apps.orchestration.models import PlacementDecision, Purpose
from apps.packages.models import Package
from apps.packages.selectors import access_package, packages_for
from apps.portal.decision_view import drawn
from apps.portal.forms.deployments import DeploymentForm
from apps.portal.http import actor_of, go_to, sent, show, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require

TABLE: Table[PlacementDecision] = Table(
    columns=(
        Column("name", _("Name"), "app_name"),
        Column("package", _("Package"), "package_name"),
        Column("purpose", _("Purpose"), "purpose"),
        Column("hosts", _("Hosts")),
        Column("considered", _("Considered"), "considered", "num"),
        Column("at", _("When"), "created_at"),
    ),
    search=("app_name", "package_name"),
    first_order="-at",
    facets=(
        Facet("kind", _("Purpose"), (
            ("deployment", _("Deployment"), Q(dry_run=False, purpose=Purpose.DEPLOYMENT)),
            ("drain", _("Drain"), Q(purpose=Purpose.DRAIN)),
            ("dry", _("Dry run"), Q(dry_run=True)),
        )),
    ),
)


@signed_in
@require_GET
def deployments(request: HttpRequest) -> HttpResponseBase:
    """All decisions that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    context = {
        "list": TABLE.read(request, service.decisions_for(actor)), "may_create": may_create(actor)
    }
    part = "portal/deployments/_list.html"
    return show(request, "portal/deployments/list.html", context, part=part)


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Try a strategy, or deploy by it; what was tried stands below the form."""
    actor = actor_of(request)
    require(may_create(actor))
    chosen = _chosen(actor, request.GET.get("package", ""))
    form = DeploymentForm(*sent(request), package=chosen) if chosen else None
    ready = packages_for(actor).filter(has_file=True, removing=False)
    context: dict[str, Any] = {
        "packages": ready.order_by("name", "-created_at"), "package": chosen, "form": form,
    }
    if chosen and form and form.is_bound and form.is_valid():
        made = _carry_out(actor, chosen, form, dry_run="try" in request.POST)
        if made is not None and not made.dry_run:
            messages.success(request, _said(made))
            return go_to(request, reverse("placement_decision", args=[made.pk]))
        if made is not None:
            context |= _record(actor, made)
            return show(request, "portal/deployments/new.html", context)
    status = 422 if form and form.is_bound else 200
    return show(
        request, "portal/deployments/new.html", context, part="portal/deployments/_new.html",
        status=status,
    )


@signed_in
@require_GET
def decision(request: HttpRequest, decision_id: uuid.UUID) -> HttpResponseBase:
    """One decision: each host, what dropped it or its score, and what would have to change."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    found = service.access_decision(actor, decision_id)
    return show(request, "portal/deployments/detail.html", _record(actor, found))


def _record(actor: Actor, made: PlacementDecision) -> dict[str, Any]:
    placed = list(made.placed.all())
    there = instances_for(actor).filter(pk__in=[one.instance_id for one in placed])
    return {
        "decision": made,
        "drawn": drawn(actor, made),
        "placed": placed,
        "instances_there": set(there.values_list("pk", flat=True)),
        "hosts_there": {str(key) for key in hosts_for(actor).values_list("pk", flat=True)},
    }


def _carry_out(
    actor: Actor, package: Package, form: DeploymentForm, *, dry_run: bool
) -> PlacementDecision | None:
    work = service.preview if dry_run else service.deploy
    spec = form.to_spec()
    return form.carry_out(lambda: work(actor=actor, tenant_id=package.tenant_id, spec=spec))


def _said(made: PlacementDecision) -> str:
    placed = list(made.placed.all())
    fine = sum(1 for one in placed if one.instance_id and not one.fault)
    return ngettext(
        "“%(name)s” was ordered on %(n)s host.", "“%(name)s” was ordered on %(n)s hosts.", fine
    ) % {"name": made.app_name, "n": fine} + (
        "" if fine == len(placed)
        else " " + gettext("%(n)s could not be ordered.") % {"n": len(placed) - fine}
    )


def _chosen(actor: Actor, text: str) -> Package | None:
    try:
        return access_package(actor, uuid.UUID(text)) if text else None
    except (ValueError, NotFound):
        return None
