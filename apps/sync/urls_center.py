"""What a center has of ``/sync/v1``."""

from django.urls import path

from apps.sync import api_conflicts

urlpatterns = [
    path("sync/v1/conflicts", api_conflicts.ConflictListView.as_view()),
    path(
        "sync/v1/conflicts/<slug:kind>/<uuid:conflict_id>",
        api_conflicts.ConflictView.as_view(),
    ),
]
