"""The lines that this process of a center holds, one per edge.  Belongs on the event loop."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from apps.edgelink.line import Line


@dataclass(eq=False)
class Held:
    """A line, where requests for it come in, and whether the database says so already."""

    line: Line
    url: str
    told: bool = False


class Board:
    """Which edge has dialled in here."""

    def __init__(self) -> None:
        self._held: dict[uuid.UUID, Held] = {}

    def take(self, edge_id: uuid.UUID, line: Line, url: str) -> Held:
        """Keep a line; an earlier one of the same edge is closed."""
        former = self._held.get(edge_id)
        held = self._held[edge_id] = Held(line, url)
        if former is not None:
            former.line.close("the edge dialled in anew")
        return held

    def drop(self, edge_id: uuid.UUID, held: Held) -> bool:
        """Forget a line that is over; whether it was the edge's last one here."""
        if self._held.get(edge_id) is not held:
            return False
        del self._held[edge_id]
        return True

    def find(self, edge_id: uuid.UUID) -> Line | None:
        """The line of an edge, if it stands."""
        held = self._held.get(edge_id)
        return held.line if held is not None and not held.line.fault else None

    def told(self) -> dict[uuid.UUID, str]:
        """By edge, the address that the database should have for it."""
        return {edge_id: held.url for edge_id, held in self._held.items() if held.told}

    def close(self, edge_id: uuid.UUID, why: str) -> None:
        """End the line of an edge."""
        if edge_id in self._held:
            self._held[edge_id].line.close(why)


board = Board()
