"""Packages: the list, bringing one in, one package with all that its checks found."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.instances.selectors import instances_for
from apps.journal.selectors import history_of
from apps.packages import services
from apps.packages.api import open_package
from apps.packages.models import Package
from apps.packages.policies import may_change, may_download, may_upload
from apps.packages.revisions import dependents_of, revisions_of
from apps.packages.selectors import access_package, distributions_of, packages_for
from apps.portal.files import tree
from apps.portal.forms.packages import UploadForm
from apps.portal.http import actor_of, attempt, go_to, only, sent, show, show_parts, signed_in
from apps.portal.listing import Column, Facet, Table
from apps.portal.views.confirm import ask
from apps.tenants.policies import may, require

HISTORY = 30
TABLE: Table[Package] = Table(
    columns=(
        Column("name", _("Name"), "name"),
        Column("version", _("Version"), "package_version"),
        Column("class", _("Class"), "app_class"),
        Column("tenant", _("Tenant"), "tenant__name"),
        Column("size", _("Size"), "size", "num"),
        Column("hosts", _("On hosts"), "placed", "num"),
        Column("created", _("Uploaded"), "created_at"),
    ),
    search=("name", "package_version", "provider", "description", "filename"),
    first_order="name",
    facets=(
        Facet("class", _("Class"), (
            ("container", _("Container"), Q(app_class="container")),
            ("vm", _("Virtual machine"), Q(app_class="vm")),
        )),
        Facet("placed", _("Distribution"), (
            ("yes", _("On at least one host"), Q(placed__gt=0)),
            ("no", _("On no host"), Q(placed=0)),
        )),
    ),
)
_PARTS = {
    "hosts": "portal/packages/_hosts.html",
    "instances": "portal/packages/_instances.html",
    "history": "portal/_history.html",
}


@signed_in
@require_GET
def packages(request: HttpRequest) -> HttpResponseBase:
    """All packages that the viewer may see."""
    actor = actor_of(request)
    require(may(actor, "packages.read"))
    context = {"list": TABLE.read(request, packages_for(actor)), "may_upload": may_upload(actor),
               "all_tenants": actor.is_admin}
    return show(request, "portal/packages/list.html", context, part="portal/packages/_list.html")


@signed_in
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest) -> HttpResponseBase:
    """Bring a package in; a refusal keeps the form and says what is wrong with the file."""
    actor = actor_of(request)
    require(may_upload(actor))
    form = UploadForm(*sent(request), actor=actor)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        package = form.carry_out(lambda: services.upload_package(
            actor=actor, tenant_id=form.tenant_id, file=data["file"], name=data["name"],
            version=data["version"],
        ))
        if package is not None:
            messages.success(request, gettext("“%(name)s” passed its checks and is stored.")
                             % {"name": package})
            return go_to(request, reverse("package", args=[package.pk]))
    status = 422 if form.is_bound else 200
    return show(request, "portal/packages/upload.html", {"form": form}, status=status)


@signed_in
@require_GET
def package(request: HttpRequest, package_id: uuid.UUID) -> HttpResponseBase:
    """One package: what it is, what its checks found, where it is, what runs from it."""
    actor = actor_of(request)
    require(may(actor, "packages.read"))
    found = access_package(actor, package_id)
    info = found.details
    levels = ("error", "warning", "info", "ok")
    context = {
        "package": found,
        "info": info,
        "checks": [(one, [c for c in info.checks if c.level == one]) for one in levels],
        "tree": tree(info.files),
        "distributions": lambda: distributions_of(found),
        "instances": lambda: instances_for(actor).filter(package=found).order_by("app_name"),
        "may_change": may_change(actor, found),
        "may_download": may_download(actor),
        "may_create": may(actor, "instances.write"),
        "revisions": lambda: list(revisions_of(found)),
        "dependents": lambda: dependents_of(found),
        "uploader": lambda: uploader_of(found),
        "history": lambda: history_of("package", str(found.pk))[:HISTORY],
        "history_topic": f"package:{found.pk}",
    }
    parts = only(_PARTS, {"history": may(actor, "activity.read")})
    return show_parts(request, "portal/packages/detail.html", parts, context)


def uploader_of(found: Package) -> str:
    """Who brought a package in, as the record tells."""
    entry = history_of("package", str(found.pk)).filter(verb="packages.package.onboarded").last()
    return entry.actor_name if entry else ""


@signed_in
@require_GET
def download(request: HttpRequest, package_id: uuid.UUID) -> HttpResponseBase:
    """The CSAR, byte for byte as it was uploaded."""
    actor = actor_of(request)
    require(may_download(actor))
    return open_package(access_package(actor, package_id))


@signed_in
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, package_id: uuid.UUID) -> HttpResponseBase:
    """Remove a package, here and on every host, once that is confirmed."""
    actor = actor_of(request)
    found = access_package(actor, package_id)
    back = reverse("package", args=[found.pk])
    if request.method == "POST":
        done = gettext("“%(name)s” is being removed.") % {"name": found}
        # The question named who needs it, so the answer is meant although they do.
        if attempt(request, lambda: services.remove_package(
            actor=actor, package_id=found.pk, although_needed=True), done):
            back = reverse("packages")
        return go_to(request, back)
    require(may_change(actor, found))
    hosts = distributions_of(found).count()
    consequences = [gettext("The file and its check report are deleted; this cannot be undone.")]
    needy = dependents_of(found)
    if needy:
        consequences.append(gettext("What it offers is needed by: %(users)s.")
                            % {"users": ", ".join(str(one) for one in needy)})
    if hosts:
        consequences.append(
            ngettext("It is also taken off %(n)s host.", "It is also taken off %(n)s hosts.", hosts)
            % {"n": hosts}
        )
    return ask(
        request, title=gettext("Delete the package “%(name)s”?") % {"name": found},
        consequences=consequences, verb=gettext("Delete package"), back=back,
    )
