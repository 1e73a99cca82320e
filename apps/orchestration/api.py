"""``/appo/v1``: create, instantiate, query and terminate instances."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.pagination import page
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.instances.policies import may_create
from apps.instances.selectors import instances_for, operations_of
from apps.instances.specs import CreateSpec
from apps.instances.states import InstanceState
from apps.journal.idempotency import idempotent
from apps.orchestration import services
from apps.orchestration.answers import OrchestratorView, Precondition, refuse
from apps.orchestration.bodies import CreateSerializer, StartSerializer
from apps.orchestration.serializers import INFO, instance_info, operation_json, workload_json
from apps.packages.selectors import access_package
from apps.tenants.actors import NOBODY, Actor
from apps.tenants.policies import may, require
from apps.tenants.views import conditional

ACCEPTED = {"response": "ACCEPTED"}
IDS_AT_ONCE = 50


class InstanceListView(OrchestratorView):
    """``POST /appo/v1/tenants/{tenant_id}/app_instances``."""

    serializer_class = CreateSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Create an instance; it runs once it is instantiated."""
        actor = self.actor
        require(may_create(actor))
        tenant = self.tenant(request, tenant_id)
        data = self.taken(CreateSerializer, request)
        spec = spec_of(actor, tenant, data, _host(actor, data["mecHost"]))
        try:
            instance = services.create_instance(actor=actor, tenant_id=tenant, spec=spec)
        except Conflict as error:
            refuse(error)
        body = {"response": {"app_instance_id": str(instance.pk)}}
        return Response(body, status=status.HTTP_202_ACCEPTED)


def spec_of(
    actor: Actor, tenant: uuid.UUID, data: dict[str, Any], host_id: uuid.UUID = NOBODY
) -> CreateSpec:
    """What a body of creating asks for; Invalid for a package that the tenant does not have."""
    return CreateSpec(
        package_id=known_package(actor, tenant, data["appPackageId"]),
        host_id=host_id,
        app_name=data["appName"],
        description=data["appInstanceDescription"],
        capabilities=tuple(data.get("hwCapabilities") or ()),
        parameters=data.get("parameters") or {},
        allow_missing=data["allow_missing_services"],
    )


def known_package(actor: Actor, tenant: uuid.UUID, package_id: str) -> uuid.UUID:
    """The id of a package of the tenant; Invalid at its field when there is none."""
    try:
        return access_package(actor, package_id, tenant_id=tenant).pk
    except NotFound as error:
        raise Invalid(
            N_("The request is not valid."), fields={"appPackageId": error.reason}
        ) from None


def _host(actor: Actor, ip: str) -> uuid.UUID:
    try:
        return hosts.access_host(actor, ip).pk
    except NotFound as error:
        raise Invalid(N_("The request is not valid."), fields={"mecHost": error.reason}) from None


class InstanceView(OrchestratorView):
    """``/appo/v1/tenants/{tenant_id}/app_instances/{app_instance_id}``."""

    serializer_class = StartSerializer

    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """The workload, as it was seen last; 412 unless it is instantiated."""
        require(may(self.actor, "instances.read"))
        instance = self.instance(request, tenant_id, instance_id)
        if instance.state != InstanceState.INSTANTIATED:
            reason = N_(
                "Only an instantiated application has a workload; the state is “%(state)s”."
            )
            error = Conflict(reason, code="illegal_move", state=instance.state)
            words = f"Application instance operational status is : {instance.state}"
            raise Precondition(error, words)
        # A string with JSON in it, as the original's clients expect.
        return Response({"response": json.dumps(workload_json(instance), default=str)})

    @idempotent
    @conditional
    def post(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Instantiate; while it is still Creating the order is queued."""
        require(may_create(self.actor))
        instance = self.instance(request, tenant_id, instance_id)
        self.expect(instance)
        data = self.taken(StartSerializer, request)
        try:
            services.instantiate(
                actor=self.actor,
                instance_id=instance.pk,
                given=data.get("parameters"),
                allow_missing=data["allow_missing_services"],
            )
        except Conflict as error:
            refuse(error)
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)

    @idempotent
    @conditional
    def delete(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Terminate, in whatever state it is; 412 names those that need it."""
        require(may_create(self.actor))
        instance = self.instance(request, tenant_id, instance_id)
        self.expect(instance)
        if instance.state != InstanceState.TERMINATING:
            try:
                services.terminate(actor=self.actor, instance_id=instance.pk)
            except Conflict as error:
                refuse(error)
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)


class InfoListView(OrchestratorView):
    """``GET /appo/v1/tenants/{tenant_id}/app_instance_infos``."""

    paged = True

    def get(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """The tenant's instances; ``appInstId`` or ``appinstanceids`` picks some."""
        require(may(self.actor, "instances.read"))
        tenant = self.readable(request, tenant_id)
        rows = instances_for(self.actor).select_related(None)
        rows = rows.select_related("package", "host__applcm").only(*INFO)
        if tenant is not None:
            rows = rows.filter(tenant_id=tenant)
        wanted = _ids(request)
        if wanted:
            rows = rows.filter(pk__in=wanted)
        return Response({"response": [instance_info(row) for row in page(request, rows)]})


def _ids(request: Request) -> list[uuid.UUID]:
    found: list[uuid.UUID] = []
    for name in ("appInstId", "appinstanceids"):
        for value in request.query_params.getlist(name):
            for text in filter(None, (part.strip() for part in value.split(","))):
                try:
                    found.append(uuid.UUID(text))
                except ValueError:
                    reason = Reason(N_("“%(text)s” is not a UUID"), params={"text": text[:64]})
                    raise Invalid(N_("The request is not valid."), fields={name: reason}) from None
    if len(found) > IDS_AT_ONCE:
        reason = Reason(N_("name at most %(most)s instances"), params={"most": IDS_AT_ONCE})
        raise Invalid(N_("The request is not valid."), fields={"appInstId": reason})
    return found


class InfoView(OrchestratorView):
    """``GET /appo/v1/tenants/{tenant_id}/app_instance_infos/{app_instance_id}``."""

    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """One instance with its operations, newest first."""
        require(may(self.actor, "instances.read"))
        instance = self.instance(request, tenant_id, instance_id)
        body: dict[str, Any] = instance_info(instance) | {
            "operations": [operation_json(row) for row in operations_of(instance.pk)[:20]]
        }
        return Response({"response": body}, headers={"ETag": etag(instance.version)})
