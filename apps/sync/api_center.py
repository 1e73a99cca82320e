"""EdgeGallery's calls to fetch from its edges what changed there, and what became of such calls.

Each asks for pulls, which run beside it.  Where the original answers how it went, we wait a while.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Upstream, UpstreamTimeout
from apps.common.pagination import page
from apps.common.schema import JSON
from apps.common.words import Reason
from apps.hosts import managers
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.policies import may_configure, may_record
from apps.instances.policies import may_create
from apps.journal.idempotency import idempotent
from apps.packages.policies import may_upload
from apps.sync import asking
from apps.sync.models import SyncRun
from apps.sync.selectors import access_run, runs_for
from apps.tenants.policies import may, require
from apps.tenants.views import TENANT, ApiView, TenantView

RUNS = "/sync/v1/runs"
SUCCESS, PARTIAL = {"response": "Success"}, {"response": "Partial Failure"}
ACCEPTED = {"response": "accepted"}
ENDS = {200: JSON, 202: JSON}


def run_json(run: SyncRun) -> dict[str, Any]:
    """A synchronization as clients read it."""
    return {
        "runId": str(run.pk),
        "edge": {"name": run.edge.name, "ip": run.edge.ip},
        "tenantId": str(run.tenant_id) if run.tenant_id else None,
        "state": run.state,
        "full": run.full,
        "counts": run.counts,
        "reason": str(run.why) or None,
        "askedBy": run.actor_name or None,
        "createdAt": run.created_at,
        "finishedAt": run.finished_at,
    }


def outcome(run: SyncRun) -> Response:
    """How a run ended, in the original's words; raises Upstream when its edge did not answer.

    One that goes on is 202, with the place where its end can be read.
    """
    run = asking.wait(run)
    if run.state == SyncRun.State.FAILED:
        raise _upstream(run.why)
    if not run.is_over:
        place = f"{RUNS}/{run.pk}"
        return Response(
            ACCEPTED | {"run": place}, status.HTTP_202_ACCEPTED, headers={"Location": place}
        )
    return Response(PARTIAL if run.held_back else SUCCESS)


def _upstream(why: Reason) -> Upstream:
    kind = UpstreamTimeout if why.code == UpstreamTimeout.default_code else Upstream
    return kind(why.text, code=why.code, **why.params)


class HostSyncView(ApiView):
    """``/inventory/v1/mepms/{mepm_ip}/mechost/sync``."""

    answers: ClassVar[dict[str, Any]] = {"GET": ENDS, "POST": ENDS}

    def get(self, request: Request, ip: str) -> Response:
        """Fetch what changed at an edge, and say how that went (administrator)."""
        return self._fetch(ip)

    def post(self, request: Request, ip: str) -> Response:
        """The same, for those who do not ask for a change by reading."""
        return self._fetch(ip)

    def _fetch(self, ip: str) -> Response:
        require(may_configure(self.actor))
        edge = managers.access(AppLcm, ip)
        return outcome(asking.ask_edge(actor=self.actor, edge=edge))


@extend_schema(parameters=[TENANT])
class RuleSyncView(TenantView):
    """``/inventory/v1[/tenants/{tenant_id}]/mepms/{mepm_ip}/apprule/sync``."""

    answers: ClassVar[dict[str, Any]] = {"GET": ENDS, "POST": ENDS}

    def get(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """Fetch what changed at an edge, and say how that went for the tenant."""
        return self._fetch(ip, tenant_id)

    def post(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """The same, for those who do not ask for a change by reading."""
        return self._fetch(ip, tenant_id)

    def _fetch(self, ip: str, tenant_id: uuid.UUID | None) -> Response:
        require(may_record(self.actor))
        tenant = self.tenant_to_write(tenant_id)
        managers.access(AppRuleManager, ip)
        edge = managers.access(AppLcm, ip)
        return outcome(asking.ask_edge(actor=self.actor, edge=edge, tenant_id=tenant))


@extend_schema(parameters=[TENANT])
class PackageSyncView(TenantView):
    """``POST /apm/v1[/tenants/{tenant_id}]/app_package_infos/sync``."""

    answers: ClassVar[dict[str, Any]] = {"POST": {202: "text/plain"}}

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Fetch what changed at all edges where the tenant may have something."""
        require(may_upload(self.actor))
        asking.ask_all(actor=self.actor, tenant_id=self.tenant_to_write(tenant_id))
        return Response("accepted", status.HTTP_202_ACCEPTED, headers={"Location": RUNS})

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """The original answers bare text here."""
        if isinstance(getattr(response, "data", None), str):
            headers = dict(response.headers) | {"Content-Type": "text/plain"}
            response = HttpResponse(response.data, status=response.status_code, headers=headers)
        return super().finalize_response(request, response, *args, **kwargs)


@extend_schema(parameters=[TENANT])
class InstanceSyncView(TenantView):
    """``POST /appo/v1[/tenants/{tenant_id}]/app_instance_infos/sync``."""

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Fetch what changed at all edges where the tenant may have something."""
        require(may_create(self.actor))
        asking.ask_all(actor=self.actor, tenant_id=self.tenant_to_read(tenant_id))
        return Response(ACCEPTED, status.HTTP_202_ACCEPTED, headers={"Location": RUNS})


class RunListView(ApiView):
    """``GET /sync/v1/runs``."""

    paged = True

    def get(self, request: Request) -> Response:
        """Synchronizations, newest first: those of the caller's tenant, or all."""
        require(may(self.actor, "feed.own"))
        return Response([run_json(row) for row in page(request, runs_for(self.actor))])


class RunView(ApiView):
    """``GET /sync/v1/runs/{run_id}``."""

    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        """One synchronization: how far it is, what it brought, and why it failed."""
        require(may(self.actor, "feed.own"))
        return Response(run_json(access_run(self.actor, run_id)))
