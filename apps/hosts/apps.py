"""Floor 3: the inventory of edges."""

from django.apps import AppConfig


class HostsConfig(AppConfig):
    """MEC hosts and the managers through which they are reached."""

    name = "apps.hosts"
