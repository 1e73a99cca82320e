"""``/apprulemgr/v1`` and ``/apprule/v1`` at an edge."""

from django.urls import path

from apps.common.health import health
from apps.rules import api_edge as api

I = "app_instances/<uuid:instance_id>/appd_configuration"  # noqa: E741 - reads as the URL does

urlpatterns = [
    path("health", health),
    path(I, api.EdgeConfigurationView.as_view()),
    path(f"tenants/<uuid:tenant_id>/{I}", api.EdgeConfigurationView.as_view()),
]
