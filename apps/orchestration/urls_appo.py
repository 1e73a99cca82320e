"""``/appo/v1``, each address with a tenant in it and without."""

from django.urls import URLPattern, path

from apps.common.health import health
from apps.orchestration import (
    api,
    api_batch,
    api_cordon,
    api_deployments,
    api_hosts,
    api_images,
    api_servers,
    api_upgrades,
    api_voices,
)


def _routes(scope: str) -> list[URLPattern]:
    instances, infos, host, upgrades = (
        f"{scope}{name}"
        for name in ("app_instances", "app_instance_infos", "hosts/<str:ip>", "upgrades")
    )
    upgrade = f"{upgrades}/<uuid:upgrade_id>"
    images = f"{instances}/<uuid:instance_id>/images"
    return [
        path(instances, api.InstanceListView.as_view()),
        path(f"{instances}/batch_create", api_batch.BatchCreateView.as_view()),
        path(f"{instances}/batch_instantiate", api_batch.BatchInstantiateView.as_view()),
        path(f"{instances}/batch_terminate", api_batch.BatchTerminateView.as_view()),
        path(f"{instances}/<uuid:instance_id>", api.InstanceView.as_view()),
        path(f"{instances}/<uuid:instance_id>/workload/events", api_voices.EventsView.as_view()),
        path(f"{instances}/<uuid:instance_id>/workload/logs", api_voices.LogsView.as_view()),
        path(
            f"{instances}/<uuid:instance_id>/servers/<uuid:server_id>",
            api_servers.ServerView.as_view(),
        ),
        path(images, api_images.ImagesView.as_view()),
        path(f"{images}/<str:image_id>", api_images.ImageView.as_view()),
        path(f"{images}/<str:image_id>/file", api_images.ImageFileView.as_view()),
        path(infos, api.InfoListView.as_view()),
        path(f"{infos}/<uuid:instance_id>", api.InfoView.as_view()),
        path(f"{host}/kpi", api_hosts.KpiView.as_view()),
        path(f"{host}/mep_capabilities", api_hosts.MepCapabilitiesView.as_view()),
        path(
            f"{host}/mep_capabilities/<str:capability_id>", api_hosts.MepCapabilityView.as_view()
        ),
        path(upgrades, api_upgrades.UpgradesView.as_view()),
        path(upgrade, api_upgrades.UpgradeView.as_view()),
        path(f"{upgrade}/stop", api_upgrades.UpgradeStopView.as_view()),
        path(f"{upgrade}/back", api_upgrades.UpgradeBackView.as_view()),
    ]


T = "tenants/<uuid:tenant_id>/"
urlpatterns = [
    path("health", health),
    *_routes(T),
    *_routes(""),
    path("deployments", api_deployments.OwnDeploymentListView.as_view()),
    path(f"{T}deployments", api_deployments.DeploymentListView.as_view()),
    path("placement_decisions", api_deployments.OwnDecisionListView.as_view()),
    path("placement_decisions/<uuid:decision_id>", api_deployments.OwnDecisionView.as_view()),
    path(f"{T}placement_decisions", api_deployments.DecisionListView.as_view()),
    path(f"{T}placement_decisions/<uuid:decision_id>", api_deployments.DecisionView.as_view()),
    path("hosts/<str:ip>/images", api_images.HostImagesView.as_view()),
    path("hosts/<str:ip>/images/<str:image_id>", api_images.HostImageView.as_view()),
    path("hosts/<str:ip>/images/<str:image_id>/file", api_images.HostImageFileView.as_view()),
    path("hosts/<str:ip>/resources", api_servers.HostResourcesView.as_view()),
    path("hosts/<str:ip>/cordon", api_cordon.HostCordonView.as_view()),
    path("hosts/<str:ip>/drain", api_cordon.HostDrainView.as_view()),
]
