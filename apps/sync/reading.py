"""Where edges are read: in this process, or in another that whoever runs the site has put there."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

from apps.sync import puller


class Pull(Protocol):
    """Reads one edge, as ``puller.pull`` does."""

    def __call__(self, edge_id: uuid.UUID, *, ahead: bool, newest: int) -> dict[str, Any]:
        """What came of it."""


_pull: Pull = puller.pull


def install(pull: Pull) -> None:
    """From now on edges are read by this one."""
    global _pull
    _pull = pull


def pull(edge_id: uuid.UUID, *, ahead: bool, newest: int) -> dict[str, Any]:
    """Read an edge's feed to its end, wherever that is done; see ``puller.pull``."""
    return _pull(edge_id, ahead=ahead, newest=newest)
