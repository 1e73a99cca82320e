"""Load over time as it is told: between sites, by the API and to charts.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.words import NO_REASON, Reason, say
from apps.monitoring.rings import DAY, METERS, NEAR, Resolution, Sample
from apps.vim.contract import Meter

UNITS: Final = {"cpu": "vCPU", "memory": "MiB", "storage": "GiB"}


@dataclass(frozen=True, slots=True)
class Series:
    """The load of one subject, oldest first, and what the last look told.

    ``near`` and ``day`` are of the resolutions beside them.  ``as_of`` is None where nobody has
    looked yet; ``reason`` says why the last look measured nothing.
    """

    near_kind: Resolution = NEAR
    near: tuple[Sample, ...] = ()
    day: tuple[Sample, ...] = ()
    as_of: datetime | None = None
    source: str = ""
    reason: Reason = NO_REASON
    day_kind: Resolution = DAY

    def as_json(self) -> dict[str, Any]:
        """The series as the API tells it; ``reason`` in the reader's language, ``why`` as data."""
        parts = ((self.near_kind, self.near), (self.day_kind, self.day))
        return {
            "asOf": self.as_of.isoformat() if self.as_of else None,
            "source": self.source or None,
            "reason": say(self.reason) or None,
            "why": self.reason.as_json() if self.reason else None,
            "units": UNITS,
            "series": [
                {
                    "step": kind.step,
                    "seconds": kind.seconds,
                    "samples": [_told(sample) for sample in samples],
                }
                for kind, samples in parts
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The series that ``as_json`` wrote; nonsense is Invalid."""
        try:
            near, day = data["series"]
            as_of = data.get("asOf")
            return cls(
                near_kind=_kind(near),
                near=tuple(_heard(near["samples"])),
                day=tuple(_heard(day["samples"])),
                as_of=datetime.fromisoformat(as_of) if as_of else None,
                source=str(data.get("source") or ""),
                reason=Reason.from_json(data.get("why")),
                day_kind=_kind(day),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Invalid(N_("This is not a measurement of load.")) from error


def _told(sample: Sample) -> dict[str, Any]:
    meters = {name: getattr(sample, name) for name in METERS}
    return {
        "at": sample.at.isoformat(),
        **{name: {"used": one.used, "total": one.total} for name, one in meters.items()},
    }


def _heard(rows: Iterable[Mapping[str, Any]]) -> Iterable[Sample]:
    for row in rows:
        at = datetime.fromisoformat(row["at"])
        if at.tzinfo is None:
            raise ValueError
        yield Sample(at, *(Meter.from_json(row.get(name)) for name in METERS))


def _kind(part: Mapping[str, Any]) -> Resolution:
    step = int(part["step"])
    return Resolution(step, int(part["seconds"]) // step) if step > 0 else _never()


def _never() -> Resolution:
    raise ValueError
