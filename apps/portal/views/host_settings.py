"""The settings of a host's driver."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from apps.hosts.driver_settings import registry_password_of, set_settings
from apps.hosts.policies import may_configure
from apps.hosts.selectors import access_host
from apps.portal.forms.host_settings import HostSettingsForm
from apps.portal.http import actor_of, go_to, sent, show, signed_in
from apps.tenants.policies import require


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """What packages may do there, where load is read, where images come from."""
    actor = actor_of(request)
    require(may_configure(actor))
    found = access_host(actor, host_id)
    form = HostSettingsForm(*sent(request), host=found)
    if request.method == "POST" and form.is_valid():
        saved = form.carry_out(
            lambda: set_settings(actor=actor, host_id=found.pk, spec=form.to_spec())
        )
        if saved is not None:
            messages.success(request, gettext("The settings of “%(name)s” are saved.") % {
                "name": saved})
            return go_to(request, reverse("host", args=[found.pk]))
    context = {"form": form, "host": found, "has_password": bool(registry_password_of(found))}
    status = 422 if form.is_bound else 200
    return show(request, "portal/hosts/settings.html", context, status=status)
