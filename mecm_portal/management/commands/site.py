"""``manage.py site`` for ``help`` and ``call_command``; the command line itself needs no Django."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mecm_portal.runtime import up


class Command(BaseCommand):
    """Stops or starts one site of the running world."""

    help = "Stop, start or show one site of the running world."
    requires_system_checks: list[str] = []  # the sites are other processes

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do with which site."""
        parser.add_argument("verb", choices=["stop", "start", "status"])
        parser.add_argument("name", nargs="?", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the supervisor."""
        sys.exit(up.site_main([word for word in (options["verb"], options["name"]) if word]))
