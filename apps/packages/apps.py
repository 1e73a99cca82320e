"""Floor 5: application packages."""

from django.apps import AppConfig


class PackagesConfig(AppConfig):
    """CSAR packages and their distribution to hosts."""

    name = "apps.packages"
