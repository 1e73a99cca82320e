"""What the cloud of a host has: quotas as rings, and its lists as tables."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django.views.decorators.http import require_GET

from apps.common.errors import DomainError, NotFound
from apps.common.words import Text, say
from apps.hosts.models import MecHost
from apps.hosts.policies import may_see_resources
from apps.hosts.selectors import access_host
from apps.orchestration.servers import resources_of
from apps.portal.http import actor_of, show, signed_in
from apps.portal.listing import Column
from apps.portal.quota_view import donut_of
from apps.portal.value_table import ValueTable
from apps.tenants.policies import require
from apps.vim.resources import Quota, ResourceKind

LABELS: Final[dict[ResourceKind, Text]] = {
    ResourceKind.QUOTAS: _("Overview"),
    ResourceKind.SERVERS: _("Virtual machines"),
    ResourceKind.IMAGES: _("Images"),
    ResourceKind.NETWORKS: _("Networks"),
    ResourceKind.FLAVORS: _("Flavors"),
    ResourceKind.SECURITY_GROUPS: _("Security groups"),
}
_NAME = Column("name", _("Name"), "name")
_STATUS = Column("status", _("State"), "status")
TABLES: Final[dict[ResourceKind, ValueTable]] = {
    ResourceKind.SERVERS: ValueTable(
        columns=(
            _NAME,
            _STATUS,
            Column("instance", _("Instance"), "instance"),
            Column("addresses", _("Addresses"), "ips"),
            Column("flavor", _("Flavor"), "flavor.name"),
            Column("image", _("Image"), "image"),
            Column("node", _("Node"), "host"),
            Column("created", _("Created at"), "created"),
        ),
        search=("name", "id", "status", "instance", "ips", "flavor.name", "image", "host"),
        first_order="name",
    ),
    ResourceKind.IMAGES: ValueTable(
        columns=(
            _NAME,
            _STATUS,
            Column("format", _("Format"), "disk_format"),
            Column("size", _("Size"), "size", "num"),
            Column("visibility", _("Visibility"), "visibility"),
        ),
        search=("name", "id", "status", "disk_format", "visibility"),
        first_order="name",
    ),
    ResourceKind.NETWORKS: ValueTable(
        columns=(
            _NAME,
            _STATUS,
            Column("subnets", _("Subnets"), "cidrs"),
            Column("shared", _("Shared"), "shared"),
            Column("external", _("External"), "external"),
        ),
        search=("name", "id", "status", "cidrs"),
        first_order="name",
    ),
    ResourceKind.FLAVORS: ValueTable(
        columns=(
            _NAME,
            Column("vcpus", _("vCPU"), "vcpus", "num"),
            Column("ram", _("RAM"), "ram", "num"),
            Column("disk", _("Disk"), "disk", "num"),
            Column("public", _("Public"), "is_public"),
        ),
        search=("name", "id"),
        first_order="name",
    ),
    ResourceKind.SECURITY_GROUPS: ValueTable(
        columns=(_NAME, Column("description", _("Description"), "description"),
                 Column("rules", _("Rules"))),
        search=("name", "id", "description"),
        first_order="name",
    ),
}


@signed_in
@require_GET
def resources(
    request: HttpRequest, host_id: uuid.UUID, kind: str = ResourceKind.QUOTAS
) -> HttpResponseBase:
    """One kind of what the host's cloud has; where it does not answer, that is said."""
    actor = actor_of(request)
    require(may_see_resources(actor))
    host = access_host(actor, host_id)
    if kind not in set(ResourceKind):
        raise NotFound(N_("There is nothing here by that name."))
    wanted = ResourceKind(kind)
    context: dict[str, Any] = {
        "host": host,
        "kind": str(wanted),
        "label": LABELS[wanted],
        "tabs": [(str(one), label, _address(host, one)) for one, label in LABELS.items()],
        "here": request.get_full_path(),
    }
    try:
        told = resources_of(host, wanted, actor=actor)
    except DomainError as error:
        context["trouble"] = say(error.reason)
    else:
        context["told"] = told
        if wanted is ResourceKind.QUOTAS:
            context["donuts"] = [donut_of(one) for one in told.rows if isinstance(one, Quota)]
        else:
            context["list"] = TABLES[wanted].read(request, told.rows)
    return show(
        request, "portal/hosts/resources.html", context, part="portal/hosts/_resources.html"
    )


def _address(host: MecHost, kind: ResourceKind) -> str:
    if kind is ResourceKind.QUOTAS:
        return reverse("host_resources", args=[host.pk])
    return reverse("host_resources_of", args=[host.pk, kind])
