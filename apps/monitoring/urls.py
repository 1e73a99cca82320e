"""``/api/v1``: what is watched."""

from django.urls import re_path

from apps.monitoring import api

urlpatterns = [re_path(r"^topology/?$", api.TopologyView.as_view(), name="topology-api")]
