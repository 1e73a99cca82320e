"""``manage.py sync``: the feed as files, for sites that no link reaches, and a comparison."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from apps.common.errors import DomainError
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.sync import files, puller
from apps.sync.comparing import compare
from apps.sync.printout import printout
from apps.tenants.keys import own_key


class Command(BaseCommand):
    """Carries what changed between sites by hand, and says whether both have the same."""

    help = "Write and read the feed of an edge as a signed file, and compare both sites."

    def add_arguments(self, parser: CommandParser) -> None:
        """What each of the verbs takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser(
            "export", help="at an edge: write its feed; at a center: the receipt for an edge"
        )
        export.add_argument("file", type=Path)
        export.add_argument("--edge", default="", help="name or address of the edge (at a center)")
        read = verbs.add_parser("import", help="read a file of the other side")
        read.add_argument("file", type=Path)
        read.add_argument("--edge", default="", help="the edge of a file that comes from a new one")
        read.add_argument(
            "--trust", default="", metavar="FINGERPRINT",
            help="believe the key in the file: the fingerprint that `export` printed at the edge",
        )
        both = verbs.add_parser("compare", help="compare edges with what this center has of them")
        both.add_argument("--edge", default="", help="name or address of one edge; else all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what came of it."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except DomainError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error

    def _compare(self, options: dict[str, Any]) -> None:
        named = options["edge"]
        edges = [_edge(named)] if named else AppLcm.objects.order_by("name", "ip")
        wrong = [edge.name for edge in edges if not self._is_equal(edge)]
        if wrong:
            raise CommandError(f"Not the same at both sites: {', '.join(wrong)}.")

    def _is_equal(self, edge: AppLcm) -> bool:
        self.stdout.write(f"{edge.name} ({edge.ip}:{edge.port})")
        try:
            found = compare(edge)
        except DomainError as error:
            self.stdout.write(f"  it could not be read: {error}")
            return False
        for line in printout(found):
            self.stdout.write(f"  {line}")
        return not any(kind.differences for kind in found)

    def _export(self, options: dict[str, Any]) -> None:
        path: Path = options["file"]
        if not settings.ROLE.joins:
            edge = _edge(options["edge"])
            files.export_receipt(edge, path)
            self.stdout.write(f"{path}: everything of “{edge}” up to {edge.cursor} is here.")
            return
        rows = files.export_feed(path)
        self.stdout.write(f"{path}: {rows} rows, signed by {own_key().kid}")

    def _import(self, options: dict[str, Any]) -> None:
        head, rows = files.read(options["file"], trusted=options["trust"])
        if head["format"] == files.RECEIPT:
            upto = files.take_receipt(head)
            self.stdout.write(f"“{head['site_name']}” has everything up to {upto}.")
            return
        if settings.ROLE.joins:
            raise CommandError("The feed of an edge is read at a center.")
        edge = _source(head, options["edge"])
        report = puller.pull(edge.pk, file=files.FileFeed(head, rows))
        self.stdout.write(f"“{edge}” as of {head['as_of']}: {_said(report)}")
        if report["came"] not in ("ok", "old"):
            raise CommandError("Nothing was read.")


def _said(report: dict[str, Any]) -> str:
    if report["came"] == "old":
        return "nothing new; a later one was read already."
    if report["came"] != "ok":
        return str(report.get("why") or report["came"])
    return f"{report['rows']} rows read, {report['held']} held back."


def _edge(named: str) -> AppLcm:
    found = AppLcm.objects.filter(Q(name=named) | Q(ip=named))[:2]
    if len(found) != 1:
        raise CommandError("Name one edge with --edge: its name or its address.")
    return found[0]


def _source(head: dict[str, Any], named: str) -> AppLcm:
    """The edge that wrote a file: known by its identity, else the new one that is named."""
    site_id = uuid.UUID(head["site_id"])
    edge = AppLcm.objects.filter(site_id=site_id).first()
    if edge is None:
        edge = _edge(named)
        managers.note_identity(applcm_id=edge.pk, site_id=site_id)
        edge.refresh_from_db()
    return edge
