"""Instances: the list, a new one, one with its steps and its workload, starting and ending it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.common.errors import NotFound
from apps.hosts.models import MecHost
from apps.hosts.selectors import hosts_for
from apps.instances.models import AppInstance, LcmOperation
from apps.instances.policies import may_create, may_handle_servers, may_operate
from apps.instances.selectors import access_instance, instances_for, operations_of
from apps.instances.states import Health, InstanceState
from apps.journal.selectors import history_of
from apps.monitoring.marks import seen_of
from apps.orchestration import batch, services
from apps.orchestration.deployments import placed_by
from apps.packages.models import Package
from apps.packages.policies import fits
from apps.packages.revisions import superseded
from apps.packages.selectors import access_package, distributions_of, packages_for
from apps.packages.states import DistributionState
from apps.portal.forms.instances import InstanceForm, Place
from apps.portal.http import actor_of, attempt, go_to, only, sent, show, show_parts, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.portal.overview import FAILED_STATES, slug
from apps.portal.views import many
from apps.portal.views.confirm import ask
from apps.rules.policies import may_configure
from apps.rules.selectors import find_configuration, tasks_for
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.vim.registry import kind_of

HISTORY = 30
OPERATIONS = 10
TABLE: Table[AppInstance] = Table(
    columns=(
        Column("name", _("Name"), "app_name"),
        Column("state", _("State"), "state"),
        Column("health", _("Health"), "health"),
        Column("package", _("Package"), "package__name"),
        Column("host", _("Host"), "host__name"),
        Column("tenant", _("Tenant"), "tenant__name"),
        Column("created", _("Created at"), "created_at"),
    ),
    search=("app_name", "description", "package__name", "host__name", "host__ip"),
    first_order="name",
    facets=(
        Facet(
            "state",
            _("State"),
            (
                ("failed", _("Failed"), Q(state__in=FAILED_STATES)),
                *((slug(state), state.label, Q(state=state)) for state in InstanceState),
            ),
        ),
        Facet(
            "health",
            _("Health"),
            tuple((slug(health), health.label, Q(health=health)) for health in Health),
        ),
    ),
)
_PARTS = {
    "state": "portal/instances/_state.html",
    "work": "portal/instances/_work.html",
    "workload": "portal/instances/_workload.html",
    "rules": "portal/instances/_rules.html",
    "history": "portal/_history.html",
}
_GONE_PARTS = {name: part for name, part in _PARTS.items() if name != "rules"} | {
    "state": "portal/instances/_gone.html",
    "workload": "portal/instances/_no_workload.html",
}


@signed_in
@require_GET
def instances(request: HttpRequest) -> HttpResponseBase:
    """All instances that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    rows = instances_for(actor).select_related("host__applcm__peer")
    context = {"list": TABLE.read(request, rows), "may_create": may_create(actor)}
    return show(request, "portal/instances/list.html", context, part="portal/instances/_list.html")


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Create an instance, and start it when the viewer wants that at once."""
    actor = actor_of(request)
    require(may_create(actor))
    chosen = _chosen(actor, request.GET.get("package", ""))
    form = _form(request, actor, chosen) if chosen else None
    if chosen and form and form.is_bound and form.is_valid():
        spec = form.to_spec()
        if len(form.ips()) > 1:
            outcomes = batch.create(
                actor=actor, tenant_id=chosen.tenant_id, spec=spec, host_ips=form.ips()
            )
            return many.created(request, actor, outcomes, start="start" in request.POST)
        made = form.carry_out(
            lambda: services.create_instance(actor=actor, tenant_id=chosen.tenant_id, spec=spec)
        )
        if made is not None:
            if "start" in request.POST:
                done = gettext("“%(name)s” is being created and started.") % {"name": made}
                attempt(
                    request, lambda: services.instantiate(actor=actor, instance_id=made.pk), done
                )
            return go_to(request, reverse("instance", args=[made.pk]))
    ready = packages_for(actor).filter(has_file=True, removing=False)
    context = {"packages": ready.order_by("name", "-created_at"), "package": chosen, "form": form}
    status = 422 if form and form.is_bound else 200
    return show(
        request,
        "portal/instances/new.html",
        context,
        part="portal/instances/_new.html",
        status=status,
    )


def _chosen(actor: Actor, text: str) -> Package | None:
    try:
        return access_package(actor, uuid.UUID(text)) if text else None
    except (ValueError, NotFound):
        return None


def _form(request: HttpRequest, actor: Actor, package: Package) -> InstanceForm:
    having = distributions_of(package).filter(state=DistributionState.DISTRIBUTED, removing=False)
    has = set(having.values_list("host_id", flat=True))
    places = [Place(host, host.pk in has) for host in hosts_for(actor) if fits(package, host)]
    asked = request.GET.get("host", "")
    first = asked or (str(places[0].host.pk) if len(places) == 1 else "")
    initial = {"host": [first] if first else []}
    return InstanceForm(*sent(request), package=package, places=places, initial=initial)


@signed_in
@require_GET
def instance(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """One instance, live; one that is gone shows how it ended."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    try:
        found = access_instance(actor, instance_id)
    except NotFound:
        return _gone(request, actor, instance_id)
    context = {
        "instance": found,
        "seen": seen_of(found),
        "newer_revision": cache(lambda: superseded([found.package_id]).get(found.package_id)),
        "decision": cache(lambda: placed_by(found.pk)),
        "operations": lambda: operations_of(found.pk)[:OPERATIONS],
        "may_instantiate": may_operate(actor, found, "instantiate"),
        "may_upgrade": may_operate(actor, found, "upgrade"),
        "may_terminate": may_operate(actor, found, "terminate"),
        "may_handle_servers": may_handle_servers(actor, found),
        "may_see_images": found.package.app_class == "vm" and may_create(actor),
        "may_configure": may_configure(actor, found),
        "rules": cache(lambda: _rules(actor, found)),
        "history": lambda: history_of("appinstance", str(found.pk))[:HISTORY],
        "history_topic": f"instance:{found.pk}",
    }
    return show_parts(request, "portal/instances/detail.html", _allowed(actor, _PARTS), context)


def _rules(actor: Actor, instance: AppInstance) -> dict[str, Any]:
    return {
        "configuration": find_configuration(actor, instance.pk),
        "task": tasks_for(actor).filter(instance=instance).first(),
    }


def _allowed(actor: Actor, parts: Mapping[str, str]) -> dict[str, str]:
    return only(parts, {"history": may(actor, "activity.read")})


def _gone(request: HttpRequest, actor: Actor, instance_id: uuid.UUID) -> HttpResponse:
    """The record of an instance that is no more, for those who could see it."""
    rows = operations_of(instance_id)
    rows = rows if actor.is_admin else rows.filter(tenant_id=actor.wall)
    operations: list[LcmOperation] = list(rows[:OPERATIONS])
    if not operations:
        access_instance(actor, instance_id)
    context: dict[str, Any] = {
        "name": operations[0].app_name,
        "operations": operations,
        "instance_id": instance_id,
        "images_at": _image_host(actor, operations[0].host_id),
        "history": lambda: history_of("appinstance", str(instance_id))[:HISTORY],
        "history_topic": f"instance:{instance_id}",
    }
    return show_parts(
        request, "portal/instances/gone.html", _allowed(actor, _GONE_PARTS), context
    )


def _image_host(actor: Actor, host_id: uuid.UUID) -> MecHost | None:
    """The host that may still have images of an instance's machines; None where it cannot."""
    host = hosts_for(actor).filter(pk=host_id).first()
    return host if host and "vm" in kind_of(host.vim).app_classes else None


@signed_in
@require_POST
def instantiate(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """Order an instance to run."""
    actor = actor_of(request)
    found = access_instance(actor, instance_id)
    done = gettext("“%(name)s” is being started.") % {"name": found}
    attempt(request, lambda: services.instantiate(actor=actor, instance_id=found.pk), done)
    return go_to(request, reverse("instance", args=[found.pk]))


@signed_in
@require_http_methods(["GET", "POST"])
def terminate(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """Order the end of an instance, once that is confirmed."""
    actor = actor_of(request)
    found = access_instance(actor, instance_id)
    back = reverse("instance", args=[found.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” is being terminated.") % {"name": found}
        attempt(request, lambda: services.terminate(actor=actor, instance_id=found.pk), done)
        return go_to(request, back)
    require(may_operate(actor, found, "terminate"))
    return ask(
        request,
        title=gettext("Terminate “%(name)s”?") % {"name": found},
        consequences=[
            gettext("Its workload on “%(host)s” is stopped and removed, with what it stored there.")
            % {"host": found.host},
            gettext("The instance disappears from the list; this cannot be undone."),
        ],
        verb=gettext("Terminate"),
        back=back,
    )
