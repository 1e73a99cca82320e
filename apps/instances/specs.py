"""What the services of instances take."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CreateSpec:
    """A new instance of a package on a host."""

    package_id: uuid.UUID
    host_id: uuid.UUID
    app_name: str
    description: str = ""
    capabilities: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    allow_missing: bool = False


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """Instances that shall run another version, ``wave_size`` at a time."""

    package_id: uuid.UUID
    instance_ids: tuple[uuid.UUID, ...]
    wave_size: int = 1
    stop_after: int = 1
    parameters: dict[str, str] | None = None
    allow_missing: bool = False
