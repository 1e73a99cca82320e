"""The settings of a host's driver: below ``/inventory/v1`` and below ``/lcmcontroller/v1``."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.hosts import selectors
from apps.hosts.driver_settings import set_settings
from apps.hosts.policies import may_configure
from apps.hosts.serializers_settings import SettingsSerializer
from apps.tenants.policies import require
from apps.tenants.views import ApiView, conditional


class HostSettingsView(ApiView):
    """``…/{host_ip}/settings``: what packages may do there, and where load and images are."""

    serializer_class = SettingsSerializer

    def get(self, request: Request, ip: str) -> Response:
        """Read (administrator); the answer carries the host's version as its ETag."""
        require(may_configure(self.actor))
        host = selectors.access_host(self.actor, ip)
        return Response(SettingsSerializer(host).data, headers={"ETag": etag(host.version)})

    @conditional
    def put(self, request: Request, ip: str) -> Response:
        """Replace them (administrator); they reach the edge with the host."""
        require(may_configure(self.actor))
        host = selectors.access_host(self.actor, ip)
        self.expect(host)
        form = SettingsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        saved = set_settings(actor=self.actor, host_id=host.pk, spec=form.to_spec())
        return Response(SettingsSerializer(saved).data, headers={"ETag": etag(saved.version)})
