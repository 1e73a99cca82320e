"""``/apm/v1``."""

from django.urls import path, re_path

from apps.common.health import health
from apps.packages import api

T = "tenants/<uuid:tenant_id>/packages"

urlpatterns = [
    re_path(r"^health$", health),
    path(f"{T}/upload", api.UploadView.as_view()),
    path(T, api.PackageListView.as_view()),
    path(f"{T}/", api.PackageListView.as_view()),
    path(f"{T}/<str:package_id>", api.PackageView.as_view()),
    path(f"{T}/<str:package_id>/download", api.DownloadView.as_view()),
    path(f"{T}/<str:package_id>/hosts/<str:ip>", api.PackageHostView.as_view()),
]
