"""Instances at an edge: orders and questions over the edge link."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import NotFound, Upstream
from apps.common.models import Origin
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.instances.models import AppInstance
from apps.instances.services import Observation
from apps.instances.states import InstanceState
from apps.tenants.actors import Actor
from apps.vim.contract import Phase, WorkloadStatus

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
