"""How long an application may be silent: the site's bounds and grace, all in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Policy:
    """The site's settings as people read them; ``grace`` is a share of the interval."""

    interval: int
    least_interval: int
    most_interval: int
    missed: int
    grace: float
    most_grace: float
    profile: str

    @property
    def grace_percent(self) -> int:
        """The grace as people write a share."""
        return round(100 * self.grace)

    @property
    def most_grace_text(self) -> str:
        """Seconds without needless digits."""
        return f"{self.most_grace:g}"


def current() -> Policy:
    """How heartbeats are configured at this site."""
    mep: dict[str, Any] = settings.MEP
    return Policy(**{name: mep[name] for name in Policy.__slots__})


def granted_interval(asked: int | None) -> int | None:
    """The interval that the platform wants for what was asked.

    None: the application does not support heartbeats; 0: the platform chooses; anything else is
    brought within the site's bounds (GS MEC 011 clause 8.1.2.2, livenessInterval).
    """
    mep: dict[str, Any] = settings.MEP
    if asked is None:
        return None
    if asked == 0:
        return int(mep["interval"])
    return int(min(max(asked, mep["least_interval"]), mep["most_interval"]))


def allowance(interval: int) -> float:
    """Seconds after a heartbeat until its service is suspended: intervals and grace."""
    mep: dict[str, Any] = settings.MEP
    grace = min(math.ceil(mep["grace"] * interval), mep["most_grace"])
    return float(interval * mep["missed"] + grace)
