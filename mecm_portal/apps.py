"""The composition root as a Django app: it connects the news of lower floors to higher ones."""

from django.apps import AppConfig

from apps.journal import fanout
from mecm_portal.wiring import WIRING


class MecmPortalConfig(AppConfig):
    """Installs the fan-out list once all models are loaded."""

    name = "mecm_portal"
    verbose_name = "MECM Portal"

    def ready(self) -> None:
        """Hand the printable list of ``wiring.py`` to the journal."""
        fanout.install(WIRING)
