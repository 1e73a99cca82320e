"""Floor 7: the AppD configuration of an instance, its DNS and traffic rules."""

from django.apps import AppConfig


class RulesConfig(AppConfig):
    """Rules of instances and the tasks that hand them over."""

    name = "apps.rules"
