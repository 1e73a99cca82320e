"""``/lcmcontroller/v1``: instances at an edge, for its center and its operator."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Conflict, DomainError, NotFound
from apps.common.pagination import page
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.instances.models import AppInstance
from apps.instances.policies import may_create
from apps.instances.selectors import access_instance, instances_for
from apps.instances.specs import CreateSpec
from apps.instances.states import InstanceState
from apps.journal import orders
from apps.journal.idempotency import idempotent
from apps.orchestration import services
from apps.orchestration.bodies import UpgradeOrderSerializer
from apps.orchestration.platforms import load_of
from apps.orchestration.serializers import OrderSerializer, edge_record, edge_row, workload_json
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor
from apps.tenants.adoption import origin_of
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView

UNKNOWN_INSTANCE = "App info record does not exist in database"


class InstantiateView(ApiView):
    """``POST …/app_instances/{app_instance_id}/instantiate``."""

    serializer_class = OrderSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """Take the order on; the same order again is the same order."""
        actor = self.actor
        require(may_create(actor))
        tenant = tenant_for(actor, tenant_id)
        form = OrderSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        package = access_package(actor, data["packageId"], tenant_id=tenant)
        host = hosts.access_host(actor, data["hostIp"])
        spec = CreateSpec(
            package.pk,
            host.pk,
            data["appName"],
            data.get("description") or "",
            tuple(data.get("capabilities") or ()),
            dict(data.get("parameters") or {}),
            # What a center orders it has weighed itself.
            data["allow_missing_services"] or actor.site_id is not None,
        )
        with transaction.atomic():
            orders.heed(f"appinstance:{instance_id}")
            services.take_order(
                actor=actor,
                tenant_id=tenant,
                instance_id=instance_id,
                spec=spec,
                origin=origin_of(actor, data.get("origin")),
            )
        return Response(None)


class EdgeUpgradeView(ApiView):
    """``POST …/app_instances/{app_instance_id}/upgrade``."""

    serializer_class = UpgradeOrderSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """Run another version in place of the present one; the same order again is the same."""
        actor = self.actor
        require(may_create(actor))
        instance = edge_instance(actor, tenant_id, instance_id)
        form = UpgradeOrderSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        package = access_package(actor, data["packageId"], tenant_id=instance.tenant_id)
        with transaction.atomic():
            orders.heed(f"appinstance:{instance_id}")
            services.take_upgrade(
                actor=actor,
                instance_id=instance.pk,
                package_id=package.pk,
                given=data.get("parameters"),
                allow_missing=actor.site_id is not None,
            )
        return Response(None)


class TerminateView(ApiView):
    """``POST …/app_instances/{app_instance_id}/terminate``."""

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """End an instance; one that is on its way out already is left to it."""
        require(may_create(self.actor))
        # An order for what is not here is heeded too: its instantiation may still be on its way.
        orders.heed_alone(f"appinstance:{instance_id}")
        instance = edge_instance(self.actor, tenant_id, instance_id)
        if instance.state != InstanceState.TERMINATING:
            services.terminate(
                actor=self.actor,
                instance_id=instance.pk,
                heed_others=self.actor.site_id is None,
            )
        return Response(None)


class EdgeInstancesView(ApiView):
    """``GET …/app_instances``."""

    paged = True

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """List."""
        require(may(self.actor, "instances.read"))
        tenant = tenant_for(self.actor, tenant_id)
        rows = instances_for(self.actor).filter(tenant_id=tenant)
        return Response([edge_row(row) for row in page(request, rows)])


class EdgeInstanceView(ApiView):
    """``GET …/app_instances/{app_instance_id}``."""

    def get(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """The workload as it was seen last, and its load where somebody measures it."""
        require(may(self.actor, "instances.read"))
        instance = edge_instance(self.actor, tenant_id, instance_id)
        return Response(workload_json(instance, load_of(instance)))


class EdgeRecordView(ApiView):
    """``GET …/app_instances/{app_instance_id}/record``: what the center asks for."""

    def get(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """Life cycle, health and workload in one document."""
        require(may(self.actor, "instances.read"))
        return Response(edge_record(edge_instance(self.actor, tenant_id, instance_id)))


class BatchSerializer(serializers.Serializer[Any]):
    """``{"appInstances": "uuid,uuid,…"}``."""

    appInstances = serializers.CharField(max_length=2048)

    def validate_appInstances(self, text: str) -> list[uuid.UUID]:  # noqa: N802 - named by field
        """The ids in the comma separated list."""
        try:
            return [uuid.UUID(part.strip()) for part in text.split(",") if part.strip()]
        except ValueError:
            raise serializers.ValidationError(_not_ids()) from None


def _not_ids() -> str:
    return str(Reason(N_("give UUIDs, separated by commas")))


class BatchTerminateView(ApiView):
    """``DELETE …/app_instances/batchTerminate``."""

    serializer_class = BatchSerializer
    bodies = {"DELETE": True}

    def delete(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """End several; all are looked up first, so an unknown one stops nothing half-way."""
        require(may_create(self.actor))
        tenant = tenant_for(self.actor, tenant_id)
        form = BatchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        keys = form.validated_data["appInstances"]
        rows = [edge_instance(self.actor, tenant, key) for key in keys]
        faults: dict[str, Reason] = {}
        for row in rows:
            if row.state == InstanceState.TERMINATING:
                continue
            try:
                services.terminate(actor=self.actor, instance_id=row.pk)
            except DomainError as error:
                faults[str(row.pk)] = error.reason
        if faults:
            raise Conflict(N_("Some instances could not be terminated."), fields=faults)
        return Response(None)


def edge_instance(actor: Actor, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> AppInstance:
    """One instance of the tenant of an address, or NotFound in the words of the original."""
    tenant = tenant_for(actor, tenant_id)
    try:
        return access_instance(actor, instance_id, tenant_id=tenant)
    except NotFound as error:
        raise NotFound(
            error.reason.text,
            message=UNKNOWN_INSTANCE,
            details=[UNKNOWN_INSTANCE],
            **error.reason.params,
        ) from None
