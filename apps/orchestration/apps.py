"""Floor 8: verbs that span contexts."""

from django.apps import AppConfig


class OrchestrationConfig(AppConfig):
    """Instantiate, terminate and what they take."""

    name = "apps.orchestration"
