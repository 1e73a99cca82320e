"""Floor 10: the HTML pages; owns no data."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Server-rendered pages over the floors below."""

    name = "apps.portal"
