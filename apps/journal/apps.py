"""Floor 1: the append-only record and its after-commit fan-out."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    """Who did what to what, when, from which request."""

    name = "apps.journal"
