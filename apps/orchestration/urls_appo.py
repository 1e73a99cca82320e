"""``/appo/v1``."""

from django.urls import path

from apps.common.health import health
from apps.orchestration import api, api_deployments, api_hosts

T = "tenants/<uuid:tenant_id>"

urlpatterns = [
    path("health", health),
    path(f"{T}/app_instances", api.InstanceListView.as_view()),
    path(f"{T}/app_instances/<uuid:instance_id>", api.InstanceView.as_view()),
    path(f"{T}/app_instance_infos", api.InfoListView.as_view()),
    path(f"{T}/app_instance_infos/<uuid:instance_id>", api.InfoView.as_view()),
    path("deployments", api_deployments.OwnDeploymentListView.as_view()),
    path(f"{T}/deployments", api_deployments.DeploymentListView.as_view()),
    path("placement_decisions", api_deployments.OwnDecisionListView.as_view()),
    path("placement_decisions/<uuid:decision_id>", api_deployments.OwnDecisionView.as_view()),
    path(f"{T}/placement_decisions", api_deployments.DecisionListView.as_view()),
    path(f"{T}/placement_decisions/<uuid:decision_id>", api_deployments.DecisionView.as_view()),
    path("hosts/<str:ip>/cordon", api_hosts.HostCordonView.as_view()),
    path("hosts/<str:ip>/drain", api_hosts.HostDrainView.as_view()),
]
