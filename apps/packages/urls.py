"""``/apm/v1``.  Each address of a tenant's packages has a spelling without the tenant."""

from django.urls import path, re_path

from apps.common.health import health
from apps.packages import api, api_store

T = "tenants/<uuid:tenant_id>/packages"
P = "packages"

urlpatterns = [
    re_path(r"^health$", health),
    path(f"{T}/upload", api.UploadView.as_view()),
    path(T, api.PackageListView.as_view()),
    path(f"{T}/", api.PackageListView.as_view()),
    path(f"{T}/<str:package_id>", api.PackageView.as_view()),
    path(f"{T}/<str:package_id>/download", api.DownloadView.as_view()),
    path(f"{T}/<str:package_id>/hosts/<str:ip>", api.PackageHostView.as_view()),
    path(f"{P}/upload", api.OwnUploadView.as_view()),
    path(P, api.OwnPackageListView.as_view()),
    path(f"{P}/", api.OwnPackageListView.as_view()),
    path(f"{P}/<str:package_id>", api.OwnPackageView.as_view()),
    path(f"{P}/<str:package_id>/download", api.OwnDownloadView.as_view()),
    path(f"{P}/<str:package_id>/hosts/<str:ip>", api.OwnPackageHostView.as_view()),
    path("apps/info/appstores/<str:ip>", api_store.StoreOffersView.as_view()),
    path("apps/sync", api_store.FetchView.as_view()),
    path("apps/syncstatus", api_store.FetchListView.as_view()),
    path(
        "apps/<str:store_app_id>/packages/<str:store_package_id>/syncstatus",
        api_store.FetchStateView.as_view(),
    ),
]
