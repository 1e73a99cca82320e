"""Images where instances run: what a package needs at a host, what a server is made to, what is
there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import NotFound, Upstream
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.images import services, work
from apps.images.models import HostImage
from apps.images.selectors import container_images, keeper_of, seen_at
from apps.images.specs import WantedImage
from apps.images.states import ImageState
from apps.instances.models import AppInstance
from apps.instances.selectors import names_of
from apps.orchestration.container_images import registry_address, wanted_of, written
from apps.orchestration.workload import heat_template
from apps.packages.models import Distribution, Package
from apps.packages.selectors import distributions_for
from apps.tenants.actors import SYSTEM, Actor
from apps.vim.image_lines import ImageLine
from apps.vim.images import ACTIVE, KeepsImages, VimImage

MIB = 1024 * 1024
NAME_LENGTH = 255


def wanted_by(package: Package, host: MecHost) -> Iterator[WantedImage]:
    """The images that a package needs where it runs.

    Of containers those that it names or carries, where the host has a registry of its own.
    """
    if package.app_class == "vm":
        yield from _of_machines(package)
    elif address := registry_address(host):
        yield from wanted_of(package, address)


def are_brought(package: Package, host: MecHost) -> bool:
    """Whether this site brings images of a package to a host."""
    return host.is_local and (package.app_class == "vm" or bool(registry_address(host)))


def _of_machines(package: Package) -> Iterator[WantedImage]:
    """Those of its list that its machines name; a template of Heat's own may name any of them."""
    info = package.details
    named = {name for unit in info.requirements.compute for name in unit.images}
    is_any = bool(heat_template(info))
    top = f"{info.layout.top}/" if info.layout.top else ""
    for one in info.images:
        if one.kind == "vm" and (is_any or one.name in named):
            yield WantedImage(
                package_id=package.pk,
                tenant_id=package.tenant_id,
                name=one.name,
                version=one.version,
                archive=package.path.name if one.embedded else "",
                member=f"{top}{one.embedded}" if one.embedded else "",
                reference=one.reference,
                checksum=one.checksum,
                disk_format=one.disk_format,
                min_disk_gb=max(0, one.min_disk_gb or 0),
                min_ram_mb=max(0, one.min_ram or 0),
            )


def bring(instance: AppInstance, *, actor: Actor, since: datetime) -> Reason | None:
    """Have the images of an instance's package at its host; for what it waits, or None.

    What failed before ``since`` is tried again.  Raises Upstream with the reason of an image that
    cannot be brought.
    """
    waiting = None
    for wanted in wanted_by(instance.package, instance.host):
        row = _present(instance.host, wanted, actor, since)
        if row.state == ImageState.FAILED:
            why = row.fault_reason
            raise Upstream(why.text, retryable=False, code=why.code or "image", **why.params)
        if row.state != ImageState.ACTIVE:
            waiting = waiting or _progress(row)
    return waiting


def _present(host: MecHost, wanted: WantedImage, actor: Actor, since: datetime) -> HostImage:
    row = services.ensure(actor=actor, host=host, wanted=wanted)
    if row.state == ImageState.FAILED and row.updated_at < since:
        return services.try_again(actor=actor, image=row)
    # It is looked at once for each order.
    if row.state == ImageState.ACTIVE and row.updated_at < since:
        if not work.is_there(row):
            return services.note_lost(actor=actor, image=row)
        services.note_seen(image=row)
    return row


def _progress(row: HostImage) -> Reason:
    if row.fault:
        return row.fault_reason
    if row.state != ImageState.COPYING:
        return Reason(N_("The image “%(name)s” waits for its turn."), "", {"name": row.name})
    if row.size is None:
        text = N_("The image “%(name)s” is being copied: %(sent)s MiB.")
    else:
        text = N_("The image “%(name)s” is being copied: %(sent)s of %(size)s MiB.")
    params = {"name": row.name, "sent": row.sent_bytes // MIB, "size": (row.size or 0) // MIB}
    return Reason(text, "copying", params)


def release_unused() -> int:
    """End the uses of images by packages that are on their host no more; how many there were."""
    uses = HostImage.objects.exclude(package_id=None).exclude(state=ImageState.DELETING)
    needed = {
        *Distribution.objects.values_list("host_id", "package_id"),
        *AppInstance.objects.values_list("host_id", "package_id"),
    }
    over = [row for row in uses if (row.host_id, row.package_id) not in needed]
    for row in over:
        services.remove(actor=SYSTEM, image=row)
    return len(over)


def snapshot(instance: AppInstance, server_id: str, *, actor: Actor) -> HostImage:
    """Order an image of a server at a host of this site; its VIM has been asked when this returns.

    NotFound where the instance has no such server.  Where the VIM refuses, nothing is kept and the
    refusal is raised; where it does not answer, the order stands and is carried out later.
    """
    keeper_of(instance.host)
    status = driver_of(instance.host).status(instance.pk)
    server = next((one for one in status.servers if one.id == server_id), None)
    if server is None:
        raise NotFound(N_("The instance has no virtual machine of this id."), code="no_such_vm")
    name = f"{server.name[:NAME_LENGTH - 13]}-{clock.now():%Y%m%d%H%M}"
    row = services.snapshot(
        actor=actor, host=instance.host, tenant_id=instance.tenant_id,
        instance_id=instance.pk, server_id=server_id, name=name,
    )
    work.work_on(row.pk)
    row.refresh_from_db()
    if row.state == ImageState.FAILED:
        why = row.fault_reason
        services.forget(actor=actor, image=row)
        raise Upstream(why.text, retryable=False, code=why.code or "image", **why.params)
    return row


# --- what is there ---------------------------------------------------------------------------


def status_of(row: HostImage) -> str:
    """What Glance would say of an image: its own word where it has one."""
    usual = {
        ImageState.WAITING: "queued", ImageState.COPYING: "saving", ImageState.ACTIVE: ACTIVE,
        ImageState.FAILED: "killed", ImageState.DELETING: "pending_delete",
    }
    is_ours_to_say = row.state in (ImageState.FAILED, ImageState.DELETING)
    return usual[ImageState(row.state)] if is_ours_to_say or not row.vim_status else row.vim_status


def lines_at(host: MecHost, *, actor: Actor) -> list[ImageLine]:
    """The images at a host that an actor may see, by kind and name; its edge tells."""
    if host.applcm is not None:
        with EdgeClient(host.applcm, actor=actor) as edge:
            return edge.host_images(host.ip)
    lines = list(_container_lines(host, actor))
    if isinstance(driver_of(host), KeepsImages):
        rows, others = seen_at(actor, host)
        names = names_of(row.instance_id for row in rows if row.instance_id)
        lines += [_row_line(row, names) for row in rows] + [_found_line(one) for one in others]
    return sorted(lines, key=lambda line: (line.kind, line.name, line.id, line.vim_id))


def _row_line(row: HostImage, names: Mapping[uuid.UUID, str]) -> ImageLine:
    return ImageLine(
        kind="vm", name=row.name, id=str(row.pk), vim_id=row.vim_id, version=row.image_version,
        reference=row.reference, status=status_of(row), source=row.source, size=row.size,
        sent_bytes=row.sent_bytes, checksum=row.checksum, sha256=row.sha256,
        disk_format=row.disk_format, created_at=row.created_at,
        packages=(str(row.package_id),) if row.package_id else (),
        instance=str(row.instance_id or ""),
        instance_name=names.get(row.instance_id, "") if row.instance_id else "",
        fault=row.fault_reason or None,
    )


def _found_line(one: VimImage) -> ImageLine:
    return ImageLine(
        kind="vm", name=one.name, vim_id=one.id, status=one.status, source="found",
        size=one.size, checksum=one.checksum, disk_format=one.disk_format,
        visibility=one.visibility, created_at=one.created_at,
    )


def _container_lines(host: MecHost, actor: Actor) -> Iterator[ImageLine]:
    """What the packages at the host name; each image once, with all packages that name it.

    Of one that goes to the registry of the host, what became of that; what is amiss comes first.
    """
    address = registry_address(host)
    brought = container_images(actor, host) if address else []
    rows = {(row.package_id, row.name): row for row in brought}
    found: dict[ImageLine, list[HostImage | None]] = {}
    packages: dict[ImageLine, list[str]] = {}
    for at in distributions_for(actor).filter(host=host, removing=False):
        for one in at.package.details.images:
            if one.kind == "container":
                line = ImageLine(
                    kind="container", name=one.name, version=one.version,
                    reference=one.reference, source="package",
                )
                found.setdefault(line, []).append(rows.get((at.package_id, written(one))))
                packages.setdefault(line, []).append(str(at.package_id))
    for line, uses in found.items():
        told = replace(line, packages=tuple(sorted(packages[line])))
        known = [row for row in uses if row is not None]
        if known:
            row = min(known, key=lambda one: one.state == ImageState.ACTIVE)
            told = replace(
                told, reference=row.vim_id, status=status_of(row), source=row.source,
                size=row.size, sent_bytes=row.sent_bytes, sha256=row.sha256,
                created_at=row.created_at, fault=row.fault_reason or None,
            )
        yield told
