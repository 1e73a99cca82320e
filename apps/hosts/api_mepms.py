"""``/inventory/v1/mepms``: an AppLCM and a rule manager at one address, as one resource."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.pagination import page
from apps.hosts import mepms, selectors
from apps.hosts.api import DELETED, SAVED, UPDATED
from apps.hosts.policies import may_configure
from apps.hosts.serializers import MepmSerializer
from apps.journal.idempotency import idempotent
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView


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
