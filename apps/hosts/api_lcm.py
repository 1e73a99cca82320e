"""``/lcmcontroller/v1``: the hosts of an edge, for its center and its operator."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.fields import ipv4
from apps.common.models import Origin
from apps.common.pagination import page
from apps.hosts import credentials, selectors, services
from apps.hosts.api import store_uploaded
from apps.hosts.driver_settings import set_settings
from apps.hosts.models import MecHost
from apps.hosts.policies import may_configure, may_handle_credentials
from apps.hosts.serializers import LocalHostSerializer
from apps.hosts.serializers_settings import SettingsSerializer
from apps.journal import orders
from apps.journal.idempotency import idempotent
from apps.journal.selectors import end_of
from apps.tenants.adoption import origin_of
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView


class OrderedHostSerializer(LocalHostSerializer):
    """A host as a center or an edge portal sends it."""

    mechostId = serializers.UUIDField(required=False)
    origin = serializers.ChoiceField(choices=Origin.choices, required=False, allow_blank=True)
    settings = SettingsSerializer(required=False)


class LocalHostListView(ApiView):
    """The hosts of this edge."""

    paged = True
    serializer_class = OrderedHostSerializer

    def get(self, request: Request) -> Response:
        """List."""
        require(may(self.actor, "hosts.read"))
        rows = selectors.hosts_for(self.actor).filter(applcm__isnull=True)
        return Response([LocalHostSerializer(row).data for row in page(request, rows)])

    @idempotent
    def post(self, request: Request) -> Response:
        """Take a host in, or replace its configuration when the address is known."""
        return self._upsert(request)

    def put(self, request: Request) -> Response:
        """The same as POST, as in the original."""
        return self._upsert(request)

    def _upsert(self, request: Request) -> Response:
        require(may_configure(self.actor))
        form = OrderedHostSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data, spec = form.validated_data, form.to_spec()
        settings = cast(SettingsSerializer, form.fields["settings"])
        with transaction.atomic():
            orders.heed(f"mechost:{spec.ip}")
            rows = selectors.local_hosts().select_for_update(of=("self",))
            known = rows.filter(ip=spec.ip).first()
            before = known.desired_version if known else 0
            if known is not None:
                host = services.update_host(actor=self.actor, host_id=known.pk, spec=spec)
            else:
                host = services.register_host(
                    actor=self.actor,
                    spec=spec,
                    host_id=data.get("mechostId") or uuid.uuid4(),
                    origin=origin_of(self.actor, data.get("origin")),
                )
            if "settings" in data:
                told = settings.spec_from(data["settings"])
                set_settings(actor=self.actor, host_id=host.pk, spec=told)
            host.refresh_from_db(fields=["desired_version"])
            if host.desired_version != before:
                there = known is not None
                orders.expect(before if there else end_of("mechost", host.pk), there=there)
        return Response(None, headers={"ETag": etag(host.desired_version)})


class LocalHostView(ApiView):
    """One host of this edge, by its address."""

    def delete(self, request: Request, ip: str) -> Response:
        """Remove it; 409 names what still runs there."""
        require(may_configure(self.actor))
        orders.heed_alone(f"mechost:{ip}")
        host = selectors.access_host(self.actor, ip)
        services.remove_host(actor=self.actor, host_id=host.pk)
        return Response(None)


class HostAddressSerializer(serializers.Serializer[Any]):
    """The address of a host in a form."""

    hostIp = serializers.CharField(max_length=15, validators=[ipv4])


class AccessFileSerializer(HostAddressSerializer):
    """An access file in a form."""

    configFile = serializers.FileField()
    untested = serializers.ChoiceField(
        choices=("true", "false"), required=False, help_text="“true”: without asking the VIM first."
    )


class ConfigurationView(ApiView):
    """The access file of a host of this edge."""

    parser_classes = [MultiPartParser, FormParser, JSONParser]
    serializer_class = HostAddressSerializer

    @extend_schema(request={"multipart/form-data": AccessFileSerializer})
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Store it, once it is known to open the VIM: 400 or 502 say why not."""
        host = self._host(request, tenant_id)
        orders.heed_alone(f"credentials:{host.ip}")
        store_uploaded(request, host, actor=self.actor, part="configFile")
        return Response(None)

    def delete(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Forget it; the address comes as a query parameter or as a form field."""
        host = self._host(request, tenant_id)
        orders.heed_alone(f"credentials:{host.ip}")
        credentials.remove_credentials(actor=self.actor, host_id=host.pk)
        return Response(None)

    def _host(self, request: Request, tenant_id: uuid.UUID | None) -> MecHost:
        require(may_handle_credentials(self.actor))
        if tenant_id is not None:
            tenant_for(self.actor, tenant_id)
        return selectors.access_host(self.actor, self._address(request))

    def _address(self, request: Request) -> str:
        given = request.query_params if "hostIp" in request.query_params else request.data
        form = HostAddressSerializer(data=given)
        form.is_valid(raise_exception=True)
        return str(form.validated_data["hostIp"])


class TenantConfigurationView(ConfigurationView):
    """The same where the address names a tenant, as in the last of the original's releases."""
