"""``manage.py vim``: the hosts of this site from the terminal."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.orchestration.orphans import find_orphans, remove_orphan


class Command(BaseCommand):
    """Finds and removes what is not to be there by this site's rows."""

    help = "List, and remove, what hosts carry of instances that by this site's rows do not run."

    def add_arguments(self, parser: CommandParser) -> None:
        """What each of the verbs takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        gc = verbs.add_parser("gc", help="remove what carries our labels and is not to be there")
        gc.add_argument("--dry-run", action="store_true", help="only list it")
        gc.add_argument(
            "--created", action="store_true",
            help="also what runs of instances that are there and were never instantiated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """List, then remove; exits non-zero where a host could not be asked."""
        try:
            self._collect(only_list=options["dry_run"], created=options["created"])
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _collect(self, *, only_list: bool, created: bool) -> None:
        found, removed, kept = list(find_orphans()), 0, 0
        for orphan in found:
            is_kept = orphan.is_known and not created
            why = " kept: its instance is only created here" if is_kept else ""
            self.stdout.write(f"{orphan}{why}")
            kept += is_kept
            if not only_list and not is_kept:
                removed += remove_orphan(orphan)
        self.stdout.write(f"{len(found)} found." if only_list else f"{removed} removed.")
        if kept:
            self.stdout.write("Instantiate again what is to run on; --created removes the rest.")
