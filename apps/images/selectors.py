"""The readers of images.  The tenant wall stands in the query."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound, NotOffered
from apps.hosts.driver_settings import settings_of
from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.images.models import HostImage
from apps.images.states import ImageKind, ImageState
from apps.tenants.actors import Actor
from apps.vim.images import KeepsImages, VimImage


def images_for(actor: Actor) -> QuerySet[HostImage]:
    """The images that an actor may see: the tenant's own, and those of the site."""
    rows = HostImage.objects.select_related("host", "tenant")
    return rows if actor.is_admin else rows.filter(Q(tenant_id=actor.wall) | Q(tenant=None))


def snapshots_of(actor: Actor, instance_id: uuid.UUID) -> QuerySet[HostImage]:
    """The images that were made of the servers of an instance."""
    return images_for(actor).filter(instance_id=instance_id)


def snapshots_at(actor: Actor, host: MecHost) -> QuerySet[HostImage]:
    """Those at a host, whether or not their instances are there still."""
    return images_for(actor).filter(host=host).exclude(instance_id=None)


def access_image(rows: QuerySet[HostImage], image_id: uuid.UUID | str) -> HostImage:
    """One image of ``rows``, or NotFound."""
    found = rows.filter(pk=key_of(image_id)).first()
    if found is None:
        raise _no_image()
    return found


def key_of(image_id: uuid.UUID | str) -> uuid.UUID:
    """The id of an image as it stands in an address; NotFound for what cannot be one."""
    try:
        return uuid.UUID(str(image_id))
    except ValueError:
        raise _no_image() from None


def _no_image() -> NotFound:
    return NotFound(N_("There is no such image."), message="Record not found")


def images_of_package(host: MecHost, package_id: uuid.UUID) -> dict[str, str]:
    """By what the images of a package are known at a host, by the names that the package uses.

    A container's image is one that is in the host's registry of now.
    """
    rows = HostImage.objects.filter(host=host, package_id=package_id, state=ImageState.ACTIVE)
    registry = settings_of(host).registry
    there = f"{registry.address.rstrip('/')}/" if registry else None
    return {
        row.name: row.vim_id for row in rows
        if row.kind == ImageKind.VM or (there and row.vim_id.startswith(there))
    }


def container_images(actor: Actor, host: MecHost) -> list[HostImage]:
    """What an actor may see of the images that go to the registry of a host."""
    return list(images_for(actor).filter(host=host, kind=ImageKind.CONTAINER))


def keeper_of(host: MecHost) -> KeepsImages:
    """The driver of a host of this site, as it keeps images; NotOffered where its VIM does not."""
    driver = driver_of(host)
    if not isinstance(driver, KeepsImages):
        raise NotOffered(
            N_("The VIM of “%(name)s” keeps no images of virtual machines."),
            code="no_images", name=host.name,
        )
    return driver


def seen_at(
    actor: Actor, host: MecHost
) -> tuple[list[HostImage], list[VimImage]]:
    """What an actor may see of machines' images at a host: the site's, and what else its VIM has.

    An image that the site had made is shown by its rows alone, so that nobody sees those of others.
    """
    rows = list(images_for(actor).filter(host=host, kind=ImageKind.VM))
    told = {row.vim_id for row in rows}
    return rows, [one for one in _strangers(keeper_of(host).images()) if one.id not in told]


def _strangers(images: Iterable[VimImage]) -> Iterable[VimImage]:
    return (one for one in images if not one.ours)
