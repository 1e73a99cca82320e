"""``/lcmcontroller/v1``: images of an instance's virtual machines, and what images a host has."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
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
from apps.images import services
from apps.images.models import VmImage
from apps.images.selectors import access_image
from apps.images.states import ImageState
from apps.instances.policies import may_create
from apps.journal.idempotency import idempotent
from apps.orchestration import images
from apps.orchestration.api_lcm import edge_instance
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView

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


class _ImageView(ApiView):
    def row(self, tenant_id: uuid.UUID, instance_id: uuid.UUID, image_id: str) -> VmImage:
        """One image of an instance, for who may also have it made."""
        require(may_create(self.actor))
        instance = edge_instance(self.actor, tenant_id, instance_id)
        return access_image(self.actor, image_id, instance_id=instance.pk)


class ImagesView(ApiView):
    """``POST …/app_instances/{app_instance_id}/images``."""

    serializer_class = SnapshotSerializer

    @idempotent
    def post(self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID) -> Response:
        """Make an image of the disk of one of the instance's virtual machines."""
        require(may_create(self.actor))
        instance = edge_instance(self.actor, tenant_id, instance_id)
        form = SnapshotSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        server_id = str(form.validated_data["vmId"])
        row = images.snapshot(instance, server_id, actor=self.actor)
        return Response({"imageId": str(row.pk)})


class ImageView(_ImageView):
    """``…/app_instances/{app_instance_id}/images/{image_id}``."""

    def get(
        self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID, image_id: str
    ) -> Response:
        """How far it is, in Glance's words, and in how many chunks it can be had."""
        row = self.row(tenant_id, instance_id, image_id)
        chunk = settings.IMAGES["chunk_bytes"]
        is_whole = row.state == ImageState.ACTIVE and row.size is not None
        return Response({
            "imageId": str(row.pk),
            "imageName": row.name,
            "appInstanceId": str(row.instance_id),
            "status": images.status_of(row),
            "sumChunkNum": -(-(row.size or 0) // chunk) if is_whole else 0,
            "chunkSize": chunk,
            "size": row.size,
            "checksum": row.checksum,
            "reason": str(row.fault_reason) or None,
        })

    def delete(
        self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID, image_id: str
    ) -> Response:
        """Have it deleted; one that is on its way out already is left to it."""
        row = self.row(tenant_id, instance_id, image_id)
        services.remove(actor=self.actor, image=row)
        return Response(None)


class ImageFileView(_ImageView):
    """``GET …/app_instances/{app_instance_id}/images/{image_id}/file``."""

    answers: ClassVar[dict[str, dict[int, str]]] = {"GET": {200: BYTES, 206: BYTES}}

    @extend_schema(parameters=[
        OpenApiParameter(
            "chunk_num", {"type": "integer", "minimum": 0, "maximum": 10**10 - 1},
            OpenApiParameter.HEADER,
            description="One chunk, counted from 0, in any order; without it, the whole.",
        ),
        OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="RFC 9110 clause 14.2"),
    ])
    def get(
        self, request: Request, tenant_id: uuid.UUID, instance_id: uuid.UUID, image_id: str
    ) -> HttpResponseBase:
        """The bytes of an image: a chunk, a range, or all of them."""
        row = self.row(tenant_id, instance_id, image_id)
        size, tag = images.require_bytes(row), f'"{row.checksum}"'
        span, status = _chunk(request.META.get("HTTP_CHUNK_NUM"), size), 200
        if span is None:
            asked = asked_span(request.headers, size, tag)
            span, status = asked or Span(0, size), 206 if asked else 200
        response: HttpResponseBase
        if request.method == "HEAD":
            response = HttpResponse(status=status, content_type=BYTES)
        else:
            pieces = images.read(row, span.start, span.length)
            response = StreamingHttpResponse(pieces, status=status, content_type=BYTES)
        response["Content-Length"] = str(span.length)
        response["Accept-Ranges"] = "bytes"
        response["ETag"] = tag
        if status == 206:
            response["Content-Range"] = span.content_range(size)
        response["Content-Disposition"] = f'attachment; filename="{row.pk}.{row.disk_format}"'
        response["Cache-Control"] = "no-store"
        return response


def _chunk(text: str | None, size: int) -> Span | None:
    """The chunk of that number; None where none is named."""
    if text is None:
        return None
    if not CHUNK.fullmatch(text):
        reason = Reason(N_("must be a whole number from 0 on"))
        raise Invalid(N_("The request is not valid."), fields={"chunk_num": reason})
    length = settings.IMAGES["chunk_bytes"]
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
    """``GET /hosts/{host_ip}/images``."""

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
