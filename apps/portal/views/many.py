"""Several instances at once: choosing them, and what became of each."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.instances.policies import may_create
from apps.instances.selectors import instances_for
from apps.orchestration import batch
from apps.orchestration.batch import Outcome
from apps.orchestration.bodies import AT_ONCE
from apps.portal.http import actor_of, show, signed_in
from apps.tenants.actors import Actor
from apps.tenants.policies import require

SHOWN = 200
TITLES: dict[str, Promise] = {
    "create": _("Creating several instances"),
    "start": _("Starting several instances"),
    "terminate": _("Terminating several instances"),
}


@signed_in
@require_http_methods(["GET", "POST"])
def many(request: HttpRequest) -> HttpResponseBase:
    """Choose instances and what shall be done with them; their end is asked for twice."""
    actor = actor_of(request)
    require(may_create(actor))
    rows = list(instances_for(actor).order_by("app_name", "host__name")[:SHOWN])
    chosen = _chosen(request)
    context = {"instances": rows, "chosen": [str(key) for key in chosen], "trouble": ""}
    if request.method != "POST":
        return show(request, "portal/instances/many.html", context)
    if not 1 <= len(chosen) <= AT_ONCE:
        context["trouble"] = gettext("Choose from 1 to %(most)s instances.") % {"most": AT_ONCE}
        return show(request, "portal/instances/many.html", context, status=422)
    if request.POST.get("verb") == "terminate":
        if "confirmed" not in request.POST:
            context["instances"] = [row for row in rows if row.pk in chosen]
            return show(request, "portal/instances/many_end.html", context)
        return _told(request, "terminate", batch.terminate(actor=actor, instance_ids=chosen))
    starts = [batch.Start(key) for key in chosen]
    return _told(request, "start", batch.instantiate(actor=actor, starts=starts))


def created(
    request: HttpRequest, actor: Actor, outcomes: Sequence[Outcome], *, start: bool
) -> HttpResponse:
    """The answer to a batch of new instances, started at once where that is wanted."""
    made = [one.instance_id for one in outcomes if one.error is None and one.instance_id]
    if start and made:
        begun = {
            one.instance_id: one
            for one in batch.instantiate(
                actor=actor, starts=[batch.Start(key) for key in made]
            )
        }
        outcomes = [
            begun.get(one.instance_id, one) if one.instance_id else one for one in outcomes
        ]
    return _told(request, "create", outcomes)


def _told(request: HttpRequest, verb: str, outcomes: Sequence[Outcome]) -> HttpResponse:
    accepted = sum(one.error is None for one in outcomes)
    context = {"title": TITLES[verb], "outcomes": outcomes, "accepted": accepted}
    return show(request, "portal/instances/outcome.html", context)


def _chosen(request: HttpRequest) -> list[uuid.UUID]:
    found = []
    for text in request.POST.getlist("instance"):
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))
