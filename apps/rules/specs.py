"""What the services of this floor take: a checked configuration, in the words of EdgeGallery."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AppdSpec:
    """A configuration: rules by their id, in the order in which they were given."""

    app_name: str
    supports_mp1: bool | None = None
    dns: dict[str, Body] = field(default_factory=dict)
    traffic: dict[str, Body] = field(default_factory=dict)

    def flat(self) -> Body:
        """All of it under one name each: a rule as ``dns/ID`` or ``traffic/ID``."""
        return {
            "app_name": self.app_name,
            "supports_mp1": self.supports_mp1,
            **{f"dns/{key}": body for key, body in self.dns.items()},
            **{f"traffic/{key}": body for key, body in self.traffic.items()},
        }
