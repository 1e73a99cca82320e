"""How far the clock of an edge is ahead of ours.  Clocks are shown and decide nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from apps.common import clock
from apps.common.errors import DomainError

# A token made for a clock that is further off than this would outlive a mistake for too long.
MOST = timedelta(days=1)
NOT = timedelta(0)


def told_by(error: DomainError) -> timedelta:
    """By how much, where that is why an edge took our token for an old one; else ``NOT``."""
    if str(error.answer.get("type", "")).rpartition(":")[2] != "token_expired":
        return NOT
    try:
        ahead = datetime.fromisoformat(str(error.answer.get("as_of"))) - clock.now()
    except (TypeError, ValueError):
        return NOT
    return ahead if NOT < ahead <= MOST else NOT
