"""``manage.py wiring``: who hears what after a commit."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.journal.fanout import wiring


class Command(BaseCommand):
    """Prints the fan-out list in force."""

    help = "Print which function hears which news."

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per listener."""
        for prefix, path in wiring():
            self.stdout.write(f"{prefix or '(everything)':36} {path}")
