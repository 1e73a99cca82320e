"""Synchronization at a center: its own addresses, and those of EdgeGallery's three services."""

from django.urls import path

from apps.sync import api, api_conflicts, api_joining
from apps.sync import api_center as center

T = "tenants/<uuid:tenant_id>/"
RULES = "mepms/<str:ip>/apprule/sync"
PACKAGES, INSTANCES = "app_package_infos/sync", "app_instance_infos/sync"

urlpatterns = [
    path("inventory/v1/mepms/<str:ip>/mechost/sync", center.HostSyncView.as_view()),
    path(f"inventory/v1/{RULES}", center.RuleSyncView.as_view()),
    path(f"inventory/v1/{T}{RULES}", center.RuleSyncView.as_view()),
    path(f"apm/v1/{PACKAGES}", center.PackageSyncView.as_view()),
    path(f"apm/v1/{T}{PACKAGES}", center.PackageSyncView.as_view()),
    path(f"appo/v1/{INSTANCES}", center.InstanceSyncView.as_view()),
    path(f"appo/v1/{T}{INSTANCES}", center.InstanceSyncView.as_view()),
    path("sync/v1/runs", center.RunListView.as_view()),
    path("sync/v1/runs/<uuid:run_id>", center.RunView.as_view()),
    path("sync/v1/conflicts", api_conflicts.ConflictListView.as_view()),
    path(
        "sync/v1/conflicts/<slug:kind>/<uuid:conflict_id>",
        api_conflicts.ConflictView.as_view(),
    ),
    path("sync/v1/site", api.SiteView.as_view()),
    path("sync/v1/invitations", api_joining.InvitationsView.as_view()),
    path("sync/v1/invitations/<uuid:invitation_id>", api_joining.InvitationView.as_view()),
    path("sync/v1/edges/<uuid:edge_id>/revoke", api_joining.EdgeRevokeView.as_view()),
    path("sync/v1/edges/<uuid:edge_id>/autonomy", api_joining.EdgeAutonomyView.as_view()),
    path("sync/v1/join", api_joining.JoinView.as_view()),
    path("sync/v1/hello", api_joining.HelloView.as_view()),
    path("sync/v1/goodbye", api_joining.GoodbyeView.as_view()),
    path("sync/v1/accounts", api_joining.AccountsView.as_view()),
    path("sync/v1/keys", api_joining.KeysView.as_view()),
]
