"""``/lcmcontroller/v1``: everything that an edge offers about hosts, packages and instances."""

from django.urls import path

from apps.common.health import health
from apps.hosts import api_lcm as hosts
from apps.hosts.api_settings import HostSettingsView
from apps.orchestration import api_hosts as platforms
from apps.orchestration import api_lcm as instances
from apps.packages import api_lcm as packages

T = "tenants/<uuid:tenant_id>"
P = f"{T}/packages/<str:package_id>"
H = "hosts/<str:ip>"
CAPABILITY = "mep_capabilities/<str:capability_id>"
I = f"{T}/app_instances/<uuid:instance_id>"  # noqa: E741 - reads as the URL does

urlpatterns = [
    path("health", health),
    path("hosts", hosts.LocalHostListView.as_view()),
    path("hosts/<str:ip>", hosts.LocalHostView.as_view()),
    path("hosts/<str:ip>/settings", HostSettingsView.as_view()),
    path("configuration", hosts.ConfigurationView.as_view()),
    *(
        one
        for scope in (H, f"{T}/{H}")
        for one in (
            path(f"{scope}/kpi", platforms.KpiView.as_view(wrapped=False)),
            path(
                f"{scope}/mep_capabilities", platforms.MepCapabilitiesView.as_view(wrapped=False)
            ),
            path(f"{scope}/{CAPABILITY}", platforms.MepCapabilityView.as_view(wrapped=False)),
        )
    ),
    path(f"{T}/packages", packages.EdgePackagesView.as_view()),
    path(P, packages.EdgePackageView.as_view()),
    path(f"{P}/hosts/<str:ip>", packages.EdgePackageHostView.as_view()),
    path(f"{T}/app_instances", instances.EdgeInstancesView.as_view()),
    path(f"{T}/app_instances/batchTerminate", instances.BatchTerminateView.as_view()),
    path(I, instances.EdgeInstanceView.as_view()),
    path(f"{I}/record", instances.EdgeRecordView.as_view()),
    path(f"{I}/instantiate", instances.InstantiateView.as_view()),
    path(f"{I}/upgrade", instances.EdgeUpgradeView.as_view()),
    path(f"{I}/terminate", instances.TerminateView.as_view()),
]
