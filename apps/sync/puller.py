"""Copies one edge's news to this center.  Two pulls of one edge never run at once."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts import adoption as hosts
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.sync.feed import KINDS
from apps.sync.importers import IMPORTERS, Row
from apps.sync.models import Peer

PAGE = 200
LEASE = timedelta(seconds=60)
_log = logging.getLogger("mecm.sync")


class _Overtaken(Exception):
    """Ours took longer than its lease, and another pull of this edge runs now."""


def pull(edge_id: uuid.UUID) -> dict[str, Any]:
    """Read an edge's feed to its end; returns how many rows came and how many were held back."""
    edge = AppLcm.objects.filter(pk=edge_id).first()
    if edge is None:
        return {"came": "no such edge"}
    peer = _claim(edge)
    if peer is None:
        return {"came": "already running"}
    try:
        with EdgeClient(edge) as link:
            count, held = _drain(edge, peer, link)
    except _Overtaken:
        return {"came": "overtaken"}
    except DomainError as error:
        _failed(edge, peer, error.reason)
        return {"came": "failed", "why": error.code}
    except BaseException:
        _mine(peer).update(lease_until=None)
        raise
    _succeeded(edge, peer)
    return {"came": "ok", "rows": count, "held": len(held)}


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: no pull is running."""
    return Peer.objects.filter(lease_until__isnull=False).update(lease_until=None)


def _claim(edge: AppLcm) -> Peer | None:
    """Take the edge for a ``LEASE``, and see it as the last pull left it."""
    Peer.objects.get_or_create(edge=edge)
    moment = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    mine = Peer.objects.filter(free, edge=edge)
    if not mine.update(lease_until=moment + LEASE, last_tried=moment):
        return None
    edge.refresh_from_db()
    return Peer.objects.get(edge=edge)


def _mine(peer: Peer) -> QuerySet[Peer]:
    """The row as long as it is ours: nobody else's lease ends at the same time."""
    return Peer.objects.filter(pk=peer.pk, lease_until=peer.lease_until)


def _hold(peer: Peer, **fields: Any) -> None:
    """Write ``fields`` and lengthen our lease; raises _Overtaken when it is not ours any more."""
    until = clock.now() + LEASE
    if not _mine(peer).update(lease_until=until, **fields):
        raise _Overtaken
    peer.lease_until = until


def _drain(edge: AppLcm, peer: Peer, link: EdgeClient) -> tuple[int, list[Row]]:
    """Apply page after page; rows that wait for others get their turn again with each page."""
    count, held, cursor = 0, list(peer.held_back), edge.cursor
    while True:
        page = link.changes(after=cursor, limit=PAGE)
        _hold(peer)
        count += len(page["rows"])
        held = _apply(edge, held, page["rows"])
        asked, cursor = cursor, int(page["upto"])
        with transaction.atomic():
            # What waits is kept whole beside the cursor, so that nothing has to be asked for again.
            _hold(peer, held_back=held)
            AppLcm.objects.filter(pk=edge.pk).update(cursor=cursor)
        hosts.note_looks(edge=edge, looks=page.get("looks", {}))
        # A feed that promises more and does not go on would never end.
        if not page["more"] or cursor <= asked:
            return count, held


def _apply(edge: AppLcm, before: list[Row], rows: list[Row]) -> list[Row]:
    """Apply what was held back ``before`` and what came now; returns what must wait (again)."""
    held = []
    for row in _in_order(before + rows):
        try:
            with transaction.atomic():
                if not IMPORTERS[row["kind"]](edge, row):
                    held.append(row)
        except Exception:
            # One row that cannot be taken must not keep all others from coming.
            if row not in before:
                _log.exception("row %s %s of %s was not taken", row["kind"], row["id"], edge.name)
            held.append(row)
    return held


def _in_order(rows: list[Row]) -> list[Row]:
    """The newest word on each thing of a known kind: first what is gone, children before their
    parents, then what is there, parents before their children."""
    newest: dict[tuple[str, str], Row] = {}
    for row in sorted(rows, key=lambda row: int(row["version"])):
        if row["kind"] in IMPORTERS:
            newest[row["kind"], row["id"]] = row
    depth = {kind: number for number, kind in enumerate(KINDS, start=1)}
    return sorted(
        newest.values(), key=lambda row: depth[row["kind"]] * (-1 if "gone" in row else 1)
    )


def _succeeded(edge: AppLcm, peer: Peer) -> None:
    moment = clock.now()
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=None, at=moment)
    _mine(peer).update(lease_until=None, last_ok=moment, failures=0, fault={})


def _failed(edge: AppLcm, peer: Peer, reason: Reason) -> None:
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=reason)
    _mine(peer).update(lease_until=None, failures=peer.failures + 1, fault=reason.as_json())
