"""``/inventory/v1/mepms``: an AppLCM and a rule manager at one address, as one resource."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotOffered
from apps.common.pagination import page
from apps.hosts import managers, mepms, selectors
from apps.hosts.api import DELETED, SAVED, UPDATED
from apps.hosts.models import AppLcm, AppRuleManager
from apps.hosts.policies import may_configure, may_record
from apps.hosts.serializers import MepmSerializer
from apps.journal.idempotency import idempotent
from apps.tenants.policies import may, require
from apps.tenants.views import TENANT, ApiView, TenantView

NOT_YET = N_("Edges tell their changes by themselves; this call is not offered yet.")


class MepmListView(ApiView):
    """The collection of platform managers."""

    paged = True
    serializer_class = MepmSerializer

    def get(self, request: Request) -> Response:
        """List."""
        require(may(self.actor, "hosts.read"))
        rows = page(request, selectors.mepms())
        return Response([MepmSerializer(row).data for row in rows])

    @idempotent
    def post(self, request: Request) -> Response:
        """Register both managers of a pair (administrator)."""
        require(may_configure(self.actor))
        form = MepmSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        mepms.register(actor=self.actor, spec=form.to_spec())
        return Response(SAVED)

    def delete(self, request: Request) -> Response:
        """Remove all pairs or, when one is still used, none (administrator)."""
        require(may_configure(self.actor))
        mepms.remove_all(actor=self.actor)
        return Response(DELETED)


class MepmView(ApiView):
    """One platform manager, by its address."""

    serializer_class = MepmSerializer

    def get(self, request: Request, ip: str) -> Response:
        """Read."""
        require(may(self.actor, "hosts.read"))
        return Response(MepmSerializer(mepms.access(ip)).data)

    def put(self, request: Request, ip: str) -> Response:
        """Replace both managers (administrator)."""
        require(may_configure(self.actor))
        mepms.access(ip)
        form = MepmSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        mepms.update(actor=self.actor, ip=ip, spec=form.to_spec())
        return Response(UPDATED)

    def delete(self, request: Request, ip: str) -> Response:
        """Remove both managers (administrator); 409 names the hosts that use them."""
        require(may_configure(self.actor))
        mepms.remove(actor=self.actor, ip=ip)
        return Response(DELETED)


class HostSyncView(ApiView):
    """``…/mepms/{mepm_ip}/mechost/sync``."""

    def get(self, request: Request, ip: str) -> Response:
        """Answer 501: an edge tells its hosts by itself, and asking for them is not built."""
        return self._refuse(ip)

    def post(self, request: Request, ip: str) -> Response:
        """The same, for those who do not ask for a change by reading."""
        return self._refuse(ip)

    def _refuse(self, ip: str) -> Response:
        require(may_configure(self.actor))
        managers.access(AppLcm, ip)
        raise NotOffered(NOT_YET)


@extend_schema(parameters=[TENANT])
class RuleSyncView(TenantView):
    """``…/mepms/{mepm_ip}/apprule/sync``."""

    def get(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """Answer 501: an edge tells its rules by itself, and asking for them is not built."""
        return self._refuse(ip, tenant_id)

    def post(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """The same, for those who do not ask for a change by reading."""
        return self._refuse(ip, tenant_id)

    def _refuse(self, ip: str, tenant_id: uuid.UUID | None) -> Response:
        require(may_record(self.actor))
        self.tenant_to_write(tenant_id)
        managers.access(AppRuleManager, ip)
        raise NotOffered(NOT_YET)
