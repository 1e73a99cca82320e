"""``/mep/health``: whether the platform answers, for everybody."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from apps.mep.api.base import MepView
from apps.mep.api.description import described


class HealthView(MepView):
    """``/mep/health``, as the original's services have it."""

    authentication_classes = []
    permission_classes = [AllowAny]
    problems = ()

    @described(answers={200: Literal["ok"]}, media_type="text/plain")
    def get(self, request: Request) -> HttpResponse:
        """The platform answers."""
        return HttpResponse("ok", content_type="text/plain")

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, Any]:
        """Text for whoever asks, whatever they would rather have."""
        found: tuple[BaseRenderer, Any] = super().perform_content_negotiation(request, force=True)
        return found
