"""Which hosts this process listens to just now.  Knows nothing of how."""

from __future__ import annotations

import uuid

_alive: set[uuid.UUID] = set()


def followed_hosts() -> frozenset[uuid.UUID]:
    """The hosts whose VIM tells this process of changes by itself."""
    return frozenset(_alive)


def note_followed(host_id: uuid.UUID, alive: bool) -> None:
    """Listening to a host has begun or ended."""
    if alive:
        _alive.add(host_id)
    else:
        _alive.discard(host_id)
