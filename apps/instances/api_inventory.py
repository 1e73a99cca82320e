"""``/inventory/v1``: the applications of a host, in the spelling with a tenant and without."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.errors import NotFound
from apps.common.pagination import page
from apps.hosts import records
from apps.hosts.api import DELETED, SAVED, UPDATED
from apps.hosts.policies import may_record
from apps.hosts.selectors import access_host
from apps.instances import inventory
from apps.instances.serializers_inventory import MecAppSerializer, mec_app
from apps.journal.idempotency import idempotent
from apps.tenants.policies import may, require
from apps.tenants.views import TENANT, TenantView, conditional

Named = uuid.UUID | None


@extend_schema(parameters=[TENANT])
class HostCapabilitiesView(TenantView):
    """``…/mechosts/{mechost_ip}/capabilities``."""

    def get(self, request: Request, ip: str, tenant_id: Named = None) -> Response:
        """The hardware capabilities of a host; an empty list for one without any."""
        require(may(self.actor, "hosts.read"))
        self.tenant_to_read(tenant_id)
        return Response({"hwcapabilities": access_host(self.actor, ip).hw_capabilities})


@extend_schema(parameters=[TENANT])
class CapabilityApplicationsView(TenantView):
    """``…/mechosts/{mechost_ip}/capabilities/{capability_type}/applications``."""

    paged = True

    def get(self, request: Request, ip: str, capability: str, tenant_id: Named = None) -> Response:
        """The applications that ask for exactly this capability of the host."""
        require(may(self.actor, "instances.read"))
        tenant = self.tenant_to_read(tenant_id)
        host = access_host(self.actor, ip)
        if capability not in {one.get("hwType") for one in host.hw_capabilities}:
            raise NotFound(
                N_("The host has no capability “%(name)s”."),
                name=capability,
                message="Record not found",
                details=["Record not found"],
            )
        names = inventory.names_on(self.actor, host, tenant_id=tenant, capability=capability)
        found = inventory.read(list(page(request, names)))
        return Response({"apps": [mec_app(row) for row in found]})


@extend_schema(parameters=[TENANT])
class HostApplicationListView(TenantView):
    """``…/mechosts/{mechost_ip}/apps``."""

    paged = True
    serializer_class = MecAppSerializer

    def get(self, request: Request, ip: str, tenant_id: Named = None) -> Response:
        """List the applications of a host."""
        require(may(self.actor, "instances.read"))
        tenant = self.tenant_to_read(tenant_id)
        host = access_host(self.actor, ip)
        names = inventory.names_on(self.actor, host, tenant_id=tenant)
        return Response([mec_app(row) for row in inventory.read(list(page(request, names)))])

    @idempotent
    def post(self, request: Request, ip: str, tenant_id: Named = None) -> Response:
        """Tell of an application that something else runs there."""
        require(may_record(self.actor))
        tenant = self.tenant_to_write(tenant_id)
        host = access_host(self.actor, ip)
        form = MecAppSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        inventory.tell(actor=self.actor, tenant_id=tenant, host_id=host.pk, spec=form.to_spec())
        return Response(SAVED)


@extend_schema(parameters=[TENANT])
class HostApplicationView(TenantView):
    """``…/mechosts/{mechost_ip}/apps/{app_id}``."""

    serializer_class = MecAppSerializer

    def get(
        self, request: Request, ip: str, app_id: uuid.UUID, tenant_id: Named = None
    ) -> Response:
        """Read."""
        require(may(self.actor, "instances.read"))
        tenant = self.tenant_to_read(tenant_id)
        host = access_host(self.actor, ip)
        row = inventory.access_application(self.actor, host, app_id, tenant_id=tenant)
        return Response(mec_app(row), headers={"ETag": etag(row.version)})

    @conditional
    def put(
        self, request: Request, ip: str, app_id: uuid.UUID, tenant_id: Named = None
    ) -> Response:
        """Replace what was told; 409 for an instance that is run from here."""
        require(may_record(self.actor))
        tenant = self.tenant_to_write(tenant_id)
        host = access_host(self.actor, ip)
        found = inventory.access_application(self.actor, host, app_id, tenant_id=tenant)
        self.expect(found)
        form = MecAppSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        inventory.own_record(found)
        records.update(
            actor=self.actor,
            tenant_id=tenant,
            host_id=host.pk,
            app_instance_id=app_id,
            spec=form.to_spec(),
        )
        return Response(UPDATED)

    @conditional
    def delete(
        self, request: Request, ip: str, app_id: uuid.UUID, tenant_id: Named = None
    ) -> Response:
        """Take back what was told; 409 for an instance that is run from here."""
        require(may_record(self.actor))
        tenant = self.tenant_to_write(tenant_id)
        host = access_host(self.actor, ip)
        found = inventory.access_application(self.actor, host, app_id, tenant_id=tenant)
        self.expect(found)
        inventory.own_record(found)
        records.remove(actor=self.actor, tenant_id=tenant, host_id=host.pk, app_instance_id=app_id)
        return Response(DELETED)
