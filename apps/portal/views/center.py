"""The center that an edge belongs to: join, see how the link is, leave."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from apps.portal.forms.joining import JoinForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, signed_in
from apps.portal.views.confirm import ask
from apps.portal.views.keys import keys_context
from apps.sync import joining
from apps.tenants.actors import Actor
from apps.tenants.policies import may, may_change_trust, require


@signed_in
@require_http_methods(["GET", "POST"])
def center(request: HttpRequest) -> HttpResponseBase:
    """The state of the link, or the form to join."""
    actor = _reader(request)
    found = joining.current()
    form = JoinForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        joined = form.carry_out(lambda: joining.join(
            actor=actor, url=data["center"], token=data["token"], address=data["address"]))
        if joined is not None:
            messages.success(request, gettext("This edge has joined “%(name)s”.") % {
                "name": joined})
            return go_to(request, reverse("center"))
    context = {"center": found, "form": form, "may_change": may_change_trust(actor),
               **keys_context()}
    return show(request, "portal/center/page.html", context, part="portal/center/_state.html",
                status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest) -> HttpResponseBase:
    """Leave the center, once that is confirmed."""
    actor = _reader(request)
    require(may_change_trust(actor))
    found = joining.current()
    if found is None:
        raise Http404
    if request.method == "POST":
        done = gettext("This edge has left “%(name)s”.") % {"name": found}
        attempt(request, lambda: joining.leave(actor=actor), done)
        return go_to(request, reverse("center"))
    return ask(
        request, title=gettext("Leave “%(name)s”?") % {"name": found},
        consequences=[
            gettext("Its orders are refused, and its people cannot sign in here any more."),
            gettext("What runs here runs on."),
            gettext("Joining again takes a new invitation."),
        ],
        verb=gettext("Leave"), back=reverse("center"),
    )


def _reader(request: HttpRequest) -> Actor:
    """Who asks; this page is an edge's."""
    if not settings.ROLE.joins:
        raise Http404
    actor = actor_of(request)
    require(may(actor, "systems.read"))
    return actor
