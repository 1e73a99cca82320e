"""``/inventory/v1``: the rules of instances."""

from django.urls import path

from apps.rules import api

I = "app_instances/<uuid:instance_id>/appd_configuration"  # noqa: E741 - reads as the URL does

urlpatterns = [
    path(I, api.AppdConfigurationView.as_view()),
    path(f"tenants/<uuid:tenant_id>/{I}", api.AppdConfigurationView.as_view()),
]
