"""Images of an instance's machines, and all images of a host: seen, had, and deleted."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.words import say
from apps.hosts.selectors import access_host
from apps.images.states import ImageSource
from apps.instances.policies import may_create, may_handle_servers
from apps.instances.selectors import access_instance
from apps.orchestration.api_images import as_file
from apps.orchestration.images import lines_at
from apps.orchestration.ports import Snapshots
from apps.orchestration.snapshots import snapshots_at, snapshots_of
from apps.orchestration.snapshots import take as take_snapshot
from apps.portal.http import actor_of, attempt, go_to, next_url, show, signed_in
from apps.portal.listing import Column
from apps.portal.templatetags.portal import stamp
from apps.portal.value_table import ValueTable
from apps.portal.views.confirm import ask
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.vim.image_lines import Snapshot
from apps.vim.images import COMING

TABLE = ValueTable(
    columns=(
        Column("name", _("Name"), "name"),
        Column("source", _("Source"), "source"),
        Column("state", _("State"), "status"),
        Column("size", _("Size"), "size", "num"),
        Column("checksum", _("Checksum (MD5)")),
        Column("created", _("Created at"), "created_at"),
        Column("actions", _("Actions")),
    ),
    search=("name", "id", "status", "source", "checksum", "instance_name", "instance"),
    first_order="name",
)


@signed_in
@require_GET
def of_instance(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """The images that were made of an instance's machines; where they cannot be told, why."""
    actor = actor_of(request)
    instance = access_instance(actor, instance_id)
    found = snapshots_of(instance, actor=actor)
    context: dict[str, Any] = {
        "instance": instance,
        "tab": "images",
        "here": reverse("instance_images", args=[instance.pk]),
        "as_of": clock.now(),
    }
    try:
        rows = found.all()
        context |= {"rows": rows, "coming": any(_changes(one.status) for one in rows)}
    except DomainError as error:
        context["trouble"] = say(error.reason)
    return show(
        request, "portal/instances/images.html", context, part="portal/instances/_images.html"
    )


@signed_in
@require_GET
def at_host(request: HttpRequest, host_id: uuid.UUID) -> HttpResponseBase:
    """All images of a host, also those of machines whose instances are gone."""
    actor = actor_of(request)
    require(may(actor, "hosts.read"))
    host = access_host(actor, host_id)
    context: dict[str, Any] = {
        "host": host,
        "here": request.get_full_path(),
        "as_of": clock.now(),
        "sources": dict(ImageSource.choices),
        "may_handle": may_create(actor),
    }
    try:
        lines = lines_at(host, actor=actor)
        context |= {
            "list": TABLE.read(request, lines),
            "coming": any(_changes(one.status) for one in lines),
        }
    except DomainError as error:
        context["trouble"] = say(error.reason)
    return show(request, "portal/hosts/images.html", context, part="portal/hosts/_images.html")


@signed_in
@require_safe
def file(
    request: HttpRequest, image_id: str, *,
    instance_id: uuid.UUID | None = None, host_id: uuid.UUID | None = None,
) -> HttpResponseBase:
    """Its bytes, or the part of them that a browser still misses."""
    found, __ = _place(actor_of(request), instance_id, host_id)
    return as_file(request, found, found.one(image_id))


@signed_in
@require_http_methods(["GET", "POST"])
def remove(
    request: HttpRequest, image_id: str, *,
    instance_id: uuid.UUID | None = None, host_id: uuid.UUID | None = None,
) -> HttpResponseBase:
    """Order the end of an image, once that is confirmed."""
    found, page = _place(actor_of(request), instance_id, host_id)
    back = next_url(request, page)
    if request.method == "POST":
        done = gettext("The image is being deleted.")
        attempt(request, lambda: found.remove(image_id), done)
        return go_to(request, back)
    image = found.one(image_id)
    return ask(
        request,
        title=gettext("Delete the image “%(name)s”?") % {"name": image.name},
        consequences=_facts(image),
        verb=gettext("Delete"),
        back=back,
    )


@signed_in
@require_POST
def take(request: HttpRequest, instance_id: uuid.UUID, server_id: str) -> HttpResponseBase:
    """Order an image of a machine's disk."""
    actor = actor_of(request)
    instance = access_instance(actor, instance_id)
    require(may_handle_servers(actor, instance))
    done = gettext("An image of “%(name)s” is being made.") % {
        "name": instance.server_name(server_id)
    }
    attempt(request, lambda: take_snapshot(instance, server_id, actor=actor), done)
    return go_to(request, next_url(request, reverse("instance", args=[instance.pk])))


def _place(
    actor: Actor, instance_id: uuid.UUID | None, host_id: uuid.UUID | None
) -> tuple[Snapshots, str]:
    """Where the image of an address is, and the page that it is on."""
    if instance_id is not None:
        instance = access_instance(actor, instance_id)
        return snapshots_of(instance, actor=actor), reverse("instance", args=[instance.pk])
    assert host_id is not None  # noqa: S101 - every address has one of the two
    host = access_host(actor, host_id)
    return snapshots_at(host, actor=actor), reverse("host_images", args=[host.pk])


def _facts(image: Snapshot) -> list[str]:
    """What somebody should know of an image before it is gone."""
    facts = [gettext("It is of the instance “%(name)s”.")
             % {"name": image.instance or image.instance_id}]
    if image.size is not None:
        facts.append(gettext("Its size is %(size)s.") % {"size": filesizeformat(image.size)})
    if image.checksum:
        facts.append(gettext("Its checksum (MD5) is %(md5)s.") % {"md5": image.checksum})
    if image.created_at is not None:
        age = timesince(image.created_at, clock.now())
        facts.append(gettext("It was made %(age)s ago, at %(moment)s.")
                     % {"age": age, "moment": stamp(image.created_at)})
    return [*facts, gettext("What is in it is lost; this cannot be undone.")]


def _changes(status: str) -> bool:
    """Whether it is on its way, or on its way out."""
    return status in COMING or status == "pending_delete"
