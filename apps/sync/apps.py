"""Floor 9: observed state travels from edge to center."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """The versioned feed and its follower."""

    name = "apps.sync"
