"""``/lcmcontroller/v1``: what an edge has measured."""

from django.urls import path

from apps.monitoring.api_load import HostSeriesView, InstanceUsageView

T = "tenants/<uuid:tenant_id>"
urlpatterns = [
    path("hosts/<str:ip>/kpi/series", HostSeriesView.as_view()),
    path(f"{T}/hosts/<str:ip>/kpi/series", HostSeriesView.as_view()),
    path(f"{T}/app_instances/<uuid:instance_id>/workload/usage", InstanceUsageView.as_view()),
]
