"""AppD configurations at a center: the inventory's face and the orchestrator's."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.errors import Conflict, Invalid
from apps.common.schema import JSON
from apps.common.words import Reason
from apps.instances.models import AppInstance
from apps.instances.selectors import access_instance
from apps.journal.idempotency import idempotent
from apps.rules import services, wire
from apps.rules.models import RuleTask
from apps.rules.policies import ORDERED_IN, may_configure
from apps.rules.selectors import access_configuration, access_task
from apps.rules.serializers import AppdConfigSerializer, AppdDeleteSerializer
from apps.rules.specs import AppdSpec
from apps.rules.states import Verb
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView, conditional

TENANT = OpenApiParameter(
    "tenant_id", uuid.UUID, OpenApiParameter.QUERY,
    description="The tenant that is meant, for an administrator, who has to name one to write.",
)


class Precondition(Conflict):
    """The orchestrator's 412; ``response`` has the words of the original."""

    status = 412
    title = N_("Precondition failed")


class InstanceView(ApiView):
    """What all faces share: finding the instance, in the spelling with a tenant and without."""

    spellings = True

    def readable(self, instance_id: uuid.UUID, tenant_id: uuid.UUID | None) -> AppInstance:
        """The instance, for whoever may read its rules."""
        require(may(self.actor, "rules.read"))
        tenant = tenant_id or _named(self.request)
        if tenant is not None:
            tenant_for(self.actor, tenant)
        return access_instance(self.actor, instance_id, tenant_id=tenant)

    def writable(self, instance_id: uuid.UUID, tenant_id: uuid.UUID | None) -> AppInstance:
        """The instance, for whoever may change its rules; without a tenant they name one."""
        require(may_configure(self.actor))
        tenant = tenant_for(self.actor, tenant_id or _named(self.request))
        return access_instance(self.actor, instance_id, tenant_id=tenant)

    def spec(self) -> AppdSpec:
        """The body, checked."""
        form = AppdConfigSerializer(data=self.request.data)
        form.is_valid(raise_exception=True)
        return form.to_spec()


def _named(request: Request) -> uuid.UUID | None:
    """The tenant that the query names."""
    text = request.query_params.get("tenant_id")
    if text is None:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        reason = Reason(N_("“%(text)s” is not a UUID"), params={"text": text[:64]})
        raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason}) from None


class AppdConfigurationView(InstanceView):
    """``/inventory/v1/…/app_instances/{app_instance_id}/appd_configuration``."""

    serializer_class = AppdConfigSerializer
    answers = {verb: {200: JSON} for verb in ("GET", "POST", "PUT", "DELETE")}

    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """The rules of the instance."""
        instance = self.readable(instance_id, tenant_id)
        row = access_configuration(self.actor, instance)
        return Response(wire.configuration(row), headers={"ETag": etag(row.version)})

    @idempotent
    def post(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Give it its first rules; they are handed to its edge in the background."""
        instance = self.writable(instance_id, tenant_id)
        services.create(actor=self.actor, instance_id=instance.pk, spec=self.spec())
        return Response({"response": "Saved"})

    @conditional
    def put(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Replace all its rules."""
        instance = self.writable(instance_id, tenant_id)
        self.expect(access_configuration(self.actor, instance))
        services.replace(actor=self.actor, instance_id=instance.pk, spec=self.spec())
        return Response({"response": "Updated"})

    @conditional
    def delete(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Take all its rules away."""
        instance = self.writable(instance_id, tenant_id)
        self.expect(access_configuration(self.actor, instance))
        services.remove(actor=self.actor, instance_id=instance.pk)
        return Response({"response": "Deleted"})


class RuleOrderView(InstanceView):
    """``/appo/v1/…/app_instances/{app_instance_id}/appd_configuration``."""

    serializer_class = AppdConfigSerializer
    bodies = {"DELETE": False}
    answers = {verb: {202: JSON} for verb in ("POST", "PUT", "DELETE")}

    @idempotent
    def post(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Add rules; one whose id is known takes the place of the old one."""
        return self._merge(instance_id, tenant_id, Verb.CONFIGURE)

    @idempotent
    def put(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Change rules by their ids; those that are new are added."""
        return self._merge(instance_id, tenant_id, Verb.CHANGE)

    @extend_schema(request=AppdDeleteSerializer)
    @idempotent
    def delete(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Take the named rules away; without a body, all of them."""
        instance = self.writable(instance_id, tenant_id)
        named = bool(request.body)
        form = AppdDeleteSerializer(data=request.data if named else {})
        form.is_valid(raise_exception=True)
        self._check_state(instance)
        if not named:
            return _accepted(services.remove(actor=self.actor, instance_id=instance.pk))
        data = form.validated_data
        task = services.remove_rules(
            actor=self.actor,
            instance_id=instance.pk,
            dns=data.get("appDNSRule", ()),
            traffic=data.get("appTrafficRule", ()),
        )
        return _accepted(task)

    def _merge(
        self, instance_id: uuid.UUID, tenant_id: uuid.UUID | None, verb: Verb
    ) -> Response:
        instance = self.writable(instance_id, tenant_id)
        spec = self.spec()
        self._check_state(instance)
        task = services.merge(
            actor=self.actor, instance_id=instance.pk, spec=spec, verb=verb
        )
        return _accepted(task)

    def _check_state(self, instance: AppInstance) -> None:
        if instance.state not in ORDERED_IN:
            words = (
                "Pre condition failed, application instance operational status is :"
                f" {instance.state}"
            )
            raise Precondition(
                N_("Rules are taken once the instance is Created; its state is “%(state)s”."),
                code="illegal_move",
                state=instance.state,
                message=words,
                extra={"response": words, "state": instance.state},
            )


def _accepted(task: RuleTask) -> Response:
    body = {"response": {"apprule_task_id": str(task.pk)}}
    return Response(body, status=status.HTTP_202_ACCEPTED)


class RuleTaskView(ApiView):
    """``/appo/v1/…/apprule_task_infos/{apprule_task_id}``."""

    spellings = True
    answers: ClassVar[dict[str, dict[int, str]]] = {"GET": {200: JSON}}

    def get(
        self, request: Request, task_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """How an order to configure rules goes; an instance's id finds its newest."""
        require(may(self.actor, "rules.read"))
        tenant = tenant_for(self.actor, tenant_id) if tenant_id else None
        return Response(
            {"response": wire.task_info(access_task(self.actor, task_id, tenant_id=tenant))}
        )
