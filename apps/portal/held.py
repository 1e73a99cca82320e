"""What is held back of an edge's news, in words.  Decides nothing about it."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from apps.portal.sync_view import kind_name
from apps.sync.models import Peer
from apps.sync.selectors import Held, held_of

NAMED = 3


def held_sentence(peer: Peer) -> str:
    """How much of an edge's news waits, what it is, and why; empty where nothing does."""
    rows = held_of(peer)
    if not rows:
        return ""
    told = ngettext(
        "%(n)s row of this edge is held back: it waits for another row or its address is taken"
        " here.",
        "%(n)s rows of this edge are held back: each waits for another row or its address is taken"
        " here.",
        len(rows),
    ) % {"n": len(rows)}
    things = [_thing(row) for row in rows[:NAMED]]
    things += [gettext("and more")] if len(rows) > NAMED else []
    return f"{told} {', '.join(things)}"


def _thing(row: Held) -> str:
    kind = kind_name(row.kind)
    return f"{kind} “{row.name}” ({row.id})" if row.name else f"{kind} {row.id}"
