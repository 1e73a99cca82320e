"""``manage.py edge``: invite, join, leave and shut out, from the terminal of either site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.errors import DomainError
from apps.common.words import say
from apps.hosts.models import AppLcm
from apps.sync import admission, invitations, joining
from apps.tenants.actors import SYSTEM

# What is done at the site that joins, and not at the one that is joined.
JOINING = frozenset({"join", "leave", "center"})


class Command(BaseCommand):
    """What ties an edge to its center."""

    help = "Invite an edge or shut it out (at the center); join, show or leave it (at the edge)."

    def add_arguments(self, parser: CommandParser) -> None:
        """What each of the verbs takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        invite = verbs.add_parser("invite", help="at the center: make a token of one use")
        invite.add_argument("--name", required=True, help="what the edge is called here")
        invite.add_argument("--dial-out", action="store_true", help="the edge opens the link")
        invite.add_argument("--hours", type=float, default=1.0, help="how long the token is good")
        invite.add_argument("--tenant", type=UUID, action="append", default=[], metavar="ID",
                            help="delegate this tenant only (may be given several times)")
        revoke = verbs.add_parser("revoke", help="at the center: shut an edge out")
        revoke.add_argument("--name", required=True, help="what the edge is called here")
        join = verbs.add_parser("join", help="at the edge: join a center")
        join.add_argument("--center", required=True, metavar="URL")
        join.add_argument("--token", required=True, help="what the invitation said, once")
        join.add_argument("--address", default="", metavar="IP:PORT",
                          help="where the center reaches this edge, unless it dials out")
        verbs.add_parser("center", help="at the edge: which center it has, and how the link is")
        verbs.add_parser("leave", help="at the edge: leave the center")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, or say in words why not."""
        verb = options["verb"]
        if settings.ROLE.joins is not (verb in JOINING):
            other = "a center" if settings.ROLE.joins else "an edge"
            raise CommandError(f"“{verb}” is done at {other}, which this site is not.")
        try:
            getattr(self, f"_{verb}")(options)
        except DomainError as error:
            fields = [f"{name}: {say(why)}" for name, why in error.fields.items()]
            raise CommandError("\n".join([say(error.reason), *fields])) from error

    def _invite(self, options: dict[str, Any]) -> None:
        made = invitations.invite(
            actor=SYSTEM,
            name=options["name"],
            opened_by=AppLcm.Opener.EDGE if options["dial_out"] else AppLcm.Opener.CENTER,
            tenants=options["tenant"],
            lifetime=timedelta(hours=options["hours"]),
        )
        self.stdout.write(invitations.command_of(made))

    def _revoke(self, options: dict[str, Any]) -> None:
        found = AppLcm.objects.filter(name=options["name"])
        if len(found) != 1:
            raise CommandError(f"{len(found)} edges are called “{options['name']}”.")
        edge = admission.revoke(actor=SYSTEM, edge_id=found[0].pk)
        self.stdout.write(f"“{edge.name}” is shut out since {edge.revoked_at:%Y-%m-%d %H:%M %Z}.")

    def _join(self, options: dict[str, Any]) -> None:
        center = joining.join(
            actor=SYSTEM, url=options["center"], token=options["token"], address=options["address"]
        )
        self.stdout.write(f"Joined “{center.name}” at {center.url}.")

    def _center(self, options: dict[str, Any]) -> None:
        center = joining.current()
        if center is None:
            self.stdout.write("No center is joined.")
            return
        heard = f"{center.heard_at:%Y-%m-%d %H:%M:%S %Z}" if center.heard_at else "never"
        self.stdout.write(f"“{center.name}” at {center.url}, last heard of: {heard}.")
        if center.why:
            self.stdout.write(say(center.why))

    def _leave(self, options: dict[str, Any]) -> None:
        center = joining.leave(actor=SYSTEM)
        self.stdout.write(f"Left “{center.name}”; what runs here runs on.")
