"""The app's entry for Django: registers the system checks.  No models, no migrations."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from apps.vim.checks import check_kinds


class VimConfig(AppConfig):
    """The driver contract and its drivers."""

    name = "apps.vim"
    label = "vim"

    def ready(self) -> None:
        """Hand the checks to Django."""
        register(check_kinds, "vim")
