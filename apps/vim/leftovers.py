"""What stands in a VIM with our labels, and the promise of a driver that can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Leftover:
    """One object with our labels: where it is, and of which instance of which host it is.

    ``path`` is by what its driver finds it again.  An image of virtual machines has a key of its
    own in ``image``, and outlives the instance that it may name.
    """

    kind: str
    namespace: str
    name: str
    instance: str
    host: str
    path: str
    image: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else (
            f"{self.kind} {self.name}"
        )


@runtime_checkable
class Tidies(Protocol):
    """What a driver offers where its VIM can be asked for everything with our labels."""

    def carried(self) -> list[Leftover]:
        """Everything that carries the labels of this host's instances."""

    def remove_object(self, one: Leftover) -> bool:
        """Take one of them away; False where it was gone already."""
