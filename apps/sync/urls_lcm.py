"""``/lcmcontroller``: asking for changes, in both generations.

Mounted before the other addresses there, which would take its words for names.
"""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, include, path

from apps.orchestration.second import second
from apps.sync import api_lcm as api

T = "tenants/<uuid:tenant_id>"


def _of_tenant(of: Callable[[Any], Any]) -> list[URLPattern]:
    return [
        path(f"{T}/packages/sync_updated", of(api.UpdatedPackagesView).as_view()),
        path(f"{T}/packages/sync_deleted", of(api.DeletedPackagesView).as_view()),
        path(f"{T}/app_instances/sync_updated", of(api.UpdatedInstancesView).as_view()),
        path(f"{T}/app_instances/sync_deleted", of(api.DeletedInstancesView).as_view()),
    ]


_v1 = [
    path("hosts/sync_updated", api.UpdatedHostsView.as_view()),
    path("hosts/sync_deleted", api.DeletedHostsView.as_view()),
    *_of_tenant(lambda view: view),
]
urlpatterns = [path("v1/", include(_v1)), path("v2/", include(_of_tenant(second)))]
