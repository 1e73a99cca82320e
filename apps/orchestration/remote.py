"""Instances at an edge, and images of their servers: orders and questions over the edge link."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import NotFound, Upstream
from apps.common.models import Origin
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient, images_of_host, images_of_instance
from apps.hosts.models import MecHost
from apps.images.selectors import key_of
from apps.instances.models import AppInstance
from apps.instances.selectors import operations_of
from apps.instances.services import Observation
from apps.instances.states import InstanceState
from apps.journal import services as journal
from apps.orchestration.noted import noted
from apps.tenants.actors import Actor
from apps.vim.contract import Phase, WorkloadStatus
from apps.vim.image_lines import Snapshot

# What the edge's life cycle means for an order that we wait for.
PHASE_OF: dict[str, Phase] = {
    InstanceState.INSTANTIATED: Phase.READY,
    InstanceState.INSTANTIATION_FAILED: Phase.FAILED,
    InstanceState.CREATE_FAILED: Phase.FAILED,
    InstanceState.TERMINATING: Phase.REMOVING,
    InstanceState.TERMINATE_FAILED: Phase.FAILED,
}


class RemoteLcmTarget:
    """The edge behind the AppLCM of the instance's host."""

    def install(self, instance: AppInstance, *, actor: Actor) -> None:
        """Order it; the edge recognises an order that it has already."""
        with self._edge(instance, actor) as edge, _waiting_for_what_was_lost(instance):
            edge.instantiate(instance.tenant_id, instance.pk, order_of(instance))

    def observe(self, instance: AppInstance, *, actor: Actor) -> Observation:
        """Ask the edge for its record; none there means that nothing runs there."""
        try:
            with self._edge(instance, actor) as edge:
                return observation_of(edge.instance(instance.tenant_id, instance.pk))
        except NotFound:
            moment = clock.now()
            return Observation(
                at=moment, status=WorkloadStatus(Phase.ABSENT, moment), edge_state="absent"
            )

    def announce_end(self, instance: AppInstance, *, actor: Actor) -> bool:
        """The edge does that by itself when it is told to uninstall."""
        return False

    def make_room(self, instance: AppInstance, *, actor: Actor) -> bool:
        """Order the upgrade; the edge makes the room itself, and knows an order that it has."""
        with self._edge(instance, actor) as edge, _waiting_for_what_was_lost(instance):
            edge.upgrade(instance.tenant_id, instance.pk, upgrade_of(instance))
        return False

    def uninstall(self, instance: AppInstance, *, actor: Actor) -> None:
        """Order its end."""
        try:
            with self._edge(instance, actor) as edge:
                edge.terminate(instance.tenant_id, instance.pk)
        except NotFound:
            return

    def _edge(self, instance: AppInstance, actor: Actor) -> EdgeClient:
        assert instance.host.applcm is not None  # noqa: S101 - chosen for hosts of an AppLCM
        return EdgeClient(instance.host.applcm, actor=actor, tenant_name=instance.tenant.name)


@contextmanager
def _waiting_for_what_was_lost(instance: AppInstance) -> Iterator[None]:
    """An edge that does not know what an order stands on was set back, and is given it again; or it
    removed it, and its feed says so.  Until then, and to its deadline, the order waits."""
    try:
        yield
    except NotFound as error:
        raise Upstream(
            N_("The edge does not have what “%(name)s” stands on: %(said)s"),
            code="lost_there",
            name=instance.app_name,
            said=str(error.answer.get("detail") or error),
        ) from None


def order_of(instance: AppInstance) -> dict[str, Any]:
    """The body of an instantiate order."""
    return {
        "hostIp": instance.host.ip,
        "packageId": instance.package.site_key,
        "appName": instance.app_name,
        "origin": Origin.MEO,
        "description": instance.description,
        "capabilities": instance.capabilities,
        "parameters": instance.parameters,
    }


def upgrade_of(instance: AppInstance) -> dict[str, Any]:
    """The body of an upgrade order."""
    return {"packageId": instance.package.package_id, "parameters": instance.parameters}


def observation_of(record: dict[str, Any]) -> Observation:
    """What the edge's record of an instance tells; its life cycle decides the phase."""
    workload = record.get("workload")
    seen = WorkloadStatus.from_json(workload) if workload else None
    health_reason = Reason.from_json(record.get("health_reason"))
    observed_at = record.get("observed_at")
    return Observation(
        at=datetime.fromisoformat(observed_at) if observed_at else clock.now(),
        status=seen,
        reason=health_reason,
        edge_state=str(record["state"]),
        health=str(record["health"]),
        version=int(record["version"]),
        edge_phase=PHASE_OF.get(str(record["state"]), Phase.INSTALLING),
        why=Reason.from_json(record.get("operation_info")) or health_reason,
        edge_package=uuid.UUID(record["package_id"]) if record.get("package_id") else None,
    )


class RemoteSnapshots:
    """Those at the edge of ``host``: of ``instance``, or of all that it has or had."""

    def __init__(self, host: MecHost, actor: Actor, instance: AppInstance | None = None) -> None:
        self._host = host
        self._actor = actor
        self._instance = instance
        self._at = (
            images_of_instance(instance.tenant_id, instance.pk)
            if instance else images_of_host(host.ip)
        )

    def all(self) -> list[Snapshot]:
        """Ask the edge."""
        with self._edge() as edge:
            return edge.snapshots(self._at)

    def one(self, image_id: str) -> Snapshot:
        """Ask the edge."""
        with self._edge() as edge:
            return edge.snapshot(self._at, key_of(image_id))

    def take(self, server_id: str) -> str:
        """Order one of a server of the instance; its id."""
        name = self._instance.server_name(server_id) if self._instance else server_id
        about = {"server_id": server_id, "server": name}
        with self._edge() as edge, noted(lambda why: self._record("ordered", about, why)):
            about["image_id"] = edge.take_snapshot(self._at, server_id)
        return about["image_id"]

    def remove(self, image_id: str) -> None:
        """Order it there."""
        with self._edge() as edge:
            found = edge.snapshot(self._at, key_of(image_id))
            about = {"image_id": found.id, "image": found.name, "instance_id": found.instance_id}
            with noted(lambda why: self._record("removing", about, why)):
                edge.remove_image(self._at, key_of(found.id))

    def read(self, found: Snapshot, start: int, length: int) -> Iterator[bytes]:
        """A piece for each request: what an edge answers is held in memory until it is whole."""
        pieces = self._pieces(found, start, length)
        return _begun(next(pieces, b""), pieces)

    def _pieces(self, found: Snapshot, start: int, length: int) -> Iterator[bytes]:
        most = min(found.chunk_bytes, settings.IMAGES["chunk_bytes"])
        end = start + length
        with self._edge() as edge:
            for place in range(start, end, most):
                size = min(most, end - place)
                yield edge.image_bytes(self._at, found, start=place, length=size)

    def _edge(self) -> EdgeClient:
        assert self._host.applcm is not None  # noqa: S101 - chosen for hosts of an AppLCM
        tenant = self._instance.tenant.name if self._instance else ""
        return EdgeClient(self._host.applcm, actor=self._actor, tenant_name=tenant)

    @transaction.atomic
    def _record(self, verb: str, about: dict[str, str], why: Reason | None) -> None:
        """Keep who ordered it, on the instance, or on the host where that may be gone."""
        subject = self._instance or self._host
        journal.record(
            f"images.snapshot.{verb}", subject, actor=self._actor,
            tenant_id=self._owner(about.get("instance_id", "")),
            data=about | ({"reason": why.as_json()} if why else {}),
        )

    def _owner(self, instance_id: str) -> uuid.UUID | None:
        """Whose it is, as far as this site remembers the instance."""
        if self._instance:
            return self._instance.tenant_id
        past = operations_of(uuid.UUID(instance_id)).values_list("tenant_id", flat=True)
        return past.first() or self._actor.tenant_id


def _begun(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
