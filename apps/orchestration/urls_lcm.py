"""``/lcmcontroller``: everything that an edge offers about hosts, packages and instances.

``v2`` is the later generation of the same: its views are those of ``v1`` in an envelope.
"""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, include, path

from apps.common.health import health
from apps.hosts import api_lcm as hosts
from apps.hosts.api_settings import HostSettingsView
from apps.orchestration import api_hosts as platforms
from apps.orchestration import api_images as images
from apps.orchestration import api_lcm as instances
from apps.orchestration import api_lcm_more as more
from apps.orchestration.api_servers import HostResourcesView
from apps.orchestration.second import second
from apps.packages import api_lcm as packages

T = "tenants/<uuid:tenant_id>"
P = f"{T}/packages/<str:package_id>"
H = "hosts/<str:ip>"
CAPABILITY = "mep_capabilities/<str:capability_id>"
I = f"{T}/app_instances/<uuid:instance_id>"  # noqa: E741 - reads as the URL does
IMAGE = f"{I}/images/<str:image_id>"
Generation = Callable[[Any], Any]


def _first(view: Any) -> Any:
    return view


def _platform(of: Generation, scope: str) -> list[URLPattern]:
    return [
        path(f"{scope}/kpi", of(platforms.KpiView).as_view(wrapped=False)),
        path(
            f"{scope}/mep_capabilities",
            of(platforms.MepCapabilitiesView).as_view(wrapped=False),
        ),
        path(f"{scope}/{CAPABILITY}", of(platforms.MepCapabilityView).as_view(wrapped=False)),
    ]


def _routes(of: Generation) -> list[URLPattern]:
    """What both generations have; literal names stand before what takes any name."""
    return [
        path("configuration", of(hosts.ConfigurationView).as_view()),
        *_platform(of, f"{T}/{H}"),
        path(f"{H}/packages/<str:package_id>/status", of(more.PackageStatusView).as_view()),
        path(f"{T}/packages", of(packages.EdgePackagesView).as_view()),
        path(P, of(packages.EdgePackageView).as_view()),
        path(f"{P}/hosts/<str:ip>", of(packages.EdgePackageHostView).as_view()),
        path(f"{T}/app_instances", of(instances.EdgeInstancesView).as_view()),
        path(f"{T}/app_instances/batchTerminate", of(instances.BatchTerminateView).as_view()),
        path(I, of(instances.EdgeInstanceView).as_view()),
        path(f"{I}/instantiate", of(instances.InstantiateView).as_view()),
        path(f"{I}/terminate", of(instances.TerminateView).as_view()),
        path(f"{I}/workload/events", of(more.EdgeEventsView).as_view()),
        path(f"{I}/workload/logs", of(more.EdgeLogsView).as_view()),
        path(f"{I}/servers/<uuid:server_id>", of(more.EdgeServerView).as_view()),
    ]


_v1 = [
    path("health", health),
    path("hosts", hosts.LocalHostListView.as_view()),
    path("hosts/<str:ip>", hosts.LocalHostView.as_view()),
    path("hosts/<str:ip>/settings", HostSettingsView.as_view()),
    path(f"{H}/resources", HostResourcesView.as_view()),
    path(f"{H}/images", images.HostImagesView.as_view()),
    path(f"{H}/images/<str:image_id>", images.HostImageView.as_view()),
    path(f"{H}/images/<str:image_id>/file", images.HostImageFileView.as_view()),
    *_platform(_first, H),
    *_routes(_first),
    path(f"{I}/record", instances.EdgeRecordView.as_view()),
    path(f"{I}/upgrade", instances.EdgeUpgradeView.as_view()),
    path(f"{I}/images", more.EdgeImagesView.as_view()),
    path(IMAGE, more.EdgeImageView.as_view()),
    path(f"{IMAGE}/file", more.EdgeImageFileView.as_view()),
]
_v2 = [
    *_routes(second),
    path(f"{T}/configuration", second(hosts.TenantConfigurationView).as_view()),
]
urlpatterns = [path("v1/", include(_v1)), path("v2/", include(_v2))]
