"""Floor 6: application instances."""

from django.apps import AppConfig


class InstancesConfig(AppConfig):
    """AppInstance, its states and its operations."""

    name = "apps.instances"
