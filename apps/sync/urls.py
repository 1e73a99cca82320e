"""``/sync/v1``."""

from django.urls import path

from apps.sync import api

urlpatterns = [
    path("site", api.SiteView.as_view()),
    path("changes", api.ChangesView.as_view()),
    path("copy", api.CopyView.as_view()),
    path("digest", api.DigestView.as_view()),
    path("ack", api.AckView.as_view()),
]
