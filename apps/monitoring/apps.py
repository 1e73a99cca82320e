"""Floor 9: topology and live push."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """What is seen, as a graph and as live signals."""

    name = "apps.monitoring"
