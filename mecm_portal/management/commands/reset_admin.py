"""``manage.py reset_admin NAME``: a new password for an administrator who is locked out."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.tenants.services import reset_administrator


class Command(BaseCommand):
    """Makes the administrator when there is none by that name; prints the password once."""

    help = "Give an administrator a new random password, or make one."

    def add_arguments(self, parser: CommandParser) -> None:
        """The user name."""
        parser.add_argument("username", nargs="?", default="admin")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset and tell."""
        user, password = reset_administrator(username=options["username"])
        self.stdout.write(f"{user.username}  {password}")
