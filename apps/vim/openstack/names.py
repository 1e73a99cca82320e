"""What things of ours are called in a cloud, and by what they are found again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

PREFIX: Final = "mecm-"
MANAGED: Final = "mecm"
_HOST: Final = "mecm-host-"
_INSTANCE: Final = "mecm-instance-"
_PACKAGE: Final = "mecm-package-"
_IMAGE: Final = "mecm-image-"


def stack_name(instance_id: UUID) -> str:
    """The stack of an instance.  No project has two of one name."""
    return f"{PREFIX}{instance_id}"


def host_tag(host_id: UUID) -> str:
    """What everything of a host of this site carries."""
    return f"{_HOST}{host_id}"


def tags(host_id: UUID, instance_id: UUID) -> tuple[str, ...]:
    """The tags of a stack: that it is ours, of which host and of which instance."""
    return MANAGED, host_tag(host_id), f"{_INSTANCE}{instance_id}"


def image_tag(key: UUID) -> str:
    """By what an image is found again that was made for ``key``."""
    return f"{_IMAGE}{key}"


def image_tags(
    host_id: UUID, key: UUID, package_id: UUID | None, instance_id: UUID | None
) -> list[str]:
    """The tags of an image: that it is ours, of which host, and of which package or instance."""
    owners = [f"{_PACKAGE}{package_id}"] if package_id else []
    owners += [f"{_INSTANCE}{instance_id}"] if instance_id else []
    return [MANAGED, host_tag(host_id), image_tag(key), *owners]


def instance_of(tags: list[str]) -> str:
    """The instance that the tags name; empty for none."""
    return _after(_INSTANCE, tags)


def image_of(tags: list[str]) -> str:
    """The key of the image that the tags name; empty for none."""
    return _after(_IMAGE, tags)


def _after(prefix: str, tags: list[str]) -> str:
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), "")
