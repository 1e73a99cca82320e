"""Copies one edge's news to this center.  Two pulls of one edge never run at once."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.sync.feed import KINDS
from apps.sync.importers import IMPORTERS, Row
from apps.sync.models import Peer

PAGE = 200
LEASE = timedelta(seconds=60)
_log = logging.getLogger("mecm.sync")


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
    except DomainError as error:
        _failed(edge, peer, error.reason)
        return {"came": "failed", "why": error.code}
    except BaseException:
        Peer.objects.filter(pk=peer.pk).update(lease_until=None)
        raise
    _succeeded(edge, peer)
    return {"came": "ok", "rows": count, "held": len(held)}


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: no pull is running."""
    return Peer.objects.filter(lease_until__isnull=False).update(lease_until=None)


def _claim(edge: AppLcm) -> Peer | None:
    peer, _ = Peer.objects.get_or_create(edge=edge)
    moment = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    mine = Peer.objects.filter(free, pk=peer.pk)
    return peer if mine.update(lease_until=moment + LEASE, last_tried=moment) else None


def _drain(edge: AppLcm, peer: Peer, link: EdgeClient) -> tuple[int, list[Row]]:
    """Apply page after page; rows that wait for others get their turn again with each page."""
    count, held, cursor = 0, list(peer.held_back), edge.cursor
    while True:
        page = link.changes(after=cursor, limit=PAGE)
        count += len(page["rows"])
        held = _apply(edge, held + page["rows"])
        cursor = int(page["upto"])
        with transaction.atomic():
            # What waits is kept whole beside the cursor, so that nothing has to be asked for again.
            AppLcm.objects.filter(pk=edge.pk).update(cursor=cursor)
            Peer.objects.filter(pk=peer.pk).update(held_back=held)
        if not page["more"]:
            return count, held


def _apply(edge: AppLcm, rows: list[Row]) -> list[Row]:
    """Apply rows kind by kind, parents first; returns those that must wait."""
    held = []
    for row in sorted(
        rows, key=lambda row: KINDS.index(row["kind"]) if row["kind"] in KINDS else 99
    ):
        importer = IMPORTERS.get(row["kind"])
        if importer is None:
            continue
        try:
            with transaction.atomic():
                if not importer(edge, row):
                    held.append(row)
        except DomainError:
            _log.exception("row %s %s of %s was not taken", row["kind"], row["id"], edge.name)
            held.append(row)
    return held


def _succeeded(edge: AppLcm, peer: Peer) -> None:
    moment = clock.now()
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=None, at=moment)
    Peer.objects.filter(pk=peer.pk).update(lease_until=None, last_ok=moment, failures=0, fault={})


def _failed(edge: AppLcm, peer: Peer, reason: Reason) -> None:
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=reason)
    Peer.objects.filter(pk=peer.pk).update(
        lease_until=None, failures=peer.failures + 1, fault=reason.as_json()
    )
