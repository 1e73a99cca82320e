"""``manage.py keys``: the keys with which this site signs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.common.words import say
from apps.sync import rotation
from apps.tenants import keys
from apps.tenants.actors import SYSTEM


class Command(BaseCommand):
    """Shows and rotates them."""

    help = "Show the keys of this site, or sign with a new one from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        """What each of the verbs takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="our keys, and who does not have the present one yet")
        rotate = verbs.add_parser("rotate", help="sign with a new key from now on")
        rotate.add_argument("--keep", type=float, metavar="HOURS",
                            default=keys.KEEP.total_seconds() / 3600,
                            help="how long the old key is still believed (24)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate if that is wanted, then list; the running site tells the others."""
        if options["verb"] == "rotate":
            try:
                rotation.rotate(actor=SYSTEM, keep=timedelta(hours=options["keep"]))
            except DomainError as error:
                fields = [f"{name}: {say(why)}" for name, why in error.fields.items()]
                raise CommandError("\n".join([say(error.reason), *fields])) from error
        for key in keys.own_keys():
            until = key.retires_at
            said = f"believed until {until:%Y-%m-%d %H:%M %Z}" if until else "signs now"
            self.stdout.write(f"{key.kid}  {said}")
        for holder in keys.untold():
            self.stdout.write(f"“{holder.site_name}” does not have it yet. {say(holder.why)}")
