"""The keys with which this site signs, at either site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from apps.portal.forms.joining import RotateForm
from apps.portal.http import actor_of, go_to, sent, show, signed_in
from apps.sync import rotation
from apps.tenants import keys
from apps.tenants.policies import may_change_trust, require


def keys_context() -> dict[str, Any]:
    """What the panel of the keys shows."""
    return {
        "keys": keys.own_keys()[:5],
        "untold": {holder.pk: holder for holder in keys.untold()},
    }


@signed_in
@require_http_methods(["GET", "POST"])
def rotate(request: HttpRequest) -> HttpResponseBase:
    """Sign with a new key from now on."""
    actor = actor_of(request)
    require(may_change_trust(actor))
    back = reverse("center" if settings.ROLE.joins else "edges")
    form = RotateForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        keep = timedelta(hours=form.cleaned_data["keep"])
        if form.carry_out(lambda: rotation.rotate(actor=actor, keep=keep)) is not None:
            messages.success(request, gettext("This site signs with a new key."))
            return go_to(request, back)
    return show(request, "portal/edges/rotate.html", {"form": form, "back": back},
                status=422 if form.is_bound else 200)
