"""``/appo/v1``: deployments by strategy, and the decisions that chose their hosts."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_202_ACCEPTED

from apps.common.errors import Invalid, NotFound
from apps.common.pagination import page
from apps.common.words import Reason
from apps.instances.policies import may_create
from apps.journal.idempotency import idempotent
from apps.orchestration import deployments
from apps.orchestration.deployments import (
    DeploymentSpec,
    access_decision,
    decisions_for,
    verdicts_for,
)
from apps.orchestration.models import PlacementDecision
from apps.orchestration.serializers_deployments import (
    DeploymentSerializer,
    OwnDeploymentSerializer,
    decision_json,
    record_json,
    to_strategy,
)
from apps.packages.selectors import access_package
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView

_DRY_RUN = OpenApiParameter(
    "dry_run", bool, description="Answer with the record of the decision, and create nothing."
)


class DeploymentListView(ApiView):
    """``/appo/v1/tenants/{tenant_id}/deployments``."""

    paged = True
    serializer_class: Any = DeploymentSerializer

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """List what was deployed by strategy, newest first."""
        require(may(self.actor, "instances.read"))
        return _list(request, _of(self.actor, tenant_for(self.actor, tenant_id), dry=False))

    @extend_schema(parameters=[_DRY_RUN])
    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Choose hosts by a strategy and order an instance on each; the answer says how of each."""
        require(may_create(self.actor))
        return _deploy(self.actor, request, tenant_for(self.actor, tenant_id), DeploymentSerializer)


class OwnDeploymentListView(ApiView):
    """``/appo/v1/deployments``: of the caller's tenant; an administrator reads all."""

    paged = True
    serializer_class: Any = OwnDeploymentSerializer

    def get(self, request: Request) -> Response:
        """List what was deployed by strategy, newest first."""
        require(may(self.actor, "instances.read"))
        return _list(request, _of(self.actor, None, dry=False))

    @extend_schema(parameters=[_DRY_RUN])
    @idempotent
    def post(self, request: Request) -> Response:
        """The same for the caller's tenant; an administrator names ``tenant_id`` in the body."""
        require(may_create(self.actor))
        return _deploy(self.actor, request, None, OwnDeploymentSerializer)


class DecisionListView(ApiView):
    """``/appo/v1/tenants/{tenant_id}/placement_decisions``."""

    paged = True

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """List the decisions, dry runs too, newest first."""
        require(may(self.actor, "instances.read"))
        return _list(request, _of(self.actor, tenant_for(self.actor, tenant_id)))


class OwnDecisionListView(ApiView):
    """``/appo/v1/placement_decisions``."""

    paged = True

    def get(self, request: Request) -> Response:
        """List the decisions of the caller's tenant; an administrator reads all."""
        require(may(self.actor, "instances.read"))
        return _list(request, _of(self.actor, None))


class DecisionView(ApiView):
    """``/appo/v1/tenants/{tenant_id}/placement_decisions/{decision_id}``."""

    def get(self, request: Request, tenant_id: uuid.UUID, decision_id: uuid.UUID) -> Response:
        """One decision: each host, the filter that dropped it or its score, and what would win."""
        require(may(self.actor, "instances.read"))
        tenant = tenant_for(self.actor, tenant_id)
        found = access_decision(self.actor, decision_id, tenant_id=tenant)
        return _record(self.actor, found)


class OwnDecisionView(ApiView):
    """``/appo/v1/placement_decisions/{decision_id}``."""

    def get(self, request: Request, decision_id: uuid.UUID) -> Response:
        """One decision of the caller's tenant."""
        require(may(self.actor, "instances.read"))
        return _record(self.actor, access_decision(self.actor, decision_id))


def _of(actor: Actor, tenant: uuid.UUID | None, *, dry: bool | None = None) -> Any:
    rows = decisions_for(actor)
    if tenant is not None:
        rows = rows.filter(tenant_id=tenant)
    return rows if dry is None else rows.filter(dry_run=dry)


def _list(request: Request, rows: Any) -> Response:
    return Response({"response": [decision_json(row) for row in page(request, rows)]})


def _record(actor: Actor, decision: PlacementDecision, *, status: int = 200) -> Response:
    record = record_json(decision, verdicts_for(actor, decision))
    return Response({"response": record}, status=status)


def _deploy(
    actor: Actor, request: Request, tenant: uuid.UUID | None,
    serializer: type[DeploymentSerializer],
) -> Response:
    dry_run = _flag(request, "dry_run")
    form = serializer(data=request.data)
    form.is_valid(raise_exception=True)
    data = form.validated_data
    if tenant is None:
        tenant = tenant_for(actor, data.get("tenant_id"))
    spec = _spec(actor, tenant, data)
    made: PlacementDecision
    if dry_run:
        made = deployments.preview(actor=actor, tenant_id=tenant, spec=spec)
        return _record(actor, made)
    made = deployments.deploy(actor=actor, tenant_id=tenant, spec=spec)
    return _record(actor, made, status=HTTP_202_ACCEPTED)


def _spec(actor: Actor, tenant: uuid.UUID, data: dict[str, Any]) -> DeploymentSpec:
    try:
        package = access_package(actor, data["appPackageId"], tenant_id=tenant)
    except NotFound as error:
        raise Invalid(
            N_("The request is not valid."), fields={"appPackageId": error.reason}
        ) from None
    return DeploymentSpec(
        package_id=package.pk,
        app_name=data["appName"],
        strategy=to_strategy(data["strategy"]),
        description=data.get("description", ""),
        parameters=data.get("parameters") or {},
        start=data["start"],
        partial=data["allowFewer"],
        allow_missing=data["allow_missing_services"],
    )


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        reason = Reason(N_("must be true or false"))
        raise Invalid(N_("The request is not valid."), fields={name: reason})
    return text in ("true", "1")
