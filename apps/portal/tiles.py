"""Numbers in tiles: how many of something there are, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.common.words import Text


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a tile's number, with the list that it counts."""

    tone: str
    label: Text
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of an overview."""

    name: Text
    icon: str
    count: int
    url: str
    shares: Sequence[Share]


def present(shares: Sequence[Share]) -> list[Share]:
    """Those of which there is any."""
    return [share for share in shares if share.count]
