"""One change of an instance at a time in this process; across processes a lease sees to it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final
from uuid import UUID

MOST: Final = 4096
_locks: OrderedDict[UUID, threading.Lock] = OrderedDict()
_guard = threading.Lock()


def turn_of(instance_id: UUID) -> threading.Lock:
    """What a driver holds while it changes an instance."""
    with _guard:
        found = _locks.pop(instance_id, None) or threading.Lock()
        _locks[instance_id] = found
        while len(_locks) > MOST:
            _locks.popitem(last=False)
        return found
