"""``/api/v1``: what is watched."""

from django.urls import re_path

from apps.monitoring import api

urlpatterns = [
    re_path(r"^topology/?$", api.TopologyView.as_view(), name="topology-api"),
    re_path(
        r"^services/topology/?$", api.ServiceTopologyView.as_view(), name="service-topology-api"
    ),
]
