"""The connected systems: AppLCMs and AppRuleManagers, which have the same life."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.hosts import managers
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.policies import may_configure
from apps.hosts.selectors import app_rule_managers, applcms
from apps.portal.forms.hosts import ManagerForm
from apps.portal.http import actor_of, attempt, go_to, sent, show, signed_in
from apps.portal.views.confirm import ask
from apps.sync.selectors import troubled_peers
from apps.tenants.policies import may, require

# Both models have the same life; which of the two a type variable stands for is not known here.
KINDS: dict[str, tuple[type[Any], Promise]] = {
    "applcm": (AppLcm, _("AppLCM")),
    "apprule": (AppRuleManager, _("Rule manager")),
}


@signed_in
@require_GET
def systems(request: HttpRequest) -> HttpResponseBase:
    """Every manager, whether it answers, and how many hosts use it."""
    actor = actor_of(request)
    require(may(actor, "systems.read"))
    context = {
        "groups": [
            ("applcm", _("Life-cycle managers (AppLCM)"),
             applcms().select_related("peer").annotate(used=Count("hosts")).order_by("name", "ip")),
            ("apprule", _("Rule managers"),
             app_rule_managers().annotate(used=Count("hosts")).order_by("name", "ip")),
        ],
        "peers": {peer.edge_id: peer for peer in troubled_peers()},
        "may_configure": may_configure(actor),
    }
    return show(request, "portal/systems/list.html", context, part="portal/systems/_list.html")


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Register a manager."""
    actor = actor_of(request)
    require(may_configure(actor))
    model, label = _kind(kind)
    form = ManagerForm(*sent(request))
    if request.method == "POST" and form.is_valid():
        made = form.carry_out(lambda: managers.register(model, actor=actor, spec=form.to_spec()))
        if made is not None:
            messages.success(request, gettext("“%(name)s” is registered.") % {"name": made})
            return go_to(request, reverse("systems"))
    return show(request, "portal/systems/form.html", {"form": form, "label": label, "kind": kind},
                status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, kind: str, ip: str) -> HttpResponseBase:
    """Change the name and the port of a manager."""
    actor = actor_of(request)
    require(may_configure(actor))
    model, label = _kind(kind)
    row = managers.access(model, ip)
    form = ManagerForm(*sent(request), row=row)
    if request.method == "POST" and form.is_valid():
        saved = form.carry_out(
            lambda: managers.update(model, actor=actor, ip=ip, spec=form.to_spec()))
        if saved is not None:
            messages.success(request, gettext("“%(name)s” is saved.") % {"name": saved})
            return go_to(request, reverse("systems"))
    context = {"form": form, "label": label, "kind": kind, "row": row}
    return show(request, "portal/systems/form.html", context, status=422 if form.is_bound else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, kind: str, ip: str) -> HttpResponseBase:
    """Remove a manager, once that is confirmed."""
    actor = actor_of(request)
    require(may_configure(actor))
    model, _label = _kind(kind)
    row = managers.access(model, ip)
    if request.method == "POST":
        done = gettext("“%(name)s” is removed.") % {"name": row}
        attempt(request, lambda: managers.remove(model, actor=actor, ip=ip), done)
        return go_to(request, reverse("systems"))
    return ask(
        request, title=gettext("Remove “%(name)s”?") % {"name": row},
        consequences=[gettext("It is refused while hosts are reached through it.")],
        verb=gettext("Remove"), back=reverse("systems"),
    )


def _kind(name: str) -> tuple[type[Any], Promise]:
    if name not in KINDS:
        raise Http404
    return KINDS[name]
