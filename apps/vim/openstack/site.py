"""What a translation to Heat may use of a site, as the driver read it.  Calls nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

# A machine that boots from an ISO image is installed onto this one, which the site has to have.
EMPTY_DISK: Final = "empty-disk"
# How the names of flavors begin that a stack of ours made and takes away with itself.
MADE: Final = "mecm-"


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor of Nova; ``extra_specs`` says whether it asks for more than its sizes.

    ``memory_mb`` in MiB, ``disk_gb`` in GiB, as Nova counts.
    """

    name: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    extra_specs: bool = False


@dataclass(frozen=True, slots=True)
class SiteImage:
    """An image in Glance; ``size`` in bytes, ``min_disk_gb`` in GiB, zero where it is not said."""

    id: str
    disk_format: str = ""
    size: int = 0
    min_disk_gb: int = 0

    @property
    def volume_gb(self) -> int:
        """The smallest volume that holds the image, in GiB; a volume has at least one."""
        return max(1, self.min_disk_gb, -(-self.size // 1024**3))


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """A site as one project of it sees it.

    ``images`` are by name, those that the package brings among them.  ``networks`` are the names
    of those that belong to the site: what a stack made is for its own application.
    """

    flavors: tuple[Flavor, ...] = ()
    images: Mapping[str, SiteImage] | None = None
    networks: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    has_volumes: bool = False
    may_create_flavors: bool = False
    may_create_provider_networks: bool = False

    def image(self, name: str) -> SiteImage | None:
        """The image of that name, or None."""
        return (self.images or {}).get(name)

    def flavor(self, vcpus: int, memory_mb: int, disk_gb: int) -> str:
        """The name of the flavor of exactly these sizes and nothing else, or nothing.

        One that a stack made is no answer: it goes away with that stack.
        """
        usual = usual_name(vcpus, memory_mb, disk_gb)
        fitting = sorted(
            one.name
            for one in self.flavors
            if (one.vcpus, one.memory_mb, one.disk_gb) == (vcpus, memory_mb, disk_gb)
            and not one.extra_specs
            and not one.name.startswith(MADE)
        )
        return usual if usual in fitting else next(iter(fitting), "")


def usual_name(vcpus: int, memory_mb: int, disk_gb: int) -> str:
    """What EdgeGallery calls a flavor of these sizes."""
    return f"{vcpus}c-{memory_mb}m-{disk_gb}g"


def own_name(name: str, instance_id: UUID) -> str:
    """``name`` for one instance alone: two of one package may run in one project."""
    return f"{name}-{instance_id.hex[:8]}"
