"""``/appo/v1``."""

from django.urls import path

from apps.common.health import health
from apps.orchestration import api

T = "tenants/<uuid:tenant_id>"

urlpatterns = [
    path("health", health),
    path(f"{T}/app_instances", api.InstanceListView.as_view()),
    path(f"{T}/app_instances/<uuid:instance_id>", api.InstanceView.as_view()),
    path(f"{T}/app_instance_infos", api.InfoListView.as_view()),
    path(f"{T}/app_instance_infos/<uuid:instance_id>", api.InfoView.as_view()),
]
