"""The page of an instance's load over time.  A host's is a part of its own page."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.common.errors import Invalid, Upstream
from apps.common.words import Reason
from apps.instances.selectors import access_instance
from apps.monitoring.load import instance_series
from apps.monitoring.series import Series
from apps.portal.http import actor_of, show, signed_in
from apps.portal.load_view import panel
from apps.tenants.policies import may, require

# What an instance keeps on disks is measured by nobody.
METERS = ("cpu", "memory")


@signed_in
@require_GET
def instance_load(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """What an instance uses; where its edge does not answer, that is said."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    instance = access_instance(actor, instance_id)
    fault: Reason | None = None
    try:
        series = instance_series(instance, actor=actor)
    except (Upstream, Invalid) as error:
        series, fault = Series(), error.reason
    load = panel(
        series,
        request.GET.get("span", ""),
        address=reverse("instance_load", args=[instance.pk]),
        topic=f"instance:{instance.pk}",
        fault=fault,
        meters=METERS,
    )
    context = {"instance": instance, "tab": "load", "load": load}
    return show(request, "portal/instances/load.html", context, part="portal/_load.html")
