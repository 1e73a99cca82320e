"""Jobs of synchronization."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from celery import shared_task

from apps.common import clock
from apps.journal.fanout import Event
from apps.mep import adoption as mep
from apps.sync import acks, invitations, link, reading, rotation, runs, turns, waiting
from apps.sync.models import Peer
from apps.tenants import keys

# About how many edges are read until ``follow_edges`` is done again.
MOST_AT_ONCE = 250
# Whether who was asked for an edge has begun is looked at after so long.
PATIENCE = timedelta(seconds=30)
# Whether the next page of a full copy is fetched while one is taken.
AHEAD = True

# Many at once fight for the interpreter: the site's process keeps those that stay on one core.
@shared_task(stays=True)  # type: ignore[call-overload, untyped-decorator]
def pull_edge(edge_id: str, newest: int = 0, asked: float = 0) -> dict[str, Any]:
    """Copy one edge's news, and once more when somebody asked for it or heard of more meanwhile.

    ``asked`` is when it was asked for, in seconds since the epoch.  Where another pull went well
    that began after that, and read as far as ``newest``, there is nothing left to do.
    """
    key = uuid.UUID(edge_id)
    if asked and turns.is_done_since(key, asked, newest):
        return {"came": "done since"}
    found = reading.pull(key, ahead=AHEAD, newest=newest)
    if found["came"] == "lost":
        # Whoever read it has ended before it had: as soon as its lease has passed it is due.
        Peer.objects.filter(edge_id=key).update(next_at=clock.now())
    if found.pop("first", False):
        invitations.note_of_edge(key, "synced", once=True)
    is_asked = found["came"] in ("ok", "failed") and runs.is_asked(key)
    if is_asked or (found["came"] == "ok" and turns.is_wanted_again(key)):
        pull_edge.delay(edge_id)
    return found


@shared_task
def follow_edges() -> dict[str, int]:
    """Look at edges whose time has come, also when their long polls said nothing.

    What has not begun within ``PATIENCE`` is asked for anew.
    """
    moment = clock.now()
    edges, seconds = turns.due(most=MOST_AT_ONCE), PATIENCE.total_seconds()
    known = set(Peer.objects.filter(edge_id__in=edges).values_list("edge_id", flat=True))
    new = [Peer(edge_id=edge_id) for edge_id in edges if edge_id not in known]
    Peer.objects.bulk_create(new, ignore_conflicts=True)
    Peer.objects.filter(edge_id__in=edges).update(next_at=moment + PATIENCE)
    for edge_id in edges:
        pull_edge.apply_async((str(edge_id), 0, moment.timestamp()), expires=seconds)
    return {"edges": len(edges)}


@shared_task
def judge_links() -> dict[str, int]:
    """Say of each edge whether it is alive, cut off or silent for too long."""
    return {"changed": link.judge_all()}


@shared_task
def look_for_center() -> dict[str, int]:
    """At an edge: note that its center went away, or came back."""
    return {"away": int(bool(waiting.look()))}


@shared_task
def purge() -> dict[str, int]:
    """Forget what every reader has, and old runs."""
    return acks.purge_tombstones() | {"runs": runs.purge()}


@shared_task
def tell_keys() -> dict[str, int]:
    """Tell our present key to every site that does not have it yet."""
    sites = list(keys.untold().values_list("pk", flat=True))
    for site_id in sites:
        tell_key.delay(str(site_id))
    return {"sites": len(sites)}


@shared_task
def tell_key(site_id: str) -> dict[str, bool]:
    """Tell it to one."""
    return {"told": rotation.tell_site(uuid.UUID(site_id))}


def on_key_rotated(event: Event) -> None:
    """We sign with a new key: tell those who believe the old one."""
    tell_keys.delay()


def on_edge_heard(event: Event) -> None:
    """An edge answered, for the first time or again."""
    invitations.note_of_edge(uuid.UUID(event.subject_id), "contact", once=True)


def on_edge_registered(event: Event) -> None:
    """A new edge: ask it at once."""
    pull_edge.delay(event.subject_id)


def on_edge_removed(event: Event) -> None:
    """An edge is no longer followed: what its MEC platform offered is not known any more."""
    mep.forget_site(site_id=uuid.UUID(event.subject_id))
