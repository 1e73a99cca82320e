"""The only writers of images, beside the work on them in ``work``."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from apps.common import clock
from apps.hosts.models import MecHost
from apps.images.models import HostImage
from apps.images.policies import may_remove
from apps.images.specs import WantedImage, source_of
from apps.images.states import IMAGE, ImageKind, ImageSource, ImageState
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.policies import require


@transaction.atomic
def ensure(*, actor: Actor, host: MecHost, wanted: WantedImage) -> HostImage:
    """The row of an image that a package needs at a host; ordered when there is none.

    Raises Conflict where what is wanted cannot be meant.
    """
    # Two instances of one package may ask at once.
    MecHost.objects.select_for_update(of=("self",)).get(pk=host.pk)
    known = HostImage.objects.filter(host=host, package_id=wanted.package_id, name=wanted.name)
    for row in known:
        return _redirected(actor, row, wanted)
    row = HostImage(
        host=host,
        tenant_id=wanted.tenant_id,
        kind=wanted.kind,
        name=wanted.name,
        vim_id=wanted.copy,
        image_version=wanted.version,
        source=wanted.source,
        package_id=wanted.package_id,
        reference=wanted.place,
        archive=wanted.archive,
        wanted_checksum=wanted.stated_checksum,
        disk_format=wanted.stated_format,
        min_disk_gb=wanted.min_disk_gb,
        min_ram_mb=wanted.min_ram_mb,
    )
    return _order(actor, row)


def _redirected(actor: Actor, known: HostImage, wanted: WantedImage) -> HostImage:
    """An image whose host has another registry by now is brought there."""
    if not wanted.copy or known.vim_id == wanted.copy:
        return known
    row = _locked(known.pk)
    if row is None:
        return known
    verb = {ImageState.ACTIVE: "lose", ImageState.FAILED: "retry"}.get(ImageState(row.state))
    if verb is None and row.state != ImageState.WAITING:
        return row
    row.state = IMAGE.move(row.state, verb) if verb else row.state
    row.vim_id = wanted.copy
    return _order(actor, row)


@transaction.atomic
def note_seen(*, image: HostImage) -> None:
    """Its keeper still has it."""
    HostImage.objects.filter(pk=image.pk, state=ImageState.ACTIVE).update(updated_at=clock.now())


@transaction.atomic
def snapshot(
    *, actor: Actor, host: MecHost, tenant_id: uuid.UUID, instance_id: uuid.UUID,
    server_id: str, name: str,
) -> HostImage:
    """Order an image of the disk of a server, which the caller has found to be the instance's."""
    row = HostImage(
        host=host,
        tenant_id=tenant_id,
        name=name,
        source=ImageSource.SNAPSHOT,
        instance_id=instance_id,
        server_id=server_id,
    )
    return _order(actor, row)


@transaction.atomic
def try_again(*, actor: Actor, image: HostImage) -> HostImage:
    """Order anew what failed."""
    row = _locked(image.pk)
    if row is None or row.state != ImageState.FAILED:
        return row or image
    row.state = IMAGE.move(row.state, "retry")
    return _order(actor, row)


@transaction.atomic
def note_lost(*, actor: Actor, image: HostImage) -> HostImage:
    """Its keeper does not have it any more: it has to be brought again."""
    row = _locked(image.pk)
    if row is None or row.state != ImageState.ACTIVE:
        return row or image
    row.state = IMAGE.move(row.state, "lose")
    row.source = source_of(row.kind, row.archive, row.reference)
    row.vim_id = row.vim_id if row.kind == ImageKind.CONTAINER else ""
    row.vim_status, row.sent_bytes = "", 0
    return _order(actor, row)


@transaction.atomic
def remove(*, actor: Actor, image: HostImage) -> None:
    """Order the end of an image; one that is on its way out already is left to it."""
    row = _locked(image.pk)
    if row is None or row.state == ImageState.DELETING:
        return
    require(may_remove(actor, row))
    row.state = IMAGE.move(row.state, "remove")
    row.attempts, row.fault, row.next_at = 0, {}, clock.now()
    row.actor = actor.as_json()
    row.updated_at = clock.now()
    row.save()
    record("removing", row, actor)


def forget(*, actor: Actor, image: HostImage) -> None:
    """Delete the row of an image of which nothing is left at the VIM."""
    with transaction.atomic():
        record("removed", image, actor)
        image.delete()


def record(
    verb: str, image: HostImage, actor: Actor, *, quiet: bool = False, **data: Any
) -> None:
    """Tell what became of an image."""
    about = {"host_id": str(image.host_id), "state": image.state, "sent": image.sent_bytes}
    owner = {"package_id": image.package_id, "instance_id": image.instance_id}
    about |= {name: str(value) for name, value in owner.items() if value}
    journal.record(
        f"images.image.{verb}", image, actor=actor, tenant_id=image.tenant_id, quiet=quiet,
        data=about | data,
    )


def _order(actor: Actor, row: HostImage) -> HostImage:
    row.attempts, row.fault, row.sent_bytes = 0, {}, 0
    row.actor, row.next_at, row.updated_at = actor.as_json(), clock.now(), clock.now()
    row.save()
    record("ordered", row, actor)
    return row


def _locked(image_id: uuid.UUID) -> HostImage | None:
    return HostImage.objects.select_for_update(of=("self",)).filter(pk=image_id).first()
