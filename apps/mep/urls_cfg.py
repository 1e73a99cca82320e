"""Mm5 below ``/mepcfg``: rules of an application as tasks, and the platform's capabilities."""

from __future__ import annotations

from django.urls import path

from apps.mep.api import mm5

_LCM = "app_lcm/v1"
_PLATFORM = "mec_platform_config/v1"
urlpatterns = [
    path(
        f"{_LCM}/applications/<str:application_id>/appd_configuration",
        mm5.AppdConfigurationView.as_view(),
    ),
    path(f"{_LCM}/tasks/<str:task_id>/appd_configuration", mm5.TaskView.as_view()),
    path(f"{_PLATFORM}/capabilities", mm5.CapabilitiesView.as_view()),
    path(f"{_PLATFORM}/capabilities/<str:capability_id>", mm5.CapabilityView.as_view()),
]
