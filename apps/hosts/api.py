"""``/inventory/v1``: AppLCMs, AppRuleManagers, MEC hosts and their access files."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.conditional import etag
from apps.common.errors import Invalid
from apps.common.pagination import page
from apps.common.words import Reason
from apps.hosts import credentials, managers, selectors, services
from apps.hosts.models import AppLcm, AppRuleManager, Manager, MecHost
from apps.hosts.policies import may_configure, may_handle_credentials
from apps.hosts.serializers import MANAGER_SERIALIZERS, MecHostSerializer
from apps.journal.idempotency import idempotent
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView, conditional

SAVED = {"response": "Saved"}
UPDATED = {"response": "Updated"}
DELETED = {"response": "Deleted"}


class ManagerListView(ApiView):
    """The collection of AppLCMs or of AppRuleManagers."""

    paged = True
    model: ClassVar[Any] = AppLcm

    @property
    def serializer_class(self) -> Any:
        """The field names of this kind of manager."""
        return MANAGER_SERIALIZERS[self.model]

    def get(self, request: Request) -> Response:
        """List."""
        require(may(self.actor, "hosts.read"))
        rows = page(request, self.model.objects.all())
        return Response(self.serializer_class(rows, many=True).data)

    @idempotent
    def post(self, request: Request) -> Response:
        """Register one (administrator)."""
        require(may_configure(self.actor))
        form = self.serializer_class(data=request.data)
        form.is_valid(raise_exception=True)
        managers.register(self.model, actor=self.actor, spec=form.to_spec())
        return Response(SAVED)

    def delete(self, request: Request) -> Response:
        """Remove all of them or, when one is still used, none (administrator)."""
        require(may_configure(self.actor))
        managers.remove_all(self.model, actor=self.actor)
        return Response(DELETED)


class ManagerView(ApiView):
    """One AppLCM or AppRuleManager, by its address."""

    model: ClassVar[Any] = AppLcm

    @property
    def serializer_class(self) -> Any:
        """The field names of this kind of manager."""
        return MANAGER_SERIALIZERS[self.model]

    def get(self, request: Request, ip: str) -> Response:
        """Read."""
        require(may(self.actor, "hosts.read"))
        row: Manager = managers.access(self.model, ip)
        return Response(self.serializer_class(row).data, headers={"ETag": etag(row.version)})

    @conditional
    def put(self, request: Request, ip: str) -> Response:
        """Replace (administrator)."""
        require(may_configure(self.actor))
        self.expect(managers.access(self.model, ip))
        form = self.serializer_class(data=request.data)
        form.is_valid(raise_exception=True)
        managers.update(self.model, actor=self.actor, ip=ip, spec=form.to_spec())
        return Response(UPDATED)

    @conditional
    def delete(self, request: Request, ip: str) -> Response:
        """Remove (administrator); 409 names the hosts that use it."""
        require(may_configure(self.actor))
        self.expect(managers.access(self.model, ip))
        managers.remove(self.model, actor=self.actor, ip=ip)
        return Response(DELETED)


class AppRuleManagerListView(ManagerListView):
    """The collection of AppRuleManagers."""

    model = AppRuleManager


class AppRuleManagerView(ManagerView):
    """One AppRuleManager."""

    model = AppRuleManager


class HostListView(ApiView):
    """The collection of MEC hosts."""

    paged = True
    serializer_class = MecHostSerializer

    def get(self, request: Request) -> Response:
        """List the hosts that the caller may see."""
        require(may(self.actor, "hosts.read"))
        rows = page(request, selectors.hosts_for(self.actor))
        return Response([MecHostSerializer(row).data for row in rows])

    @idempotent
    def post(self, request: Request) -> Response:
        """Register one (administrator); it is delivered to its edge as soon as that answers."""
        require(may_configure(self.actor))
        form = MecHostSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.register_host(actor=self.actor, spec=form.to_spec())
        return Response(SAVED)

    def delete(self, request: Request) -> Response:
        """Remove all of them or, when one is still used, none (administrator)."""
        require(may_configure(self.actor))
        services.remove_all(actor=self.actor)
        return Response(DELETED)


class HostView(ApiView):
    """One MEC host, by its address."""

    serializer_class = MecHostSerializer

    def get(self, request: Request, ip: str) -> Response:
        """Read; the answer carries the version as its ETag."""
        require(may(self.actor, "hosts.read"))
        host = selectors.access_host(self.actor, ip)
        return Response(MecHostSerializer(host).data, headers={"ETag": etag(host.version)})

    @conditional
    def put(self, request: Request, ip: str) -> Response:
        """Replace the configuration (administrator)."""
        require(may_configure(self.actor))
        host = selectors.access_host(self.actor, ip)
        self.expect(host)
        form = MecHostSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.update_host(actor=self.actor, host_id=host.pk, spec=form.to_spec())
        return Response(UPDATED)

    @conditional
    def delete(self, request: Request, ip: str) -> Response:
        """Remove (administrator); 409 names what still runs there."""
        require(may_configure(self.actor))
        host = selectors.access_host(self.actor, ip)
        self.expect(host)
        services.remove_host(actor=self.actor, host_id=host.pk)
        return Response(DELETED)


class HostCredentialsView(ApiView):
    """The access file of a host: stored sealed, never shown again."""

    parser_classes = [MultiPartParser]
    bodies = {"POST": True}

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "untested": {
                        "type": "string",
                        "enum": ["true", "false"],
                        "description": "“true” stores it without asking the VIM first.",
                    },
                },
                "required": ["file"],
            }
        },
        responses={200: dict},
    )
    def post(self, request: Request, ip: str) -> Response:
        """Store it (administrator), once it is known to open the VIM: 400 or 502 say why not."""
        require(may_handle_credentials(self.actor))
        host = selectors.access_host(self.actor, ip)
        store_uploaded(request, host, actor=self.actor, part="file")
        return Response(SAVED)

    def delete(self, request: Request, ip: str) -> Response:
        """Forget it (administrator)."""
        require(may_handle_credentials(self.actor))
        host = selectors.access_host(self.actor, ip)
        credentials.remove_credentials(actor=self.actor, host_id=host.pk)
        return Response(DELETED)


def store_uploaded(request: Request, host: MecHost, *, actor: Actor, part: str) -> None:
    """Read the uploaded access file from the multipart field ``part`` and store it."""
    file = request.FILES.get(part)
    if not isinstance(file, UploadedFile):
        raise Invalid(
            N_("The request is not valid."), fields={part: Reason(N_("attach the access file"))}
        )
    content = file.read(credentials.MAX_CREDENTIAL_BYTES + 1)
    credentials.store_credentials(
        actor=actor, host_id=host.pk, content=content, untested=_says_untested(request)
    )


def _says_untested(request: Request) -> bool:
    """Whether the form says that the file is to be stored without trying it."""
    said = cast(dict[str, Any], request.data).get("untested", "false")
    if said not in ("true", "false"):
        reason = Reason(N_("must be “true” or “false”"))
        raise Invalid(N_("The request is not valid."), fields={"untested": reason})
    return bool(said == "true")
