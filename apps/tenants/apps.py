"""Floor 2: who may do what."""

from importlib import import_module

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Users, tenants, roles, tokens and grants."""

    name = "apps.tenants"

    def ready(self) -> None:
        """Let the OpenAPI description know our kind of authentication."""
        import_module("apps.tenants.schema")
