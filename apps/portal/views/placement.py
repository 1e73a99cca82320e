"""Where a package goes: choosing hosts, trying again, taking it off."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods

from apps.hosts.selectors import access_host, hosts_for
from apps.packages import distribution
from apps.packages.models import Package
from apps.packages.policies import fits, may_change
from apps.packages.selectors import access_package, distributions_of
from apps.portal.http import actor_of, attempt, go_to, show, signed_in
from apps.portal.views.confirm import ask
from apps.tenants.actors import Actor
from apps.tenants.policies import require


@signed_in
@require_http_methods(["GET", "POST"])
def distribute(request: HttpRequest, package_id: uuid.UUID) -> HttpResponseBase:
    """Choose the hosts that shall have the package; each says whether it can run it."""
    actor = actor_of(request)
    package = access_package(actor, package_id)
    require(may_change(actor, package))
    context = {"package": package, "hosts": _hosts(actor, package), "trouble": "", "chosen": []}
    if request.method != "POST":
        return show(request, "portal/packages/distribute.html", context)
    chosen = _ids(request.POST.getlist("host"))
    if not chosen:
        context["trouble"] = gettext("Choose at least one host.")
        return show(request, "portal/packages/distribute.html", context, status=422)
    done = ngettext(
        "The package is on its way to %(n)s host.", "The package is on its way to %(n)s hosts.",
        len(chosen),
    ) % {"n": len(chosen)}
    if attempt(request, lambda: distribution.distribute(
        actor=actor, package_id=package.pk, host_ids=chosen), done):
        return go_to(request, reverse("package", args=[package.pk]))
    context["chosen"] = [str(key) for key in chosen]
    return show(request, "portal/packages/distribute.html", context, status=422)


@signed_in
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, package_id: uuid.UUID, host_id: uuid.UUID) -> HttpResponseBase:
    """Take a package off one host, once that is confirmed."""
    actor = actor_of(request)
    package, host = access_package(actor, package_id), access_host(actor, host_id)
    names = {"name": package, "host": host}
    back = reverse("package", args=[package.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” is being taken off “%(host)s”.") % names
        attempt(request, lambda: distribution.withdraw(
            actor=actor, package_id=package.pk, host_id=host.pk), done)
        return go_to(request, back)
    require(may_change(actor, package))
    return ask(
        request, title=gettext("Take “%(name)s” off “%(host)s”?") % names,
        consequences=[gettext("Nothing of it can be started there until it is distributed again.")],
        verb=gettext("Take off"), back=back,
    )


def _hosts(actor: Actor, package: Package) -> list[dict[str, object]]:
    there = {row.host_id: row for row in distributions_of(package)}
    return [
        {"host": host, "row": there.get(host.pk), "fits": fits(package, host)}
        for host in hosts_for(actor)
    ]


def _ids(texts: Sequence[str]) -> list[uuid.UUID]:
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
