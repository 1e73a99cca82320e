"""``manage.py read_edges DESCRIPTOR``: started by the process of a center, not by people."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mecm_portal.runtime import reader_process


class Command(BaseCommand):
    """Reads edges for the site's process at the other end of a pipe."""

    help = "Reads edges for the process of a center, which starts this when many wait."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The pipe."""
        parser.add_argument("descriptor", type=int)

    def handle(self, *args: Any, descriptor: int, **options: Any) -> None:
        """Read until the site goes away."""
        reader_process.main(descriptor)
