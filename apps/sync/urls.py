"""``/sync/v1``."""

from django.urls import path

from apps.sync import api

urlpatterns = [
    path("site", api.SiteView.as_view()),
    path("changes", api.ChangesView.as_view()),
]
