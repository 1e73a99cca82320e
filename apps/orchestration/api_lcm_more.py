"""``/lcmcontroller``: what an edge tells of an instance, and of a package at a host."""

from __future__ import annotations

import uuid

from rest_framework.request import Request
from rest_framework.response import Response

from apps.hosts import selectors as hosts
from apps.instances.models import AppInstance
from apps.instances.selectors import instances_for
from apps.orchestration.api_images import ImageFileView, ImagesView, ImageView
from apps.orchestration.api_lcm import edge_instance
from apps.orchestration.api_servers import ServerView
from apps.orchestration.api_voices import EventsView, LogsView
from apps.packages.selectors import access_package
from apps.tenants.policies import may, require
from apps.tenants.views import ApiView


class _AtEdge:
    """Finds the instance of an address in the words of the edge's original."""

    def instance(
        self, request: Request, tenant_id: uuid.UUID | None, instance_id: uuid.UUID
    ) -> AppInstance:
        """One instance of the tenant of the address."""
        assert tenant_id is not None  # noqa: S101 - every address here has one
        return edge_instance(request.user, tenant_id, instance_id)  # type: ignore[arg-type]


class EdgeEventsView(_AtEdge, EventsView):
    """``GET …/app_instances/{app_instance_id}/workload/events``."""


class EdgeLogsView(_AtEdge, LogsView):
    """``GET …/app_instances/{app_instance_id}/workload/logs``."""


class EdgeServerView(_AtEdge, ServerView):
    """``…/app_instances/{app_instance_id}/servers/{server_id}``."""


class EdgeImagesView(_AtEdge, ImagesView):
    """``…/app_instances/{app_instance_id}/images``."""


class EdgeImageView(_AtEdge, ImageView):
    """``…/app_instances/{app_instance_id}/images/{image_id}``."""


class EdgeImageFileView(_AtEdge, ImageFileView):
    """``GET …/app_instances/{app_instance_id}/images/{image_id}/file``."""


class PackageStatusView(ApiView):
    """``GET /hosts/{host_ip}/packages/{package_id}/status``."""

    def get(self, request: Request, ip: str, package_id: str) -> Response:
        """Whether an instance of the package is on the host."""
        require(may(self.actor, "packages.read"))
        package = access_package(self.actor, package_id)
        host = hosts.access_host(self.actor, ip)
        found = instances_for(self.actor).filter(package=package, host=host).exists()
        return Response({"package_deployed": found})
