"""A server of an instance: what the cloud tells of it, orders for it, and its screen."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_
from django.views.decorators.http import require_GET, require_http_methods

from apps.common import clock
from apps.common.errors import DomainError, NotFound
from apps.common.words import say
from apps.instances.models import AppInstance
from apps.instances.policies import may_handle_servers
from apps.instances.selectors import access_instance
from apps.orchestration import servers
from apps.portal.http import actor_of, attempt, go_to, next_url, show, signed_in
from apps.portal.server_view import CHOICES, choices_in
from apps.portal.views.confirm import ask
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require


@signed_in
@require_GET
def server(request: HttpRequest, instance_id: uuid.UUID, server_id: str) -> HttpResponseBase:
    """One server as the cloud tells of it now; where it does not, why."""
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    instance = access_instance(actor, instance_id)
    context: dict[str, Any] = {
        "instance": instance,
        "name": instance.server_name(server_id),
        "here": reverse("server", args=[instance.pk, server_id]),
        "as_of": clock.now(),
        "may_handle_servers": may_handle_servers(actor, instance),
    }
    try:
        found = servers.server_of(instance, server_id, actor=actor)
        context |= {"server": found, "choices": choices_in(found.status, found.task)}
    except NotFound:
        raise
    except DomainError as error:
        context["trouble"] = say(error.reason)
    return show(
        request, "portal/instances/server.html", context, part="portal/instances/_server.html"
    )


@signed_in
@require_http_methods(["GET", "POST"])
def act(
    request: HttpRequest, instance_id: uuid.UUID, server_id: str, action: str
) -> HttpResponseBase:
    """Order an action on a server; of what ends something it is asked first."""
    actor = actor_of(request)
    instance = access_instance(actor, instance_id)
    choice = CHOICES.get(action)
    if choice is None or (request.method == "GET" and not choice.warns):
        raise NotFound(N_("There is nothing here by that name."))
    require(may_handle_servers(actor, instance))
    name = instance.server_name(server_id)
    back = next_url(request, reverse("instance", args=[instance.pk]))
    if request.method == "GET":
        title = gettext("%(verb)s: “%(name)s”?") % {"verb": choice.label, "name": name}
        warnings = [str(one) for one in choice.warns]
        return ask(request, title=title, consequences=warnings, verb=str(choice.label), back=back)
    if choice.is_screen:
        return _screen(request, actor, instance, server_id)
    done = gettext("%(verb)s: ordered for “%(name)s”.") % {"verb": choice.label, "name": name}
    attempt(request, lambda: servers.act(instance, server_id, choice.action, actor=actor), done)
    return go_to(request, back)


def _screen(
    request: HttpRequest, actor: Actor, instance: AppInstance, server_id: str
) -> HttpResponse:
    """A page that goes on to the screen: the answer to a form may not lead to another site."""
    context: dict[str, Any] = {"instance": instance, "name": instance.server_name(server_id)}
    try:
        context["link"] = servers.screen(instance, server_id, actor=actor)
    except DomainError as error:
        context["trouble"] = say(error.reason)
    response = show(request, "portal/instances/screen.html", context)
    if "link" in context:
        response["Refresh"] = f"0; url={context['link']}"
        response["Referrer-Policy"] = "no-referrer"
    return response
