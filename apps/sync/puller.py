"""Copies one edge's news to this center.  Two pulls of one edge never run at once.

Page by page: take the rows, keep the cursor, acknowledge.  A death between any two of them is
followed by the same page again, which brings nothing new the second time.
"""

from __future__ import annotations

import logging
import random
import secrets
import uuid
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import DomainError, Upstream, cause_in
from apps.common.words import Reason
from apps.edgelink.client import EdgeClient
from apps.hosts import adoption as hosts
from apps.hosts import managers
from apps.hosts.models import AppLcm
from apps.sync import copying, expecting, invitations, link, mending, runs, working
from apps.sync.feed import COPIED
from apps.sync.files import FileFeed
from apps.sync.kinds import Source
from apps.sync.models import HeldRow, Peer
from apps.sync.pages import Pages
from apps.sync.taking import Taken, take, take_held

PAGE = 200
LEASE = timedelta(seconds=60)
# When to look again: without news, while something waits here, and after a failure at most.
QUIET, WAITING, LONGEST = 60.0, 10.0, 300.0
MOST_REFUSED = 100
MOST_BEGUN = 10
# As what an edge refuses to be read on, or to be told a place that it has not reached.
ANOTHER_HISTORY = ("forked", "start_over", "not_reached")


_log = logging.getLogger("mecm.sync")
Feed = EdgeClient | FileFeed


class SetBack(Exception):
    """The edge has not got what it had taken from here: it was restored from a backup since.

    ``told`` is that, where orders told of it.
    """

    def __init__(self, told: expecting.Told = frozenset()) -> None:
        super().__init__()
        self.told = told


class Overtaken(Exception):
    """Ours took longer than its lease, and another pull of this edge runs now."""


class _Claimed(NamedTuple):
    """A peer as a pull begins with it.

    Whether somebody asked for the pull, rows of the edge wait here, and it would be the first that
    goes well since the edge joined.
    """

    peer: Peer
    is_asked: bool
    holds: bool
    is_first: bool


def pull(
    edge_id: uuid.UUID, *, file: FileFeed | None = None, ahead: bool = False, newest: int = 0
) -> dict[str, Any]:
    """Read an edge's feed to its end; returns how many rows came and how many were held back.

    The feed comes over the link, or out of a ``file`` that somebody carried here.  ``ahead`` reads
    the next page of a full copy in a thread of its own.  ``newest`` is why: a version that was
    heard of; where a pull is going on already it is kept, see ``is_wanted_again``.  ``first`` is in
    the answer where it is the first that went well since the edge joined.
    """
    with working.turn():
        return _pull(edge_id, file, ahead, newest)


def _pull(
    edge_id: uuid.UUID, file: FileFeed | None, ahead: bool, newest: int
) -> dict[str, Any]:
    claimed = _claim(edge_id, newest)
    if claimed is None:
        is_known = AppLcm.objects.filter(pk=edge_id).exists()
        return {"came": "already running" if is_known else "no such edge"}
    peer, edge = claimed.peer, claimed.peer.edge
    if claimed.is_asked:
        runs.begin(edge)
    if edge.revoked_at is not None:
        _mine(peer).update(lease_until=None, lease="")
        runs.failed(edge, Taken(), runs.shut_out(edge))
        return {"came": "revoked"}
    taken = Taken(holds=claimed.holds)
    try:
        if file is not None and file.is_older_than(copying.upto(edge, peer), list(peer.marks)):
            _mine(peer).update(lease_until=None, lease="")
            return {"came": "old", "rows": 0, "held": HeldRow.objects.filter(edge=edge).count()}
        with file or EdgeClient(edge, waiting=working.waiting) as client:
            rows = _drain(edge, peer, client, taken, ahead)
            taken.holds |= mending.find_removed_here(edge)
            held = HeldRow.objects.filter(edge=edge).count() if taken.holds else 0
            if held and isinstance(client, EdgeClient):
                held = mending.mend(edge, client)
    except Overtaken:
        return {"came": "overtaken"}
    except DomainError as error:
        _failed(edge, peer, error, taken)
        return {"came": "failed", "why": error.code}
    except BaseException:
        _mine(peer).update(lease_until=None, lease="")
        raise
    if file is None:
        _succeeded(edge, peer, taken, waiting=bool(held))
    else:
        _mine(peer).update(lease_until=None, lease="")
        runs.done(edge, taken)
    came = {"came": "ok", "rows": rows, "held": held}
    return came | {"first": True} if claimed.is_first else came


def drop_leases() -> int:
    """At the start of a site whose workers live inside it: no pull is running."""
    held = Peer.objects.filter(lease_until__isnull=False)
    return held.update(lease_until=None, lease="")


def _claim(edge_id: uuid.UUID, newest: int) -> _Claimed | None:
    """Take the edge for a ``LEASE``, and see it and its peer as the last pull left them.

    Whoever has it is told of the ``newest`` version that was heard of.
    """
    moment = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=moment)
    mine = Peer.objects.filter(free, edge_id=edge_id)
    fields = {
        "lease": secrets.token_hex(16), "lease_until": moment + LEASE, "last_tried": moment,
        "wanted": 0,
    }
    if not mine.update(**fields):
        if not AppLcm.objects.filter(pk=edge_id).exists():
            return None
        _, is_new = Peer.objects.get_or_create(edge_id=edge_id)
        if not is_new:
            # Said before we look once more: whoever has it either sees this, or is done by now.
            Peer.objects.filter(edge_id=edge_id, wanted__lt=newest).update(wanted=newest)
        if not mine.update(**fields):
            return None
    # What is looked for in every pull is asked at once: to make a statement takes longer than to
    # answer it.
    peer = (
        Peer.objects.select_related("edge")
        .annotate(
            is_asked=Exists(runs.asked(OuterRef("edge_id"))),
            holds=Exists(HeldRow.objects.filter(edge_id=OuterRef("edge_id"))),
            is_first=Exists(invitations.without(OuterRef("edge_id"), "synced")),
        )
        .get(edge_id=edge_id)
    )
    return _Claimed(peer, peer.is_asked, peer.holds, peer.is_first)


def _mine(peer: Peer) -> QuerySet[Peer]:
    """The row as long as it is ours."""
    return Peer.objects.filter(pk=peer.pk, lease=peer.lease)


def hold(peer: Peer, **fields: Any) -> None:
    """Write ``fields`` and lengthen our lease; raises Overtaken when it is not ours any more."""
    if not _mine(peer).update(lease_until=clock.now() + LEASE, **fields):
        raise Overtaken
    for name, value in fields.items():
        setattr(peer, name, value)


def _drain(edge: AppLcm, peer: Peer, client: Feed, taken: Taken, ahead: bool) -> int:
    """A full copy where that is due, then page after page of the feed."""
    count = begun = 0
    # By mark: what was missed there before a copy was read because of it.
    missed: dict[str, expecting.Told] = {}
    if peer.mark is None and not peer.copying:
        copying.begin(peer, hold)
    while True:
        try:
            if peer.copying:
                count += _copy(edge, peer, client, taken, ahead)
            count += _read(edge, peer, client, taken)
            count += _verify(edge, peer, client, taken, missed)
        except DomainError as error:
            said = cause_in(error.answer)
            if said not in ANOTHER_HISTORY:
                raise
            taken.note(N_("The edge has another history than the one that was read here."))
            begun = _begin_again(edge, peer, client, begun, is_forked=said != "start_over")
            continue
        except SetBack as back:
            missed[str(peer.mark)] = back.told
            taken.note(N_("The edge does not have what it had taken from here."))
            begun = _begin_again(edge, peer, client, begun, is_forked=True)
            continue
        if not peer.copying:
            return count
        # What orders were told meanwhile is looked for in one more round.
        copying.is_whole(edge, peer, client, hold)


def _copy(edge: AppLcm, peer: Peer, client: Feed, taken: Taken, ahead: bool) -> int:
    """Read the copy to its end; whoever had been away for too long is back with it."""
    taken.full = taken.holds = True
    taken.note(N_("A full copy is read, kind by kind."))
    with Pages(client, limit=copying.COPY_PAGE, ahead=ahead) as pages:
        count = copying.copy(edge, peer, pages, taken, hold)
    taken.note(N_("The copy is read; rows: %(rows)s."), rows=count)
    client.acknowledge(upto=edge.cursor, refused=_refused(edge))
    return count


def _begin_again(
    edge: AppLcm, peer: Peer, client: Feed, begun: int, *, is_forked: bool
) -> int:
    """Read a copy, of another history where it ``is_forked``; Upstream when each answer is of
    another one."""
    if begun == MOST_BEGUN:
        raise Upstream(
            N_("%(where)s is of another history each time it is asked."), where=edge.name
        )
    if is_forked:
        head = client.copy(kind=COPIED[0], after="", limit=1)
        copying.begin(peer, hold, told=head["marks"], newest=int(head["newest"]))
    else:
        copying.begin(peer, hold)
    return begun + 1


def _verify(
    edge: AppLcm, peer: Peer, client: Feed, taken: Taken, missed: dict[str, expecting.Told]
) -> int:
    """Once after each start of the edge: what orders had told is there; raises SetBack.

    What is ``missed`` also after a copy is logged and left: news still comes.
    """
    # A mark that came just now is text still.
    if isinstance(client, FileFeed) or peer.copying or str(peer.verified) == str(peer.mark):
        return 0
    count, told = 0, expecting.told_by_orders(edge)
    if told:
        # All that was told until now has come when the feed is read once more.
        count = _read(edge, peer, client, taken)
        left = told & expecting.told_by_orders(edge)
        if left - missed.get(str(peer.mark), frozenset()):
            raise SetBack(left)
        if left:
            _log.error("%s never had what orders told of: %s", edge.name, sorted(map(str, left)))
    hold(peer, verified=peer.mark)
    return count


def _read(edge: AppLcm, peer: Peer, client: Feed, taken: Taken) -> int:
    """The feed from the cursor to its end; rows that wait get their turn again at the end."""
    count, cursor = 0, edge.cursor
    source = Source(edge, peer.forked_at)
    while True:
        sent = clock.now()
        page = client.changes(after=cursor, limit=PAGE, mark=peer.mark)
        seen = link.measured(page, sent, clock.now())
        count += len(page["rows"])
        if _tells_of_loss(edge, peer, client, page):
            raise SetBack
        if page["rows"]:
            hold(peer)
            take(source, page["rows"], taken, copying=peer.copying)
        asked, cursor = cursor, int(page["upto"])
        with transaction.atomic():
            hold(
                peer,
                mark=page.get("mark") or peer.mark,
                marks=_with(peer, page, cursor),
                pending=page.get("left"),
                **seen,
            )
            AppLcm.objects.filter(pk=edge.pk).update(cursor=cursor)
            hosts.note_looks(edge=edge, looks=page.get("looks", {}))
        edge.cursor = cursor
        taken.note(
            N_("Changes came up to version %(upto)s: %(rows)s."),
            rows=len(page["rows"]),
            upto=cursor,
        )
        more = page["more"] and cursor > asked
        if not more:
            take_held(source, taken)
        if cursor > asked or taken.changed:
            client.acknowledge(upto=cursor, refused=_refused(edge) if taken.holds else [])
            taken.note(N_("The edge was told that everything up to there is here."))
        # A feed that promises more and does not go on would never end.
        if not more:
            return count


def _tells_of_loss(edge: AppLcm, peer: Peer, client: Feed, page: dict[str, Any]) -> bool:
    """Whether the edge started since, and what was heard of it until now is not its history."""
    told = page.get("marks", [])
    if peer.copying or not told:
        return False
    if expecting.is_lost(edge, peer.marks, told):
        return True
    most = expecting.highest(edge)
    if isinstance(client, FileFeed) or most <= int(page["newest"]):
        return False
    # Orders may have been taken after the page was read.
    return most > int(client.changes(after=edge.cursor, limit=0)["newest"])


def _with(peer: Peer, page: dict[str, Any], upto: int) -> list[str]:
    """The marks that were passed by now, each of which a later history may still have."""
    passed = [str(mark) for _, mark, version in page.get("marks", []) if int(version) <= upto]
    known = [*peer.marks, *passed, *([page["mark"]] if page.get("mark") else [])]
    return list(dict.fromkeys(known))[-100:]


def _refused(edge: AppLcm) -> list[dict[str, Any]]:
    rows = HeldRow.objects.filter(edge=edge).order_by("id")[:MOST_REFUSED]
    return [
        {
            "kind": row.kind,
            "id": str(row.subject_id),
            "version": row.version,
            "reason": row.reason,
        }
        for row in rows
    ]


@transaction.atomic
def _succeeded(edge: AppLcm, peer: Peer, taken: Taken, *, waiting: bool) -> None:
    moment = clock.now()
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=None, at=moment)
    is_asked = runs.done(edge, taken)
    soon = timedelta() if is_asked else _soon(WAITING if waiting else QUIET)
    was_ours = _mine(peer).update(
        lease_until=None,
        lease="",
        last_ok=moment,
        heard_at=moment,
        failures=0,
        fault={},
        next_at=moment + soon,
    )
    if was_ours:
        link.note_alive(edge, at=moment)


@transaction.atomic
def _failed(edge: AppLcm, peer: Peer, error: DomainError, taken: Taken) -> None:
    reason: Reason = error.reason
    managers.note_contact(AppLcm, manager_id=edge.pk, fault=reason)
    wait = min(LONGEST, 2.0 ** min(peer.failures + 1, 10))
    _mine(peer).update(
        lease_until=None,
        lease="",
        failures=peer.failures + 1,
        fault=reason.as_json(),
        # How much waits at an edge that does not answer is not known.
        pending=None,
        next_at=clock.now() + _soon(wait),
    )
    runs.failed(edge, taken, reason)


def _soon(seconds: float) -> timedelta:
    """About so long: many edges that went away together do not come back together."""
    return timedelta(seconds=seconds * random.uniform(0.6, 1.0))  # noqa: S311 - jitter
