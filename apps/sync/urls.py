"""``/sync/v1`` of an edge."""

from django.urls import path

from apps.sync import api, api_joining

urlpatterns = [
    path("site", api.SiteView.as_view()),
    path("changes", api.ChangesView.as_view()),
    path("copy", api.CopyView.as_view()),
    path("digest", api.DigestView.as_view()),
    path("ack", api.AckView.as_view()),
    path("keys", api_joining.KeysView.as_view()),
    path("center", api_joining.CenterView.as_view()),
]
