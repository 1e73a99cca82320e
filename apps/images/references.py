"""References of container images, as registries spell them.  Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Conflict

# https://github.com/distribution/reference: a name of 255 characters at most, a tag of 128.
PART: Final = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
GRAMMAR: Final = re.compile(
    r"(?:(?P<registry>localhost(?::[0-9]+)?|[A-Za-z0-9.-]*[.][A-Za-z0-9.-]*(?::[0-9]+)?"
    r"|[A-Za-z0-9.-]+:[0-9]+)/)?"
    rf"(?P<path>{PART}(?:/{PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
LONGEST: Final = 255
# What a reference without a registry means to Docker and to Kubernetes.
USUAL_REGISTRY: Final = "docker.io"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in its parts; ``tag`` and ``digest`` are empty where they are not written."""

    registry: str
    path: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The parts of a reference; Conflict where it is none."""
        found = GRAMMAR.fullmatch(text) if len(text) <= LONGEST else None
        if found is None:
            raise Conflict(
                N_("“%(name)s” is not the reference of a container image."),
                code="image_reference", name=text[:200],
            )
        registry, path = found["registry"] or USUAL_REGISTRY, found["path"]
        if registry == USUAL_REGISTRY and "/" not in path:
            path = f"library/{path}"
        return cls(registry.lower(), path, found["tag"] or "", found["digest"] or "")

    @property
    def exact(self) -> str:
        """The same in full.  A digest says all, and no client takes a tag beside it."""
        what = f"@{self.digest}" if self.digest else f":{self.tag or 'latest'}"
        return f"{self.registry}/{self.path}{what}"

    def copy_in(self, address: str) -> str:
        """The reference of its copy in a registry with this address (host[:port][/project])."""
        tag = self.tag or self.digest.replace(":", "-") or "latest"
        return f"{address.rstrip('/')}/{self.path.rpartition('/')[2]}:{tag}"


def registry_of(address: str) -> str:
    """Host and port of a registry's address, however an administrator wrote it."""
    return address.rpartition("://")[2].partition("/")[0].lower()
