"""The lane of heartbeats: the plain case, answered before anything else is asked.

``beat`` takes a request apart and says 204 exactly where the whole view would, or declines so that
the view answers: for everything it has not seen before, for every error, and whenever there is
something to tell.  It never touches the database.
"""

from __future__ import annotations

import msgspec

from apps.common import clock
from apps.mep import grants
from apps.mep.addresses import LIVENESS_PREFIXES
from apps.mep.liveness.book import ACTIVE, book
from apps.mep.types import ServiceLivenessUpdate

DECLINED, BEATEN, FLOODED = 0, 1, 2
MOST_BODY = 512
METHODS = frozenset({b"PATCH", b"PUT"})
ENDING = b"/liveness"

# What clients send in practice; anything else is decoded.
_USUAL = frozenset(
    {
        b'{"state":"ACTIVE"}',
        b'{"state": "ACTIVE"}',
        b'{"ServiceLivenessUpdate":{"state":"ACTIVE"}}',
        b'{"ServiceLivenessUpdate": {"state": "ACTIVE"}}',
    }
)
_decode = msgspec.json.Decoder(ServiceLivenessUpdate).decode


def beat(path: bytes, authorization: bytes, body: bytes, now: float) -> int:
    """Take a heartbeat: BEATEN, FLOODED when its application sends far too many, or DECLINED.

    ``path`` is the raw path without a query, ``now`` monotonic seconds.
    """
    wall = clock.wall()
    grant = grants.find(authorization, wall)
    if grant is None:
        return DECLINED
    parts = path.rsplit(b"/", 5)
    if len(parts) != 6 or parts[5] != b"liveness" or parts[1] != b"applications":
        return DECLINED
    entry = book.entries.get(parts[4])
    if entry is None or entry.producer is not grant.producer or entry.producer.key != parts[2]:
        return DECLINED
    if parts[3] not in (b"services", b"service") or parts[0] not in LIVENESS_PREFIXES:
        return DECLINED
    if entry.state != ACTIVE or entry.busy or not entry.told:
        return DECLINED
    if body not in _USUAL and (len(body) > MOST_BODY or not _is_heartbeat(body)):
        return DECLINED
    if entry.producer.floods(now):
        return FLOODED
    book.note(entry, now, wall)
    return BEATEN


def _is_heartbeat(body: bytes) -> bool:
    try:
        _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
