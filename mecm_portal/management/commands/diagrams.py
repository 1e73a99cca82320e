"""``manage.py diagrams``: the tables of the code as the documents show them."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mecm_portal.diagrams import PAGE, refreshed


class Command(BaseCommand):
    """Writes state machines, roles and wiring into ``docs/architecture.md``."""

    help = "Bring the generated parts of docs/architecture.md up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--check`` only looks."""
        parser.add_argument("--check", action="store_true", help="fail when the page is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, or compare."""
        path = Path(settings.BASE_DIR) / PAGE
        before = path.read_text()
        after = refreshed(before)
        if options["check"] and before != after:
            raise CommandError(f"{PAGE} is stale; run manage.py diagrams")
        if not options["check"]:
            path.write_text(after)
