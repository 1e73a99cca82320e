"""Whether an edge is alive, cut off or silent for too long, and how its clock differs from ours.

An edge that does not answer is cut off and taken to work on by itself; only after its autonomy
time is it called dead.  Short silences are damped.  Clocks are shown and decide nothing.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.common import clock
from apps.hosts.models import AppLcm
from apps.journal import services as journal
from apps.sync.models import Peer, Verdict
from apps.tenants.actors import SYSTEM

# Silence that is not news yet, and how long an edge has to answer steadily to count as back.
DAMPING = timedelta(seconds=10)
_JUDGED = ("verdict", "heard_at", "failures", "autonomy", "edge__revoked_at")


def verdict_of(peer: Peer, now: datetime) -> Verdict:
    """What can be said at ``now`` from when the edge was heard last; silence alone decides."""
    if peer.edge.revoked_at is not None:
        return Verdict.REVOKED
    if peer.heard_at is None:
        return Verdict.UNKNOWN
    silence = now - peer.heard_at
    if silence > max(peer.autonomy, DAMPING):
        return Verdict.DEAD
    if peer.failures and silence > DAMPING:
        return Verdict.CUT_OFF
    # A first failure within the damping leaves the verdict as it was.
    return Verdict.ALIVE if not peer.failures else Verdict(peer.verdict)


@transaction.atomic
def judge(edge_id: uuid.UUID) -> Verdict:
    """Write the verdict on one edge; a change is told."""
    moment = clock.now()
    peer = Peer.objects.select_for_update(of=("self",)).select_related("edge").get(edge_id=edge_id)
    verdict = verdict_of(peer, moment)
    if verdict != peer.verdict:
        Peer.objects.filter(pk=peer.pk).update(verdict=verdict, verdict_since=moment)
        _tell(peer.edge, verdict)
    return verdict


def _tell(edge: AppLcm, verdict: Verdict) -> None:
    journal.record(f"sync.edge.{verdict}", edge, actor=SYSTEM, data={"name": edge.name})


@transaction.atomic
def note_alive(edge: AppLcm, *, at: datetime) -> None:
    """An edge that answers is alive; where that is a change, it is told."""
    other = Peer.objects.filter(edge=edge, edge__revoked_at=None).exclude(verdict=Verdict.ALIVE)
    if other.update(verdict=Verdict.ALIVE, verdict_since=at):
        _tell(edge, Verdict.ALIVE)


def judge_all() -> int:
    """Judge every edge that may have changed; returns how many verdicts are other than before."""
    moment, changed = clock.now(), 0
    # One that is well and was heard lately needs no look.
    well = {"verdict": Verdict.ALIVE, "failures": 0, "edge__revoked_at": None}
    peers = Peer.objects.exclude(heard_at__gte=moment - F("autonomy"), **well)
    for peer in peers.select_related("edge").only(*_JUDGED):
        if verdict_of(peer, moment) != peer.verdict:
            judge(peer.edge_id)
            changed += 1
    return changed


def measured(page: dict[str, Any], sent: datetime, received: datetime) -> dict[str, Any]:
    """The difference of the edge's clock to ours and within how much it is known, in seconds.

    The edge looked at its clock between ``sent`` and ``received``.
    """
    try:
        theirs = datetime.fromisoformat(page["as_of"])
    except (KeyError, TypeError, ValueError):
        return {}
    middle, trip = sent + (received - sent) / 2, (received - sent).total_seconds()
    if theirs.tzinfo is None:
        return {}
    return {"skew_seconds": (theirs - middle).total_seconds(), "skew_within": trip / 2}
