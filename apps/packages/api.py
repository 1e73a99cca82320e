"""``/apm/v1``: upload, distribution, download and removal of packages.

Each address has two spellings.  Without a tenant it is about the caller's own; an administrator
reads those of all, and names the tenant to write as ``tenant_id``.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiRequest, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.errors import Invalid, NotFound
from apps.common.pagination import page
from apps.common.words import Reason
from apps.hosts import selectors as hosts
from apps.hosts.models import MecHost
from apps.journal.idempotency import idempotent
from apps.packages import distribution, onboarding, services
from apps.packages.models import Distribution, Package
from apps.packages.policies import may_download, may_upload
from apps.packages.revisions import dependents_of, revisions_of
from apps.packages.selectors import access_package, packages_for
from apps.packages.serializers import (
    HostsSerializer,
    OnboardSerializer,
    UploadSerializer,
    package_json,
    report_json,
)
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require, tenant_for
from apps.tenants.views import ApiView, conditional

# What is uploaded is judged by its name as well.
NAMED_FILE = {
    "file": {
        "headers": {
            "Content-Disposition": {
                "schema": {"type": "string"},
                "example": 'form-data; name="file"; filename="package.csar"',
            }
        }
    }
}


def with_hosts(rows: QuerySet[Package]) -> QuerySet[Package]:
    """Packages with what their JSON needs, in a fixed number of queries."""
    there = Distribution.objects.select_related("host")
    return rows.prefetch_related(Prefetch("distributions", queryset=there))


def named_hosts(actor: Actor, addresses: list[str], *, field: str) -> list[MecHost]:
    """The visible hosts with these addresses; Invalid at ``field`` names one that is unknown."""
    known = {host.ip: host for host in hosts.hosts_for(actor).filter(ip__in=addresses)}
    try:
        return [known[ip] if ip in known else hosts.access_host(actor, ip) for ip in addresses]
    except NotFound as error:
        raise Invalid(N_("The request is not valid."), fields={field: error.reason}) from None


class PackageApi(ApiView):
    """What the views of packages share: whose packages a request is about."""

    def read_tenant(self, request: Request, tenant_id: uuid.UUID | None) -> uuid.UUID | None:
        """The tenant to read; None for an administrator who names none and so reads all."""
        asked = tenant_id or _named(request)
        if asked is None and self.actor.is_admin:
            return None
        return tenant_for(self.actor, asked)

    def write_tenant(self, request: Request, tenant_id: uuid.UUID | None) -> uuid.UUID:
        """The tenant to write for: that of the address, the one named, or the caller's own."""
        return tenant_for(self.actor, tenant_id or _named(request))

    def writable(self, request: Request, tenant_id: uuid.UUID | None, package_id: str) -> Package:
        """The package of the address for somebody who may change packages."""
        require(may_upload(self.actor))
        tenant = self.write_tenant(request, tenant_id)
        return access_package(self.actor, package_id, tenant_id=tenant)


def _named(request: Request) -> uuid.UUID | None:
    """``tenant_id`` of the query or the form; Invalid when it is no UUID."""
    text = request.query_params.get("tenant_id", "")
    if not text and request.content_type.startswith("multipart/"):
        text = str(request.POST.get("tenant_id") or "")
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        reason = Reason(N_("must be a UUID"))
        raise Invalid(N_("The request is not valid."), fields={"tenant_id": reason}) from None


class UploadView(PackageApi):
    """``POST /apm/v1[/tenants/{tenant_id}]/packages/upload``."""

    parser_classes = [MultiPartParser]
    serializer_class = UploadSerializer

    @extend_schema(request=OpenApiRequest(UploadSerializer, encoding=NAMED_FILE))
    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Check the CSAR and keep it: 202, or the problem of a bad package with nothing kept.

        Nor is it kept when one of the hosts of ``hostList`` takes nothing new or cannot run it.
        """
        actor = self.actor
        require(may_upload(actor))
        tenant = self.write_tenant(request, tenant_id)
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
            host_ids=[host.pk for host in targets],
        )
        body = {"appPackageId": package.package_id, "appId": package.app_id.hex}
        return Response(body, status=status.HTTP_202_ACCEPTED)


class PackageListView(PackageApi):
    """``/apm/v1[/tenants/{tenant_id}]/packages``."""

    paged = True
    serializer_class = OnboardSerializer

    def get(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """List the tenant's packages."""
        require(may(self.actor, "packages.read"))
        tenant = self.read_tenant(request, tenant_id)
        rows = packages_for(self.actor)
        if tenant is not None:
            rows = rows.filter(tenant_id=tenant)
        return Response([package_json(row) for row in page(request, with_hosts(rows))])

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID | None = None) -> Response:
        """Take a package from a registered application store: 202, and the work goes on."""
        require(may_upload(self.actor))
        tenant = self.write_tenant(request, tenant_id)
        form = OnboardSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        addresses = [one["hostIp"] for one in form.validated_data["mecHostInfo"]]
        targets = named_hosts(self.actor, addresses, field="mecHostInfo")
        package = onboarding.onboard(
            actor=self.actor,
            tenant_id=tenant,
            spec=form.to_spec(),
            host_ids=[host.pk for host in targets],
        )
        return Response({"packageId": package.package_id}, status=status.HTTP_202_ACCEPTED)


class PackageView(PackageApi):
    """``/apm/v1[/tenants/{tenant_id}]/packages/{app_package_id}``."""

    answers: ClassVar[dict[str, dict[int, str]]] = {"DELETE": {200: "text/plain"}}

    serializer_class = HostsSerializer

    def get(
        self, request: Request, package_id: str, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Read, with the state per host, the check report, revisions, users and dependents."""
        require(may(self.actor, "packages.read"))
        tenant = self.read_tenant(request, tenant_id)
        package = access_package(self.actor, package_id, tenant_id=tenant)
        body: dict[str, Any] = package_json(package) | {
            "checks": report_json(package),
            "requirements": package.info.get("requirements"),
            "images": package.info.get("images"),
            "revisions": [
                {
                    "appPkgId": row.package_id,
                    "revision": row.revision,
                    "createdTime": row.created_at,
                }
                for row in revisions_of(package)
            ],
            "instances": [
                {"appInstanceId": str(row.pk), "appName": row.app_name, "mecHost": row.host.ip}
                for row in package.instances.select_related("host")
            ],
            "dependents": [
                {
                    "appPkgId": row.package_id,
                    "appPkgName": row.name,
                    "appPkgVersion": row.package_version,
                }
                for row in dependents_of(package)
            ],
        }
        return Response(body, headers={"ETag": etag(package.version)})

    @idempotent
    def post(
        self, request: Request, package_id: str, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Distribute to hosts; one that failed is tried again."""
        package = self.writable(request, tenant_id, package_id)
        form = HostsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        targets = named_hosts(self.actor, form.validated_data["hostIp"], field="hostIp")
        distribution.distribute(
            actor=self.actor, package_id=package.pk, host_ids=[host.pk for host in targets]
        )
        return Response({"packageId": package.package_id}, status=status.HTTP_202_ACCEPTED)

    @conditional
    def delete(
        self, request: Request, package_id: str, tenant_id: uuid.UUID | None = None
    ) -> HttpResponse:
        """Remove it with everything that it left at hosts.

        409 names what runs from it, and the packages that need what it offers; the latter is
        overruled by ``?force=true``.
        """
        package = self.writable(request, tenant_id, package_id)
        self.expect(package)
        forced = request.query_params.get("force", "").lower() == "true"
        services.remove_package(actor=self.actor, package_id=package.pk, although_needed=forced)
        return HttpResponse("success", content_type="text/plain")


class PackageHostView(PackageApi):
    """``DELETE /apm/v1[/tenants/{tenant_id}]/packages/{app_package_id}/hosts/{host_ip}``."""

    answers: ClassVar[dict[str, dict[int, str]]] = {"DELETE": {200: "text/plain"}}

    def delete(
        self, request: Request, package_id: str, ip: str, tenant_id: uuid.UUID | None = None
    ) -> HttpResponse:
        """Withdraw it from one host."""
        package = self.writable(request, tenant_id, package_id)
        host = hosts.access_host(self.actor, ip)
        distribution.withdraw(actor=self.actor, package_id=package.pk, host_id=host.pk)
        return HttpResponse("success", content_type="text/plain")


class DownloadView(PackageApi):
    """``GET /apm/v1[/tenants/{tenant_id}]/packages/{app_package_id}/download``."""

    answers: ClassVar[dict[str, dict[int, str]]] = {"GET": {200: "application/octet-stream"}}

    def get(
        self, request: Request, package_id: str, tenant_id: uuid.UUID | None = None
    ) -> FileResponse:
        """The CSAR, byte for byte as it was uploaded."""
        require(may_download(self.actor))
        tenant = self.read_tenant(request, tenant_id)
        return open_package(access_package(self.actor, package_id, tenant_id=tenant))


class OwnUploadView(UploadView):
    """Without a tenant in the address."""


class OwnPackageListView(PackageListView):
    """Without a tenant in the address."""


class OwnPackageView(PackageView):
    """Without a tenant in the address."""


class OwnPackageHostView(PackageHostView):
    """Without a tenant in the address."""


class OwnDownloadView(DownloadView):
    """Without a tenant in the address."""


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
