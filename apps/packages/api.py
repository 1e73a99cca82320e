"""``/apm/v1``: upload, distribution, download and removal of packages."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext_noop as N_
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid, NotFound
from apps.common.pagination import page
from apps.hosts import selectors as hosts
from apps.hosts.models import MecHost
from apps.journal.idempotency import idempotent
from apps.packages import distribution, services
from apps.packages.models import Package
from apps.packages.policies import may_download, may_upload
from apps.packages.selectors import access_package, packages_for
from apps.packages.serializers import HostsSerializer, UploadSerializer, package_json, report_json
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView


def with_hosts(rows: QuerySet[Package]) -> QuerySet[Package]:
    """Packages with what their JSON needs, in a fixed number of queries."""
    return rows.prefetch_related("distributions__host")


def named_hosts(actor: Actor, addresses: list[str], *, field: str) -> list[MecHost]:
    """The visible hosts with these addresses; Invalid at ``field`` names one that is unknown."""
    known = {host.ip: host for host in hosts.hosts_for(actor).filter(ip__in=addresses)}
    try:
        return [known[ip] if ip in known else hosts.access_host(actor, ip) for ip in addresses]
    except NotFound as error:
        raise Invalid(N_("The request is not valid."), fields={field: error.reason}) from None


class UploadView(ApiView):
    """``POST /apm/v1/tenants/{tenant_id}/packages/upload``."""

    parser_classes = [MultiPartParser]
    serializer_class = UploadSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """Check the CSAR and keep it: 202, or the problem of a bad package with nothing kept."""
        actor = self.actor
        require(may_upload(actor))
        tenant = tenant_for(actor, tenant_id)
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        targets = named_hosts(actor, data.get("hostList") or [], field="hostList")
        package = services.upload_package(
            actor=actor,
            tenant_id=tenant,
            file=data["file"],
            name=data.get("appPackageName") or "",
            version=data.get("appPackageVersion") or "",
        )
        if targets:
            distribution.distribute(
                actor=actor, package_id=package.pk, host_ids=[host.pk for host in targets]
            )
        body = {"appPackageId": package.package_id, "appId": package.app_id.hex}
        return Response(body, status=status.HTTP_202_ACCEPTED)


class PackageListView(ApiView):
    """``GET /apm/v1/tenants/{tenant_id}/packages``."""

    def get(self, request: Request, tenant_id: uuid.UUID) -> Response:
        """List the tenant's packages."""
        require(may(self.actor, "packages.read"))
        tenant = tenant_for(self.actor, tenant_id)
        rows = packages_for(self.actor).filter(tenant_id=tenant)
        return Response([package_json(row) for row in page(request, with_hosts(rows))])


class PackageView(ApiView):
    """``/apm/v1/tenants/{tenant_id}/packages/{app_package_id}``."""

    serializer_class = HostsSerializer

    def get(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> Response:
        """Read, with the state per host and the check report."""
        require(may(self.actor, "packages.read"))
        package = self._package(request, tenant_id, package_id)
        body: dict[str, Any] = package_json(package) | {
            "checks": report_json(package),
            "requirements": package.info.get("requirements"),
            "images": package.info.get("images"),
        }
        return Response(body, headers={"ETag": f'"{package.version}"'})

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> Response:
        """Distribute to hosts; one that failed is tried again."""
        require(may_upload(self.actor))
        package = self._package(request, tenant_id, package_id)
        form = HostsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        targets = named_hosts(self.actor, form.validated_data["hostIp"], field="hostIp")
        distribution.distribute(
            actor=self.actor, package_id=package.pk, host_ids=[host.pk for host in targets]
        )
        return Response({"packageId": package.package_id}, status=status.HTTP_202_ACCEPTED)

    def delete(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> HttpResponse:
        """Remove it with everything that it left at hosts."""
        require(may_upload(self.actor))
        package = self._package(request, tenant_id, package_id)
        services.remove_package(actor=self.actor, package_id=package.pk)
        return HttpResponse("success", content_type="text/plain")

    def _package(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> Package:
        tenant = tenant_for(self.actor, tenant_id)
        return access_package(self.actor, package_id, tenant_id=tenant)


class PackageHostView(ApiView):
    """``DELETE /apm/v1/tenants/{tenant_id}/packages/{app_package_id}/hosts/{host_ip}``."""

    def delete(
        self, request: Request, tenant_id: uuid.UUID, package_id: str, ip: str
    ) -> HttpResponse:
        """Withdraw it from one host."""
        require(may_upload(self.actor))
        tenant = tenant_for(self.actor, tenant_id)
        package = access_package(self.actor, package_id, tenant_id=tenant)
        host = hosts.access_host(self.actor, ip)
        distribution.withdraw(actor=self.actor, package_id=package.pk, host_id=host.pk)
        return HttpResponse("success", content_type="text/plain")


class DownloadView(ApiView):
    """``GET /apm/v1/tenants/{tenant_id}/packages/{app_package_id}/download``."""

    def get(self, request: Request, tenant_id: uuid.UUID, package_id: str) -> FileResponse:
        """The CSAR, byte for byte as it was uploaded."""
        require(may_download(self.actor))
        tenant = tenant_for(self.actor, tenant_id)
        package = access_package(self.actor, package_id, tenant_id=tenant)
        return open_package(package)


def open_package(package: Package) -> FileResponse:
    """The file of a package as a download; NotFound where only the description is here."""
    if not package.path.exists():
        raise NotFound(
            N_("The file of this package is not at this site."),
            message="csar package file does not exists",
        )
    return FileResponse(
        package.path.open("rb"),
        as_attachment=True,
        filename=package.filename,
        content_type="application/octet-stream",
    )
