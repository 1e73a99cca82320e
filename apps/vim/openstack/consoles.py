"""The console of a server: its text as a log, and a link to its screen."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.vim.errors import VimRefused
from apps.vim.openstack import stacks
from apps.vim.openstack.cloud import Cloud, Refused
from apps.vim.openstack.status import Row
from apps.vim.voices import MOST_LINES, LogLine, LogPage, LogQuery

# A cursor knows so many lines again, wherever a hypervisor that drops old ones has them now.
KNOWN_LINES: Final = 8
# Where remote consoles came with a choice of the protocol.
REMOTE_CONSOLES: Final = "2.6"


def server_of(cloud: Cloud, instance_id: UUID, wanted: str) -> Row:
    """A server of the instance by its id or name; NotFound where the instance has no such."""
    found = stacks.read(cloud, instance_id)
    for key, row in ((found.servers or {}) if found else {}).items():
        if wanted in (key, row.get("name")):
            return row
    raise NotFound(N_("The instance has no server “%(name)s”."), name=wanted)


def page(cloud: Cloud, instance_id: UUID, query: LogQuery) -> LogPage:
    """The lines that the console has after a cursor; the times are not known."""
    row = server_of(cloud, instance_id, query.pod)
    lines = _text(cloud, row).splitlines()
    start = _after(lines, query.after) if query.after else max(0, len(lines) - query.tail)
    end = min(len(lines), start + MOST_LINES)
    return LogPage(
        lines=tuple(LogLine("", text) for text in lines[start:end]),
        cursor=_mark(lines[:end]),
        more=end < len(lines),
    )


def screen(cloud: Cloud, server_id: str) -> str:
    """A link to the server's screen (noVNC) that is good for minutes; for its owner's eyes only."""
    body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    answer = cloud.ask(
        "compute", "POST", f"/servers/{server_id}/remote-consoles", json=body,
        microversion=REMOTE_CONSOLES,
    )
    return str(answer["remote_console"]["url"])


def _text(cloud: Cloud, row: Row) -> str:
    try:
        answer = cloud.ask(
            "compute", "POST", f"/servers/{row['id']}/action", json={"os-getConsoleOutput": {}}
        )
    except Refused as refusal:
        if refusal.answered in (404, 409):
            raise VimRefused(
                N_("“%(name)s” has not started yet."), name=str(row.get("name")),
                code="not_started", retryable=True,
            ) from refusal
        raise
    return str(answer["output"] or "")


def _mark(lines: list[str]) -> str:
    """The last lines, to be known again, and how many there were."""
    last = "\n".join(lines[-KNOWN_LINES:])
    return f"{len(lines)}~{hashlib.sha256(last.encode()).hexdigest()[:16]}"


def _after(lines: list[str], cursor: str) -> int:
    """Where to go on: behind the lines of the cursor, or at the start where they are gone."""
    count = cursor.partition("~")[0]
    likely = int(count) if count.isdigit() else 0
    # Where they were, or above when the hypervisor has dropped old lines since.
    for end in range(min(likely, len(lines)), -1, -1):
        if _mark(lines[:end]).partition("~")[2] == cursor.partition("~")[2]:
            return end
    return 0
