"""``/appo/v1/hosts/{host_ip}``: closing a host to new instances, and emptying it."""

from __future__ import annotations

from django.utils.translation import gettext_noop as N_
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import NotFound
from apps.hosts.cordon import set_cordoned
from apps.hosts.policies import may_configure
from apps.hosts.selectors import access_host
from apps.journal.idempotency import idempotent
from apps.orchestration import draining
from apps.orchestration.serializers_deployments import DrainSerializer, drain_json
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView


class HostCordonView(ApiView):
    """``/appo/v1/hosts/{host_ip}/cordon``."""

    @idempotent
    def post(self, request: Request, ip: str) -> Response:
        """Close the host to new instances (administrator); what runs there is left alone."""
        require(may_configure(self.actor))
        host = access_host(self.actor, ip)
        set_cordoned(actor=self.actor, host_id=host.pk, cordoned=True)
        return Response({"response": "Cordoned"})

    def delete(self, request: Request, ip: str) -> Response:
        """Open the host to new instances again, and end its draining (administrator)."""
        require(may_configure(self.actor))
        host = access_host(self.actor, ip)
        draining.uncordon(actor=self.actor, host_id=host.pk)
        return Response({"response": "Uncordoned"})


class HostDrainView(ApiView):
    """``/appo/v1/hosts/{host_ip}/drain``."""

    serializer_class = DrainSerializer

    def get(self, request: Request, ip: str) -> Response:
        """How far the last draining is: what moved, what stays and why (administrator)."""
        require(may(self.actor, "hosts.write"))
        host = access_host(self.actor, ip)
        found = draining.drain_of(host.pk)
        if found is None:
            raise NotFound(N_("The host was never drained."), message="Record not found")
        return Response({"response": drain_json(found)})

    @idempotent
    def post(self, request: Request, ip: str) -> Response:
        """Cordon the host and move its instances to others where they may go (administrator)."""
        require(may_configure(self.actor))
        host = access_host(self.actor, ip)
        form = DrainSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        made = draining.drain(
            actor=self.actor, host_id=host.pk, move_named=form.validated_data["moveNamed"]
        )
        return Response({"response": drain_json(made)}, status=status.HTTP_202_ACCEPTED)
