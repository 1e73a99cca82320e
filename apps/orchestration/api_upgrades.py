"""``/appo/v1/…/upgrades``: instances to another version of what they run, in waves, and back."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.pagination import page
from apps.instances.models import Rollout, RolloutItem
from apps.instances.policies import may_create
from apps.instances.rollouts import access_rollout, rollouts_for
from apps.instances.specs import RolloutSpec
from apps.journal.idempotency import idempotent
from apps.orchestration import rollouts
from apps.orchestration.answers import OrchestratorView
from apps.orchestration.api import known_package
from apps.orchestration.bodies import RolloutSerializer
from apps.tenants.policies import may, require


class UpgradesView(OrchestratorView):
    """``/appo/v1/tenants/{tenant_id}/upgrades``."""

    paged = True
    serializer_class = RolloutSerializer

    def get(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """The upgrades of a tenant, newest first."""
        require(may(self.actor, "instances.read"))
        tenant = self.readable(request, tenant_id)
        rows = rollouts_for(self.actor)
        if tenant is not None:
            rows = rows.filter(tenant_id=tenant)
        return Response({"response": [rollout_json(row) for row in page(request, rows)]})

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Begin one: ``waveSize`` at a time, no new wave once ``stopAfter`` have failed."""
        require(may_create(self.actor))
        tenant = self.tenant(request, tenant_id)
        data = self.taken(RolloutSerializer, request)
        spec = RolloutSpec(
            package_id=known_package(self.actor, tenant, data["appPackageId"]),
            instance_ids=tuple(data["appInstanceIds"]),
            wave_size=data["waveSize"],
            stop_after=data["stopAfter"],
            parameters=data.get("parameters"),
            allow_missing=data["allow_missing_services"],
        )
        made = rollouts.start(actor=self.actor, tenant_id=tenant, spec=spec)
        return Response({"response": rollout_json(made)}, status=status.HTTP_202_ACCEPTED)


class UpgradeView(OrchestratorView):
    """``/appo/v1/tenants/{tenant_id}/upgrades/{upgrade_id}``."""

    def get(
        self, request: Request, upgrade_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """One upgrade with what became of each instance."""
        require(may(self.actor, "instances.read"))
        tenant = self.readable(request, tenant_id)
        found = access_rollout(self.actor, upgrade_id, tenant_id=tenant)
        return Response({"response": rollout_json(found)})


class UpgradeStopView(OrchestratorView):
    """``POST …/upgrades/{upgrade_id}/stop``."""

    @idempotent
    def post(
        self, request: Request, upgrade_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Begin no further wave; one that has ended stays as it is."""
        require(may_create(self.actor))
        tenant = self.readable(request, tenant_id)
        found = access_rollout(self.actor, upgrade_id, tenant_id=tenant)
        stopped = rollouts.stop(actor=self.actor, rollout_id=found.pk)
        return Response({"response": rollout_json(stopped)}, status=status.HTTP_202_ACCEPTED)


class UpgradeBackView(OrchestratorView):
    """``POST …/upgrades/{upgrade_id}/back``."""

    @idempotent
    def post(
        self, request: Request, upgrade_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Take an upgrade back: an upgrade of its own to what each instance ran before."""
        require(may_create(self.actor))
        tenant = self.readable(request, tenant_id)
        found = access_rollout(self.actor, upgrade_id, tenant_id=tenant)
        made = rollouts.back(actor=self.actor, rollout_id=found.pk)
        return Response({"response": rollout_json(made)}, status=status.HTTP_202_ACCEPTED)


def rollout_json(rollout: Rollout) -> dict[str, Any]:
    """A rollout with its items."""
    return {
        "upgradeId": str(rollout.pk),
        "tenantId": str(rollout.tenant_id),
        "package": rollout.package_name,
        "state": rollout.state,
        "reason": str(rollout.why) or None,
        "waveSize": rollout.wave_size,
        "stopAfter": rollout.stop_after,
        "backOf": str(rollout.back_of_id) if rollout.back_of_id else None,
        "createdAt": rollout.created_at.isoformat(),
        "finishedAt": rollout.finished_at.isoformat() if rollout.finished_at else None,
        "instances": [_item(item) for item in rollout.items.all()],
    }


def _item(item: RolloutItem) -> dict[str, Any]:
    return {
        "appInstanceId": str(item.instance_id),
        "appName": item.app_name,
        "host": item.host_name,
        "wave": item.wave,
        "from": item.former_name,
        "state": item.state,
        "reason": str(item.why) or None,
        "operationId": str(item.operation_id) if item.operation_id else None,
    }
