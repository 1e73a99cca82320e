"""``manage.py serve``: the process of one site, with everything it needs inside."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mecm_portal.runtime.site import serve


class Command(BaseCommand):
    """Serves the site that the environment describes until it is told to stop."""

    help = "Run this site: pages, API, sockets, worker and beat in one process."
    requires_system_checks: list[str] = []  # `make check` runs them; a start should be quick

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        serve(options["host"], options["port"])
