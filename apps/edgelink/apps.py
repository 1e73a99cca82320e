"""Floor 4: the transport to one edge."""

from django.apps import AppConfig


class EdgelinkConfig(AppConfig):
    """Client and tokens for the link from center to edge."""

    name = "apps.edgelink"
