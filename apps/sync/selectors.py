"""The readers of what the center remembers about following its edges."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.sync.models import HeldRow, Peer


@dataclass(frozen=True, slots=True)
class Held:
    """A row of an edge that has to wait here; ``name`` is empty where the row does not say it."""

    kind: str
    id: str
    name: str = ""


def troubled_peers() -> QuerySet[Peer]:
    """The edges of whose news some waits, or whose last pull failed, by name."""
    waiting = Exists(HeldRow.objects.filter(edge_id=OuterRef("edge_id")))
    rows = Peer.objects.select_related("edge").annotate(waits=waiting)
    return rows.filter(Q(waits=True) | ~Q(fault={})).order_by("edge__name")


def holding_peers() -> QuerySet[Peer]:
    """The edges of whose news some waits here, by name."""
    holding = HeldRow.objects.values("edge_id")
    return Peer.objects.select_related("edge").filter(edge_id__in=holding).order_by("edge__name")


def held_of(peer: Peer) -> list[Held]:
    """What waits of an edge's news, as it came."""
    found = []
    for row in HeldRow.objects.filter(edge_id=peer.edge_id).order_by("id"):
        name = row.data.get("name") or row.data.get("app_name") or ""
        found.append(Held(row.kind, str(row.subject_id), str(name)))
    return found
