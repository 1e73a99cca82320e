"""What drivers answer about load: frozen values that survive JSON.  See results for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.words import Reason
from apps.vim.results import items_of, number_of, plain, reason_of


@dataclass(frozen=True, slots=True)
class Meter:
    """Used out of total; None is "not known", never zero."""

    used: float | None = None
    total: float | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self:
        """The meter that ``plain`` wrote."""
        data = data or {}
        return cls(number_of(data.get("used")), number_of(data.get("total")))

    @property
    def ratio(self) -> float | None:
        """The part of the total that is used; None where either is not known or there is none."""
        return self.used / self.total if self.used is not None and self.total else None


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """What one container or server consumes; total is its limit, or its node's without one.

    ``instance`` is whose it is: names of pods are only unique within one instance.
    """

    pod: str
    container: str
    cpu: Meter
    memory: Meter
    storage: Meter
    instance: str = ""


@dataclass(frozen=True, slots=True)
class InstanceUsage:
    """What one instance consumes; total is the most that it may, as far as that is known."""

    instance: str
    cpu: Meter
    memory: Meter
    storage: Meter


@dataclass(frozen=True, slots=True)
class Usage:
    """Measured load: cpu in vCPU, memory in MiB, storage in GiB.

    ``source`` names who measured; it is empty, with a ``reason``, where nobody does.  ``instances``
    are told where the whole site was asked for.
    """

    as_of: datetime
    cpu: Meter = Meter()
    memory: Meter = Meter()
    storage: Meter = Meter()
    source: str = ""
    reason: Reason | None = None
    containers: tuple[ContainerUsage, ...] = ()
    instances: tuple[InstanceUsage, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The load as plain data for a column or a message between sites."""
        data: dict[str, Any] = plain(self)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The load that ``as_json`` wrote; unknown keys are ignored, nonsense is Invalid."""
        try:
            return cls(
                as_of=datetime.fromisoformat(data["as_of"]),
                **_meters(data),
                source=str(data.get("source") or ""),
                reason=reason_of(data.get("reason")),
                containers=tuple(
                    ContainerUsage(
                        str(c["pod"]), str(c["container"]), **_meters(c),
                        instance=str(c.get("instance") or ""),
                    )
                    for c in items_of(data, "containers")
                ),
                instances=tuple(
                    InstanceUsage(str(i["instance"]), **_meters(i))
                    for i in items_of(data, "instances")
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid(N_("This is not a measurement of load.")) from error


def _meters(data: Mapping[str, Any]) -> dict[str, Meter]:
    return {name: Meter.from_json(data.get(name)) for name in ("cpu", "memory", "storage")}
