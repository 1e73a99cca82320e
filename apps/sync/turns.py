"""When it is an edge's turn to be read: its time has come, or somebody heard of news there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from django.db.models import F, Q

from apps.common import clock
from apps.hosts.models import AppLcm
from apps.sync.models import Peer

# A pull that begins so soon after it was asked for is not the second one.
AT_ONCE = timedelta(seconds=1)


def is_wanted_again(edge_id: uuid.UUID) -> bool:
    """Whether there was news of an edge while it was read, and too late to be in what was read."""
    return Peer.objects.filter(edge_id=edge_id, wanted__gt=F("edge__cursor")).exists()


def is_done_since(edge_id: uuid.UUID, asked: float, newest: int) -> bool:
    """Whether a pull that began after another was ``asked`` for ended well, and read ``newest``.

    Of a thousand edges that come back at once, each is asked for by more than one, and waits long.
    """
    moment, now = datetime.fromtimestamp(asked, UTC), clock.now()
    if now - moment < AT_ONCE:
        return False
    # A clock that was set back says nothing of what came first.
    later = Peer.objects.filter(last_tried__gt=moment, last_tried__lte=now)
    ended_well = later.filter(last_ok__gte=F("last_tried"))
    return ended_well.filter(edge_id=edge_id, edge__cursor__gte=newest).exists()


def due(*, most: int | None = None) -> list[uuid.UUID]:
    """The edges that it is time to look at, whether or not they said that there is news.

    At ``most`` so many, those that have waited longest, and none that is read just now.
    """
    moment = clock.now()
    its_time = Q(peer__next_at__isnull=True) | Q(peer__next_at__lte=moment)
    free = Q(peer__lease_until__isnull=True) | Q(peer__lease_until__lte=moment)
    rows = AppLcm.objects.filter(its_time, free, revoked_at__isnull=True)
    first = rows.order_by(F("peer__next_at").asc(nulls_first=True), "pk")
    return list(first.values_list("pk", flat=True)[:most])
