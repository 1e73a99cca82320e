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
