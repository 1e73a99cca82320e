"""Images of an instance's machines, and what images a host has: at an edge and at a center."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid, NotFound
from apps.common.pagination import page
from apps.common.ranges import Span, asked_span
from apps.common.words import Reason
from apps.hosts.selectors import access_host
from apps.instances.policies import may_create
from apps.journal.idempotency import idempotent
from apps.orchestration import images
from apps.orchestration.answers import OrchestratorView
from apps.orchestration.ports import Snapshots
from apps.orchestration.snapshots import require_bytes, snapshots_at, snapshots_of, take
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView
from apps.vim.image_lines import Snapshot

BYTES = "application/octet-stream"
CHUNK = re.compile(r"\d{1,10}", re.ASCII)
SORTS = {
    "name": lambda line: line.name,
    "size": lambda line: line.size or 0,
    "status": lambda line: line.status,
    "created_at": lambda line: str(line.created_at or ""),
}


class SnapshotSerializer(serializers.Serializer[Any]):
    """``{"vmId": "…"}``: the server's id as the VIM gave it."""

    vmId = serializers.UUIDField()


class _Scope(ApiView):
    """Where snapshots are looked for: below an instance, or at a host."""

    def found(self, request: Request, **where: Any) -> Snapshots:
        """Those that the address is about, for who may also have them made."""
        raise NotImplementedError


class _OfInstance(OrchestratorView, _Scope):
    def found(self, request: Request, **where: Any) -> Snapshots:
        """Those of the instance of the address."""
        require(may_create(self.actor))
        instance = self.instance(request, where.get("tenant_id"), where["instance_id"])
        return snapshots_of(instance, actor=self.actor)


class _AtHost(_Scope):
    def found(self, request: Request, **where: Any) -> Snapshots:
        """Those at the host of the address, also of instances that are gone."""
        require(may_create(self.actor))
        return snapshots_at(access_host(self.actor, where["ip"]), actor=self.actor)


class _One(_Scope):
    def get(self, request: Request, image_id: str, **where: Any) -> Response:
        """How far it is, in Glance's words, and in how many chunks it can be had."""
        return Response(self.found(request, **where).one(image_id).as_json())

    def delete(self, request: Request, image_id: str, **where: Any) -> Response:
        """Have it deleted; one that is on its way out already is left to it."""
        self.found(request, **where).remove(image_id)
        return Response(None)


class _File(_Scope):
    answers: ClassVar[dict[str, dict[int, str]]] = {"GET": {200: BYTES, 206: BYTES}}

    @extend_schema(parameters=[
        OpenApiParameter(
            "chunk_num", {"type": "integer", "minimum": 0, "maximum": 10**10 - 1},
            OpenApiParameter.HEADER,
            description="One chunk, counted from 0, in any order; without it, the whole.",
        ),
        OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="RFC 9110 clause 14.2"),
    ])
    def get(self, request: Request, image_id: str, **where: Any) -> HttpResponseBase:
        """The bytes of an image: a chunk, a range, or all of them."""
        found = self.found(request, **where)
        return as_file(request, found, found.one(image_id))


class ImagesView(_OfInstance):
    """``…/app_instances/{app_instance_id}/images``."""

    serializer_class = SnapshotSerializer
    paged = True

    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """The images that were made of the instance's virtual machines, the newest first."""
        found = self.found(request, tenant_id=tenant_id, instance_id=instance_id)
        return Response([one.as_json() for one in page(request, found.all())])

    @idempotent
    def post(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """Make an image of the disk of one of the instance's virtual machines."""
        require(may_create(self.actor))
        instance = self.instance(request, tenant_id, instance_id)
        form = SnapshotSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        server_id = str(form.validated_data["vmId"])
        return Response({"imageId": take(instance, server_id, actor=self.actor)})


class ImageView(_OfInstance, _One):
    """``…/app_instances/{app_instance_id}/images/{image_id}``."""


class ImageFileView(_OfInstance, _File):
    """``GET …/app_instances/{app_instance_id}/images/{image_id}/file``."""


class HostImageView(_AtHost, _One):
    """``…/hosts/{host_ip}/images/{image_id}``: a snapshot, also of an instance that is gone."""


class HostImageFileView(_AtHost, _File):
    """``GET …/hosts/{host_ip}/images/{image_id}/file``."""


def as_file(
    request: HttpRequest | Request, where: Snapshots, found: Snapshot
) -> HttpResponseBase:
    """The bytes of a snapshot that a request asks for, read piece by piece while they are sent."""
    size, tag = require_bytes(found), f'"{found.checksum}"'
    span, status = _chunk(request.META.get("HTTP_CHUNK_NUM"), size, found.chunk_bytes), 200
    if span is None:
        asked = asked_span(request.headers, size, tag)
        span, status = asked or Span(0, size), 206 if asked else 200
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse(status=status, content_type=BYTES)
    else:
        pieces = where.read(found, span.start, span.length)
        response = StreamingHttpResponse(pieces, status=status, content_type=BYTES)
    response["Content-Length"] = str(span.length)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = tag
    if status == 206:
        response["Content-Range"] = span.content_range(size)
    response["Content-Disposition"] = f'attachment; filename="{file_name(found)}"'
    response["Cache-Control"] = "no-store"
    return response


def file_name(found: Snapshot) -> str:
    """What its file is called; what an edge tells of the format is no part of a header as it is."""
    return f"{found.id}.{found.disk_format if found.disk_format.isalnum() else 'img'}"


def _chunk(text: str | None, size: int, length: int) -> Span | None:
    """The chunk of that number; None where none is named."""
    if text is None:
        return None
    if not CHUNK.fullmatch(text):
        reason = Reason(N_("must be a whole number from 0 on"))
        raise Invalid(N_("The request is not valid."), fields={"chunk_num": reason})
    start = int(text) * length
    if start >= size:
        raise NotFound(N_("The image has no chunk %(number)s."), code="no_chunk", number=text)
    return Span(start, min(length, size - start))


class HostImagesSerializer(serializers.Serializer[Any]):
    """Which images of a host, and in what order."""

    kind = serializers.ChoiceField(["vm", "container"], required=False)
    name = serializers.CharField(
        max_length=255, required=False, help_text="What is somewhere in the name."
    )
    status = serializers.CharField(max_length=20, required=False, help_text="Glance's word.")
    sort = serializers.ChoiceField(
        [f"{sign}{name}" for name in SORTS for sign in ("", "-")], required=False,
    )


class HostImagesView(ApiView):
    """``GET …/hosts/{host_ip}/images``."""

    paged = True

    @extend_schema(parameters=[HostImagesSerializer])
    def get(self, request: Request, ip: str) -> Response:
        """The images of virtual machines that the VIM has, and those that containers run from."""
        require(may(self.actor, "hosts.read"))
        host = access_host(self.actor, ip)
        form = HostImagesSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        lines = [
            line for line in images.lines_at(host, actor=self.actor)
            if asked.get("kind", line.kind) == line.kind
            and asked.get("name", "").lower() in line.name.lower()
            and asked.get("status", line.status) == line.status
        ]
        if "sort" in asked:
            key = asked["sort"]
            lines.sort(key=SORTS[key.removeprefix("-")], reverse=key.startswith("-"))
        return Response([line.as_json() for line in page(request, lines)])
