"""The readers of what the center remembers about following its edges."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from apps.sync.models import Peer


@dataclass(frozen=True, slots=True)
class Held:
    """A row of an edge that has to wait here; ``name`` is empty where the row does not say it."""

    kind: str
    id: str
    name: str = ""


def troubled_peers() -> QuerySet[Peer]:
    """The edges of whose news some waits, or whose last pull failed, by name."""
    rows = Peer.objects.select_related("edge").exclude(held_back=[], fault={})
    return rows.order_by("edge__name")


def held_of(peer: Peer) -> list[Held]:
    """What waits of an edge's news, as it came."""
    found = []
    for row in peer.held_back:
        data = row.get("data") or {}
        name = data.get("name") or data.get("app_name") or ""
        found.append(Held(str(row["kind"]), str(row["id"]), str(name)))
    return found
