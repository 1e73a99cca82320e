"""Events and logs of an instance: below ``/appo/v1`` and below an edge's ``/lcmcontroller``."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.renderers import NullableJSONRenderer
from apps.instances.models import AppInstance
from apps.orchestration import voices
from apps.orchestration.answers import OrchestratorView
from apps.orchestration.serializers_voices import LogQuerySerializer, events_json
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.vim.voices import LogQuery

JSON, TEXT = "application/json", "text/plain"


class TextRenderer(BaseRenderer):
    """Plain text for those who ask for it; problems stay JSON."""

    media_type = TEXT
    format = "text"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The text of a problem: what else is text is streamed, and not rendered."""
        return json.dumps(data, ensure_ascii=False, default=str).encode()


class EventsView(OrchestratorView):
    """``GET …/app_instances/{app_instance_id}/workload/events``."""

    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """What happened to its objects: per pod as in the original, and all of it with times."""
        require(may(self.actor, "instances.read"))
        instance = self.instance(request, tenant_id, instance_id)
        return Response(events_json(instance, voices.events_of(instance, actor=self.actor)))


class LogsView(OrchestratorView):
    """``GET …/app_instances/{app_instance_id}/workload/logs``."""

    renderer_classes = [NullableJSONRenderer, TextRenderer]
    answers: ClassVar[dict[str, dict[int, tuple[str, ...]]]] = {"GET": {200: (JSON, TEXT)}}

    @extend_schema(parameters=[LogQuerySerializer])
    def get(
        self, request: Request, instance_id: uuid.UUID, tenant_id: uuid.UUID | None = None
    ) -> Response | StreamingHttpResponse:
        """A page of a container's log, to be continued from its `cursor`; or all of it as text."""
        require(may(self.actor, "instances.read"))
        instance = self.instance(request, tenant_id, instance_id)
        form = LogQuerySerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        query = form.to_query()
        renderer = getattr(request, "accepted_renderer", None)
        if form.validated_data["download"] or isinstance(renderer, TextRenderer):
            return as_file(instance, query, actor=self.actor)
        follow = form.validated_data["follow"]
        page = voices.log_of(instance, query, actor=self.actor, follow=follow)
        return Response(page.as_json())


def as_file(instance: AppInstance, query: LogQuery, *, actor: Actor) -> StreamingHttpResponse:
    """A log as a text file, read page by page while it is sent."""
    texts = voices.whole_log(instance, query, actor=actor)
    name = "-".join(part for part in (query.pod, query.container) if part)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:120]
    response = StreamingHttpResponse(texts, content_type=f"{TEXT}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.log"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
