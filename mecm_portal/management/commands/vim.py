"""``manage.py vim``: the hosts of this site from the terminal."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.orchestration.orphans import find_orphans, remove_orphan


class Command(BaseCommand):
    """Finds and removes what belongs to no instance."""

    help = "List, and remove, what hosts carry of instances that by this site's rows do not run."

    def add_arguments(self, parser: CommandParser) -> None:
        """What each of the verbs takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        gc = verbs.add_parser("gc", help="remove what carries our labels and belongs to nothing")
        gc.add_argument("--dry-run", action="store_true", help="only list it")

    def handle(self, *args: Any, **options: Any) -> None:
        """List, then remove; exits non-zero where a host could not be asked."""
        try:
            found = list(find_orphans())
            for orphan in found:
                self.stdout.write(str(orphan))
                if not options["dry_run"]:
                    remove_orphan(orphan)
        except DomainError as error:
            raise CommandError(str(error)) from error
        verb = "found" if options["dry_run"] else "removed"
        self.stdout.write(f"{len(found)} {verb}.")
