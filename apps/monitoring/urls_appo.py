"""``/appo/v1``: what edges have measured, each address with a tenant in it and without."""

from django.urls import path

from apps.monitoring.api_load import HostSeriesView, InstanceUsageView

urlpatterns = [
    one
    for scope in ("tenants/<uuid:tenant_id>/", "")
    for one in (
        path(f"{scope}hosts/<str:ip>/kpi/series", HostSeriesView.as_view()),
        path(
            f"{scope}app_instances/<uuid:instance_id>/workload/usage", InstanceUsageView.as_view()
        ),
    )
]
