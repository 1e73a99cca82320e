"""``/appo/v1``: the verbs on many instances at once.  Always 202: each item has its own answer."""

from __future__ import annotations

import uuid

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.instances.policies import may_create
from apps.journal.idempotency import idempotent
from apps.orchestration import batch
from apps.orchestration.answers import OrchestratorView, batch_item
from apps.orchestration.api import spec_of
from apps.orchestration.bodies import (
    BatchCreateSerializer,
    BatchEndSerializer,
    BatchStartSerializer,
)
from apps.tenants.policies import require


class BatchCreateView(OrchestratorView):
    """``POST …/app_instances/batch_create``."""

    serializer_class = BatchCreateSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Create one instance on each of up to 20 hosts."""
        require(may_create(self.actor))
        tenant = self.tenant(request, tenant_id)
        data = self.taken(BatchCreateSerializer, request)
        spec = spec_of(self.actor, tenant, data)
        outcomes = batch.create(
            actor=self.actor, tenant_id=tenant, spec=spec, host_ips=data["mecHost"]
        )
        return _answer(outcomes)


class BatchInstantiateView(OrchestratorView):
    """``POST …/app_instances/batch_instantiate``."""

    serializer_class = BatchStartSerializer
    bodies = {"POST": True}

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Instantiate up to 20 instances."""
        require(may_create(self.actor))
        tenant = self.readable(request, tenant_id)
        data = self.taken(BatchStartSerializer, request)
        starts = [batch.Start(key) for key in data.get("appInstanceIds", ())]
        starts += [
            batch.Start(one["appInstanceId"], one.get("parameters"))
            for one in data.get("instantiationParameters", ())
        ]
        outcomes = batch.instantiate(
            actor=self.actor,
            starts=starts,
            tenant_id=tenant,
            allow_missing=data["allow_missing_services"],
        )
        return _answer(outcomes)


class BatchTerminateView(OrchestratorView):
    """``POST`` and ``DELETE …/app_instances/batch_terminate``."""

    serializer_class = BatchEndSerializer
    bodies = {"DELETE": True}

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Terminate up to 20 instances."""
        return self._terminate(request, tenant_id)

    @idempotent
    def delete(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """The same as POST, as later clients spell it."""
        return self._terminate(request, tenant_id)

    def _terminate(self, request: Request, tenant_id: uuid.UUID | None) -> Response:
        require(may_create(self.actor))
        tenant = self.readable(request, tenant_id)
        data = self.taken(BatchEndSerializer, request)
        outcomes = batch.terminate(
            actor=self.actor, instance_ids=data["appInstanceIds"], tenant_id=tenant
        )
        return _answer(outcomes)


def _answer(outcomes: list[batch.Outcome]) -> Response:
    items = [
        batch_item(instance_id=one.instance_id, host=one.host, error=one.error)
        for one in outcomes
    ]
    return Response({"response": items}, status=status.HTTP_202_ACCEPTED)
