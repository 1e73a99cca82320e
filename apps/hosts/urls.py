"""``/inventory/v1``; a trailing slash is accepted, as original clients send it."""

from django.urls import re_path

from apps.common.health import health
from apps.hosts import api, api_mepms, api_settings, api_stores

IP = r"(?P<ip>[^/]+)"

urlpatterns = [
    re_path(r"^health$", health),
    re_path(r"^applcms/?$", api.ManagerListView.as_view()),
    re_path(rf"^applcms/{IP}$", api.ManagerView.as_view()),
    re_path(r"^apprulemanagers/?$", api.AppRuleManagerListView.as_view()),
    re_path(rf"^apprulemanagers/{IP}$", api.AppRuleManagerView.as_view()),
    re_path(r"^appstores/?$", api_stores.StoreListView.as_view()),
    re_path(r"^appstores/(?P<key>[^/]+)$", api_stores.StoreView.as_view()),
    re_path(r"^apprepos/?$", api_stores.RepoListView.as_view()),
    re_path(r"^apprepos/(?P<key>[^/]+)$", api_stores.RepoView.as_view()),
    re_path(r"^mepms/?$", api_mepms.MepmListView.as_view()),
    re_path(rf"^mepms/{IP}$", api_mepms.MepmView.as_view()),
    re_path(r"^mechosts/?$", api.HostListView.as_view()),
    re_path(rf"^mechosts/{IP}$", api.HostView.as_view()),
    re_path(rf"^mechosts/{IP}/k8sconfig$", api.HostCredentialsView.as_view()),
    re_path(rf"^mechosts/{IP}/settings$", api_settings.HostSettingsView.as_view()),
]
