"""``/appo/v1``: create, instantiate, query and terminate instances."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.pagination import page
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.instances.models import AppInstance
from apps.instances.policies import may_create
from apps.instances.selectors import access_instance, instances_for, operations_of
from apps.instances.specs import CreateSpec
from apps.instances.states import InstanceState
from apps.journal.idempotency import idempotent
from apps.orchestration import services
from apps.orchestration.serializers import (
    CreateSerializer,
    instance_info,
    operation_json,
    workload_json,
)
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView

ACCEPTED = {"response": "ACCEPTED"}
IDS_AT_ONCE = 50


class Precondition(Conflict):
    """EdgeGallery's 412: the state does not allow it; ``response`` holds the original's words."""

    status = 412
    title = N_("Precondition failed")

    def __init__(self, error: Conflict, words: str) -> None:
        super().__init__(
            error.reason.text,
            code=error.code,
            extra=error.extra | {"response": words},
            message=words,
            **error.reason.params,
        )


class InstanceListView(ApiView):
    """``POST /appo/v1/tenants/{tenant_id}/app_instances``."""

    serializer_class = CreateSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Create an instance; it runs once it is instantiated."""
        actor = self.actor
        require(may_create(actor))
        tenant = tenant_for(actor, tenant_id)
        form = CreateSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        spec = CreateSpec(
            package_id=_known(actor, tenant, data["appPackageId"]),
            host_id=_host(actor, data["mecHost"]),
            app_name=data["appName"],
            description=data["appInstanceDescription"],
            capabilities=tuple(data.get("hwCapabilities") or ()),
        )
        try:
            instance = services.create_instance(actor=actor, tenant_id=tenant, spec=spec)
        except services.NameTaken as error:
            raise Precondition(error, f"cannot re-use app name : {spec.app_name}") from None
        body = {"response": {"app_instance_id": str(instance.pk)}}
        return Response(body, status=status.HTTP_202_ACCEPTED)


def _known(actor: Actor, tenant: uuid.UUID, package_id: str) -> uuid.UUID:
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


class InstanceView(ApiView):
    """``/appo/v1/tenants/{tenant_id}/app_instances/{app_instance_id}``."""

    def get(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """The workload, as it was seen last; 412 unless it is instantiated."""
        require(may(self.actor, "instances.read"))
        instance = self._instance(request, tenant_id, instance_id)
        if instance.state != InstanceState.INSTANTIATED:
            reason = N_(
                "Only an instantiated application has a workload; the state is “%(state)s”."
            )
            error = Conflict(reason, code="illegal_move", state=instance.state)
            raise Precondition(error, _state_words(instance.state))
        # A string with JSON in it, as the original's clients expect.
        return Response({"response": json.dumps(workload_json(instance), default=str)})

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """Instantiate; while it is still Creating the order is queued."""
        require(may_create(self.actor))
        instance = self._instance(request, tenant_id, instance_id)
        try:
            services.instantiate(actor=self.actor, instance_id=instance.pk)
        except services.WrongState as error:
            raise Precondition(error, _state_words(error.state)) from None
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)

    def delete(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """Terminate, in whatever state it is."""
        require(may_create(self.actor))
        instance = self._instance(request, tenant_id, instance_id)
        if instance.state != InstanceState.TERMINATING:
            services.terminate(actor=self.actor, instance_id=instance.pk)
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)

    def _instance(
        self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID
    ) -> AppInstance:
        tenant = tenant_for(self.actor, tenant_id)
        return access_instance(self.actor, instance_id, tenant_id=tenant)


def _state_words(state: str) -> str:
    return f"Application instance operational status is : {state}"


class InfoListView(ApiView):
    """``GET /appo/v1/tenants/{tenant_id}/app_instance_infos``."""

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """The tenant's instances; ``appInstId`` or ``appinstanceids`` picks some."""
        require(may(self.actor, "instances.read"))
        tenant = tenant_for(self.actor, tenant_id)
        rows = instances_for(self.actor).filter(tenant_id=tenant)
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


class InfoView(ApiView):
    """``GET /appo/v1/tenants/{tenant_id}/app_instance_infos/{app_instance_id}``."""

    def get(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """One instance with its operations, newest first."""
        require(may(self.actor, "instances.read"))
        tenant = tenant_for(self.actor, tenant_id)
        instance = access_instance(self.actor, instance_id, tenant_id=tenant)
        body: dict[str, Any] = instance_info(instance) | {
            "operations": [operation_json(row) for row in operations_of(instance.pk)[:20]]
        }
        return Response({"response": body}, headers={"ETag": f'"{instance.version}"'})
