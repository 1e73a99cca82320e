"""Load and MEC services of a host: below ``/appo/v1`` and below an edge's ``/lcmcontroller/v1``."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from django.utils.translation import gettext_noop as N_
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.hosts.selectors import access_host
from apps.orchestration import platforms
from apps.orchestration.answers import OrchestratorView
from apps.tenants.policies import may, require

CAPABILITY_ID = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,62}[a-zA-Z0-9])?")


class HostView(OrchestratorView):
    """What is asked about one host; a center wraps the answer as the original does."""

    wrapped = True

    def host(self, request: Request, ip: str, tenant_id: uuid.UUID | None) -> MecHost:
        """The host, for who may see load and services."""
        require(may(self.actor, "hosts.read"))
        self.readable(request, tenant_id)
        return access_host(self.actor, ip)

    def answer(self, found: Any) -> Response:
        """``found`` as it is, or as a string with JSON in it below ``response``."""
        return Response({"response": json.dumps(found)} if self.wrapped else found)


class KpiView(HostView):
    """``GET …/hosts/{host_ip}/kpi``."""

    def get(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """Load of the host as its platform measures it; null where nobody does."""
        host = self.host(request, ip, tenant_id)
        return self.answer(platforms.kpi_of(host, actor=self.actor))


class MepCapabilitiesView(HostView):
    """``GET …/hosts/{host_ip}/mep_capabilities``."""

    def get(self, request: Request, ip: str, tenant_id: uuid.UUID | None = None) -> Response:
        """The MEC services there, with the applications that subscribed to each."""
        host = self.host(request, ip, tenant_id)
        return self.answer(platforms.capabilities_of(host, actor=self.actor))


class MepCapabilityView(HostView):
    """``GET …/hosts/{host_ip}/mep_capabilities/{capability_id}``."""

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "capability_id",
                {"type": "string", "pattern": f"^{CAPABILITY_ID.pattern}$"},
                OpenApiParameter.PATH,
            )
        ]
    )
    def get(
        self, request: Request, ip: str, capability_id: str, tenant_id: uuid.UUID | None = None
    ) -> Response:
        """One MEC service."""
        host = self.host(request, ip, tenant_id)
        if not CAPABILITY_ID.fullmatch(capability_id):
            reason = Reason(N_("use at most 64 letters, digits, “_” and “-”"))
            raise Invalid(N_("The request is not valid."), fields={"capability_id": reason})
        return self.answer(platforms.capability_of(host, capability_id, actor=self.actor))
