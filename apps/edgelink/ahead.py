"""How far the clock of an edge is ahead of ours.  Clocks are shown and decide nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from apps.common import clock
from apps.common.errors import DomainError, cause_in
from apps.tenants.tokens import NOTHING

# A token made for a clock that is further off than this would outlive a mistake for too long.
MOST = timedelta(days=1)


def told_by(error: DomainError) -> timedelta:
    """By how much, where that is why an edge took our token for an old one; else ``NOTHING``."""
    if cause_in(error.answer) != "token_expired":
        return NOTHING
    try:
        ahead = datetime.fromisoformat(str(error.answer.get("as_of"))) - clock.now()
    except (TypeError, ValueError):
        return NOTHING
    return ahead if NOTHING < ahead <= MOST else NOTHING
