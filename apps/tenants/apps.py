"""Floor 2: who may do what."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Users, tenants, roles, tokens and grants."""

    name = "apps.tenants"
