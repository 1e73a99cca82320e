"""A full copy of an edge's rows: for a center that has read nothing of it yet, or another history.

Kind by kind in the order of ids, resumed where it stopped; then the feed is read on from the
version at which the copy began, and in the end both sides count what they have.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q

from apps.common.models import LOST_HISTORY
from apps.edgelink.client import EdgeClient
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.packages.adoption import brought_by_orders
from apps.rules.models import AppdConfiguration
from apps.sync import expecting, mending, timeline
from apps.sync.feed import COPIED, DEAD, digest_of
from apps.sync.files import FileFeed
from apps.sync.kinds import NAMES, Source
from apps.sync.models import Copy, HeldRow, Peer
from apps.sync.pages import Pages
from apps.sync.taking import BROKEN, ENDED_BEFORE, LOST, WAITS, Taken, take

COPY_PAGE = 200
MOST_COPIES = 3  # in a row, before the difference is told instead of tried away
_log = logging.getLogger("mecm.sync")
Hold = Callable[..., None]


@transaction.atomic
def begin(
    peer: Peer, hold: Hold, *, told: timeline.Told | None = None, newest: int = 0
) -> None:
    """Start over.  ``told`` are the marks of an edge whose history is another one now, and
    ``newest`` is its greatest version.

    A copy that is read once more because it differed goes on mending what it mended.
    """
    forked_at = peer.forked_at
    if told is not None:
        forked_at = timeline.forked_at(_verified(peer), told)
        Copy.objects.filter(edge_id=peer.edge_id, former=0).update(former=F("version"))
        Copy.objects.filter(edge_id=peer.edge_id).update(version=0)
        # Numbers of a lost history do not compare with those of the new one.
        hosts = MecHost.objects.filter(applcm_id=peer.edge_id)
        hosts.update(observed_version=0)
        gaps = timeline.gaps(_verified(peer), told)
        lost = expecting.within("edge_version", gaps) | Q(edge_version__gt=newest)
        hosts.filter(lost).update(edge_version=LOST_HISTORY)
        instances = AppInstance.objects.filter(host__applcm_id=peer.edge_id)
        instances.update(observed_version=0)
        rules = AppdConfiguration.objects.filter(instance__in=instances)
        rules.filter(lost).update(edge_version=LOST_HISTORY)
    hold(
        peer,
        copying=uuid.uuid4(),
        copy_kind=COPIED[0],
        copy_after="",
        copy_from=0,
        mark=None,
        forked_at=forked_at,
        copies=peer.copies + 1,
    )
    AppLcm.objects.filter(pk=peer.edge_id).update(cursor=0)
    peer.edge.cursor = 0
    # What waits, or is to be ended, comes again with the copy, unless the edge has it no more.
    again = (WAITS, BROKEN) if told is None else (WAITS, BROKEN, ENDED_BEFORE)
    HeldRow.objects.filter(edge_id=peer.edge_id, code__in=again).delete()


def _verified(peer: Peer) -> list[str]:
    """The marks of a history that was found to be the same as ours."""
    marks, last = list(peer.marks), str(peer.verified)
    return marks[: marks.index(last) + 1] if last in marks else marks


def upto(edge: AppLcm, peer: Peer) -> int:
    """The greatest version that was read, also in a copy that is not read to its end."""
    met = Copy.objects.filter(edge=edge, seen=peer.copying) if peer.copying else Copy.objects.none()
    return max(edge.cursor, met.aggregate(most=Max("version"))["most"] or 0)


def copy(edge: AppLcm, peer: Peer, pages: Pages, taken: Taken, hold: Hold) -> int:
    """Read what is left of the copy, and set the cursor to where it began; returns the rows."""
    count, source = 0, Source(edge, peer.forked_at, is_copy=True)
    while peer.copy_kind:
        page = pages.read(peer.copy_kind, peer.copy_after)
        hold(peer)
        first = (peer.copy_kind, peer.copy_after) == (COPIED[0], "")
        if first and _went_further_back(peer, page.get("marks", ())):
            begin(peer, hold, told=page["marks"], newest=int(page["newest"]))
            source = Source(edge, peer.forked_at, is_copy=True)
        start = int(page["newest"]) if first else peer.copy_from
        rows = page["rows"]
        if peer.copy_kind == DEAD:
            rows = _dead(edge, rows, peer.forked_at)
        count += len(rows)
        take(source, rows, taken, copying=peer.copying)
        kind, after = page["next"] or ("", "")
        marks = [str(mark) for _, mark, _ in page.get("marks", ())]
        fields = {"copy_kind": kind, "copy_after": after, "copy_from": start}
        if first:
            # The rows are of this history or of a later moment of it; so is the mark.
            fields |= {"mark": page.get("mark"), "marks": marks}
        with transaction.atomic():
            hold(peer, **fields)
            if not kind:
                AppLcm.objects.filter(pk=edge.pk).update(cursor=start)
                edge.cursor = start
                mending.find_lost(edge, peer)
    return count


def _went_further_back(peer: Peer, told: timeline.Told) -> bool:
    """Whether the edge was set back once more, further than before, since the copy was begun."""
    if peer.forked_at is None or not told:
        return False
    return timeline.forked_at(_verified(peer), told) < peer.forked_at


def _dead(
    edge: AppLcm, rows: list[dict[str, Any]], forked_at: int | None
) -> list[dict[str, Any]]:
    """Of the dead, those that are alive here: of the others there is nothing to end.

    Nor of what lived again, under the same id or as the same pair, in the history that the edge
    has lost since.
    """
    if not rows:
        return []
    ids = {row["id"] for row in rows}
    here = Copy.objects.filter(edge=edge, gone=False, subject_id__in=ids)
    known = here.values_list("kind", "subject_id", "former")
    # What only orders told of has no copy yet, or that of an earlier life.
    ordered = AppInstance.objects.filter(host__applcm=edge, pk__in=ids)
    begun = [("appinstance", key, 0) for key in ordered.values_list("pk", flat=True)]
    # Rules that were sent may have been there although nobody answered.
    sent = AppdConfiguration.objects.filter(instance__host__applcm=edge, pk__in=ids)
    begun += [
        ("appdconfiguration", key, 0)
        for key in sent.exclude(sent=[]).values_list("pk", flat=True)
    ]
    every = (*begun, *expecting.told_by_orders(edge), *known)
    alive = {(kind, str(key)): former for kind, key, former in every}
    ending = HeldRow.objects.filter(edge=edge, code=ENDED_BEFORE, subject_id__in=ids)
    waits = {(one.kind, str(one.subject_id)): one.version for one in ending}
    pairs = set(brought_by_orders(edge).values_list("package_id", "host_id"))
    brought = [{"package_id": str(one), "host_id": str(other)} for one, other in pairs]

    def ends(row: dict[str, Any]) -> bool:
        key, version = (row["kind"], row["id"]), int(row["version"])
        if key not in alive:
            is_old = forked_at is not None and version < forked_at
            is_one = row.get("of") in brought and not is_old
            return (key in waits and version > waits[key]) or is_one
        return not (forked_at and version < forked_at <= alive[key])

    return [row for row in rows if ends(row)]


def is_whole(edge: AppLcm, peer: Peer, client: EdgeClient | FileFeed, hold: Hold) -> bool:
    """Whether both sides have the same rows now; if not, another copy begins, or the feed goes on.

    A difference that stays after ``MOST_COPIES`` is logged and left: news still comes.
    """
    said = client.digest()
    if int(said["newest"]) != edge.cursor:
        return False
    ours = _digest_here(edge)
    differs = [kind for kind in NAMES if said["kinds"].get(kind) != ours[kind]]
    if differs and peer.copies < MOST_COPIES:
        begin(peer, hold)
        return False
    if differs:
        _log.error("the copy of %s differs in %s", edge.name, ", ".join(differs))
    Copy.objects.filter(edge=edge).exclude(former=0).update(former=0)
    hold(peer, copying=None, forked_at=None, copies=0)
    return True


def _digest_here(edge: AppLcm) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[uuid.UUID, int]] = {kind: {} for kind in NAMES}
    copies = Copy.objects.filter(edge=edge, gone=False)
    held = HeldRow.objects.filter(edge=edge).exclude(code=LOST)
    for kind, key, version in copies.values_list("kind", "subject_id", "version"):
        rows[kind][key] = version
    for kind, key, version, gone in held.values_list("kind", "subject_id", "version", "gone"):
        if gone:
            rows[kind].pop(key, None)
        else:
            rows[kind][key] = version
    return {
        kind: digest_of((kind, key, version) for key, version in found.items())
        for kind, found in rows.items()
    }
