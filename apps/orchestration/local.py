"""Instances on a host of this site, and images of their servers, through its VIM driver."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping

from django.conf import settings
from django.db.models import QuerySet

from apps.hosts.drivers import driver_of
from apps.images import services as images
from apps.images.models import HostImage
from apps.images.selectors import access_image, keeper_of
from apps.instances.models import AppInstance
from apps.instances.selectors import names_of
from apps.instances.services import Observation
from apps.mep import applications, termination
from apps.mep.access import find_application
from apps.orchestration.images import status_of
from apps.orchestration.workload import install_spec, service_names
from apps.tenants.actors import Actor
from apps.vim.contract import AppKeys, Phase
from apps.vim.image_lines import Snapshot


class LocalLcmTarget:
    """The driver of the host that the instance names."""

    def install(self, instance: AppInstance, *, actor: Actor) -> None:
        """Make it known to the MEC platform with its keys, then hand the package to the driver."""
        application = applications.ensure(
            actor=actor,
            application_id=instance.pk,
            name=instance.app_name,
            tenant_id=instance.tenant_id,
        )
        access_key, secret_key = applications.ensure_pair(
            actor=actor,
            application=application,
            required_services=service_names(instance.package.details),
        )
        keys = AppKeys(access_key, secret_key)
        driver_of(instance.host).install(install_spec(instance, keys))

    def observe(self, instance: AppInstance, *, actor: Actor) -> Observation:
        """Ask the driver."""
        status = driver_of(instance.host).status(instance.pk)
        return Observation(at=status.as_of, status=status)

    def announce_end(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Tell the application, if it wanted to be told; True while it may still take its time."""
        application = find_application(str(instance.pk))
        return application is not None and termination.begin(actor=actor, application=application)

    def make_room(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Tell the driver; keys, rules and registrations at the MEC platform stay."""
        driver = driver_of(instance.host)
        if driver.upgrades_in_place:
            return False
        if driver.status(instance.pk).phase == Phase.ABSENT:
            return False
        driver.uninstall(instance.pk)
        return True

    def uninstall(self, instance: AppInstance, *, actor: Actor) -> None:
        """Tell the driver, and remove what the application had at the MEC platform."""
        driver_of(instance.host).uninstall(instance.pk)
        applications.remove(actor=actor, application_id=instance.pk)


class LocalSnapshots:
    """Those of ``rows``, which are such that the actor may see them."""

    def __init__(self, rows: QuerySet[HostImage], actor: Actor) -> None:
        self._rows = rows
        self._actor = actor

    def all(self) -> list[Snapshot]:
        """What this site knows of them."""
        rows = list(self._rows.order_by("-created_at", "pk"))
        names = names_of(row.instance_id for row in rows if row.instance_id)
        return [_told(row, names) for row in rows]

    def one(self, image_id: str) -> Snapshot:
        """What this site knows of it."""
        row = access_image(self._rows, image_id)
        return _told(row, names_of([row.instance_id] if row.instance_id else []))

    def remove(self, image_id: str) -> None:
        """Leave it to the work on images."""
        images.remove(actor=self._actor, image=access_image(self._rows, image_id))

    def read(self, found: Snapshot, start: int, length: int) -> Iterator[bytes]:
        """Ask the VIM."""
        row = access_image(self._rows, found.id)
        return _first(keeper_of(row.host).read_image(row.vim_id, start), length)


def _told(row: HostImage, names: Mapping[uuid.UUID, str]) -> Snapshot:
    return Snapshot(
        id=str(row.pk),
        name=row.name,
        status=status_of(row),
        chunk_bytes=settings.IMAGES["chunk_bytes"],
        instance_id=str(row.instance_id),
        instance=names.get(row.instance_id, "") if row.instance_id else "",
        size=row.size,
        checksum=row.checksum,
        disk_format=row.disk_format,
        created_at=row.created_at,
        fault=row.fault_reason or None,
    )


def _first(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    for piece in pieces:
        if length <= 0:
            return
        yield piece[:length]
        length -= len(piece)
