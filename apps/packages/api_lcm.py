"""``/lcmcontroller/v1``: packages at an edge, for its center and its operator."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.models import Origin
from apps.common.pagination import page
from apps.hosts import selectors as hosts
from apps.journal import orders
from apps.journal.idempotency import idempotent
from apps.packages import distribution, distribution_work, services
from apps.packages.api import named_hosts, with_hosts
from apps.packages.policies import may_upload
from apps.packages.selectors import access_package, packages_for
from apps.packages.serializers import HostsSerializer, edge_package_json
from apps.tenants.adoption import origin_of, tenant_at_edge
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView


class EdgeUploadSerializer(serializers.Serializer[Any]):
    """An upload with the ids that the center gave, or none for one that is born here."""

    package = serializers.FileField(required=True, allow_empty_file=True, max_length=1024)
    packageId = serializers.RegexField(r"^[0-9a-f]{64}\Z", required=False, allow_blank=True)
    appId = serializers.RegexField(r"^[0-9a-f]{32}\Z", required=False, allow_blank=True)
    origin = serializers.ChoiceField(choices=Origin.choices, required=False, allow_blank=True)
    revision = serializers.IntegerField(min_value=1, max_value=10**6, required=False)


class EdgePackagesView(ApiView):
    """``/lcmcontroller/v1/tenants/{tenant_id}/packages``."""

    paged = True
    serializer_class = EdgeUploadSerializer

    def get_parsers(self) -> list[Any]:
        """Uploads are multipart; the list has no body."""
        return [MultiPartParser()]

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """List."""
        require(may(self.actor, "packages.read"))
        tenant = tenant_for(self.actor, tenant_id)
        rows = packages_for(self.actor).filter(tenant_id=tenant)
        return Response([edge_package_json(row) for row in page(request, with_hosts(rows))])

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Take a package in; the same package under the same id is stored once."""
        require(may_upload(self.actor))
        tenant = tenant_at_edge(self.actor, tenant_id)
        form = EdgeUploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        identity = None
        if data.get("packageId"):
            whole = data["packageId"]
            orders.heed_alone(f"package:{whole}")
            origin = origin_of(self.actor, data.get("origin"))
            app_id, package_id = uuid.UUID(whole[:32]), uuid.UUID(whole[32:])
            revision = data.get("revision") or 1
            identity = services.Identity(app_id, package_id, origin, revision)
        package = services.upload_package(
            actor=self.actor, tenant_id=tenant, file=data["package"], identity=identity
        )
        return Response({"appId": package.app_id.hex, "packageId": package.package_id})


class EdgePackageView(ApiView):
    """``/lcmcontroller/v1/tenants/{tenant_id}/packages/{package_id}``."""

    serializer_class = HostsSerializer

    def get(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> Response:
        """The record, in an array of one as in the original."""
        require(may(self.actor, "packages.read"))
        tenant = tenant_for(self.actor, tenant_id)
        package = access_package(self.actor, package_id, tenant_id=tenant)
        return Response([edge_package_json(package)])

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> Response:
        """Distribute to hosts of this edge."""
        require(may_upload(self.actor))
        tenant = tenant_for(self.actor, tenant_id)
        package = access_package(self.actor, package_id, tenant_id=tenant)
        form = HostsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        targets = named_hosts(self.actor, form.validated_data["hostIp"], field="hostIp")
        with transaction.atomic():
            for host in targets:
                orders.heed(f"distribution:{package.site_key}:{host.ip}")
            rows = distribution.distribute(
                actor=self.actor, package_id=package.pk, host_ids=[host.pk for host in targets]
            )
        for row in rows:
            # Nothing has to travel at an edge, so the answer can tell how it ended.
            distribution_work.work_on(row.pk)
        return Response(None)

    def delete(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> Response:
        """Remove it from this edge."""
        require(may_upload(self.actor))
        tenant = tenant_for(self.actor, tenant_id)
        orders.heed_alone(f"package:{package_id}")
        package = access_package(self.actor, package_id, tenant_id=tenant)
        services.remove_package(actor=self.actor, package_id=package.pk)
        return Response(None)


class EdgePackageHostView(ApiView):
    """``…/packages/{package_id}/hosts/{host_ip}``."""

    def delete(self, request: Request, tenant_id: uuid.UUID, package_id: str, ip: str) -> Response:
        """Withdraw it from one host of this edge."""
        require(may_upload(self.actor))
        tenant = tenant_for(self.actor, tenant_id)
        orders.heed_alone(f"distribution:{package_id}:{ip}")
        package = access_package(self.actor, package_id, tenant_id=tenant)
        host = hosts.access_host(self.actor, ip)
        distribution.withdraw(actor=self.actor, package_id=package.pk, host_id=host.pk)
        distribution_work.work_on_now(package_id=package.pk, host_id=host.pk)
        return Response(None)
