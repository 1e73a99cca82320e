"""What things of ours are called in a cloud, and by what they are found again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

PREFIX: Final = "mecm-"
MANAGED: Final = "mecm"
_HOST: Final = "mecm-host-"
_INSTANCE: Final = "mecm-instance-"


def stack_name(instance_id: UUID) -> str:
    """The stack of an instance.  No project has two of one name."""
    return f"{PREFIX}{instance_id}"


def host_tag(host_id: UUID) -> str:
    """What every stack of a host of this site carries."""
    return f"{_HOST}{host_id}"


def tags(host_id: UUID, instance_id: UUID) -> tuple[str, ...]:
    """The tags of a stack: that it is ours, of which host and of which instance."""
    return MANAGED, host_tag(host_id), f"{_INSTANCE}{instance_id}"


def instance_of(tags: list[str]) -> str:
    """The instance that the tags name; empty for none."""
    return next((tag.removeprefix(_INSTANCE) for tag in tags if tag.startswith(_INSTANCE)), "")
