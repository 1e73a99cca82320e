"""Ground floor: what every other app may use."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Errors, states, ids, clock, versioned base, problem+json, HTTP client, sealed secrets."""

    name = "apps.common"
