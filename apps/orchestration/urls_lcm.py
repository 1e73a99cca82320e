"""``/lcmcontroller/v1``: everything that an edge offers about hosts, packages and instances."""

from django.urls import path

from apps.common.health import health
from apps.hosts import api_lcm as hosts
from apps.orchestration import api_lcm as instances
from apps.packages import api_lcm as packages

T = "tenants/<uuid:tenant_id>"
P = f"{T}/packages/<str:package_id>"
I = f"{T}/app_instances/<uuid:instance_id>"  # noqa: E741 - reads as the URL does

urlpatterns = [
    path("health", health),
    path("hosts", hosts.LocalHostListView.as_view()),
    path("hosts/<str:ip>", hosts.LocalHostView.as_view()),
    path("configuration", hosts.ConfigurationView.as_view()),
    path(f"{T}/packages", packages.EdgePackagesView.as_view()),
    path(P, packages.EdgePackageView.as_view()),
    path(f"{P}/hosts/<str:ip>", packages.EdgePackageHostView.as_view()),
    path(f"{T}/app_instances", instances.EdgeInstancesView.as_view()),
    path(f"{T}/app_instances/batchTerminate", instances.BatchTerminateView.as_view()),
    path(I, instances.EdgeInstanceView.as_view()),
    path(f"{I}/record", instances.EdgeRecordView.as_view()),
    path(f"{I}/instantiate", instances.InstantiateView.as_view()),
    path(f"{I}/terminate", instances.TerminateView.as_view()),
]
