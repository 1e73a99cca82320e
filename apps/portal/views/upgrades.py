"""Upgrades: the list, a new one, one with its progress, stopping it and taking it back."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.common.errors import NotFound
from apps.instances.models import AppInstance
from apps.instances.policies import may_create
from apps.instances.rollouts import access_rollout, rollouts_for
from apps.instances.selectors import access_instance, instances_for
from apps.instances.states import RolloutState
from apps.orchestration import rollouts
from apps.portal.forms.upgrades import UpgradeForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, show_parts, signed_in
from apps.tenants.policies import may, require

SHOWN = 50


@signed_in
@require_GET
def upgrades(request: HttpRequest) -> HttpResponseBase:
    """The upgrades that the viewer may see, newest first."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    context = {"upgrades": rollouts_for(actor)[:SHOWN]}
    page, part = "portal/upgrades/list.html", "portal/upgrades/_list.html"
    return show(request, page, context, part=part)


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponseBase:
    """Choose the version, the instances of the same application, and the waves."""
    actor = actor_of(request)
    require(may_create(actor))
    first = _instance(request)
    versions = rollouts.versions_for(actor, first.package_id)
    rows = instances_for(actor).filter(
        tenant_id=first.tenant_id, package__name=first.package.name
    )
    form = UpgradeForm(
        *sent(request), versions=versions, instances=list(rows),
        initial={"instances": [str(first.pk)]},
    )
    if form.is_bound and form.is_valid():
        spec = form.to_spec()
        made = form.carry_out(
            lambda: rollouts.start(actor=actor, tenant_id=first.tenant_id, spec=spec)
        )
        if made is not None:
            return go_to(request, reverse("upgrade", args=[made.pk]))
    context = {"instance": first, "form": form, "versions": versions}
    status = 422 if form.is_bound else 200
    return show(request, "portal/upgrades/new.html", context, status=status)


@signed_in
@require_GET
def upgrade(request: HttpRequest, upgrade_id: uuid.UUID) -> HttpResponseBase:
    """One upgrade, live."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    found = access_rollout(actor, upgrade_id)
    items = list(found.items.all())
    done = sum(item.state not in ("Waiting", "Running") for item in items)
    context = {
        "upgrade": found,
        "items": items,
        "done": done,
        "is_running": found.state == RolloutState.RUNNING,
        "may_change": may_create(actor),
    }
    parts = {"progress": "portal/upgrades/_progress.html"}
    return show_parts(request, "portal/upgrades/detail.html", parts, context)


@signed_in
@require_POST
def stop(request: HttpRequest, upgrade_id: uuid.UUID) -> HttpResponseBase:
    """Begin no further wave."""
    actor = actor_of(request)
    found = access_rollout(actor, upgrade_id)
    done = gettext("No further wave begins.")
    attempt(request, lambda: rollouts.stop(actor=actor, rollout_id=found.pk), done)
    return go_to(request, reverse("upgrade", args=[found.pk]))


@signed_in
@require_POST
def back(request: HttpRequest, upgrade_id: uuid.UUID) -> HttpResponseBase:
    """Bring what it touched back to the former version, as an upgrade of its own."""
    actor = actor_of(request)
    found = access_rollout(actor, upgrade_id)
    made: list[uuid.UUID] = []
    done = gettext("The instances go back to their former version.")
    attempt(
        request,
        lambda: made.append(rollouts.back(actor=actor, rollout_id=found.pk).pk),
        done,
    )
    return go_to(request, reverse("upgrade", args=[made[0] if made else found.pk]))


def _instance(request: HttpRequest) -> AppInstance:
    """The instance that the page was opened for."""
    try:
        key = uuid.UUID(request.GET.get("instance", ""))
    except ValueError:
        raise NotFound(N_("There is no such application instance.")) from None
    return access_instance(actor_of(request), key)
