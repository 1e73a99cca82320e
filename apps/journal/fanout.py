"""News on its way up: one explicit, printable list of who hears what after a commit.

Not a plug-in system: the list is written in one file of the composition root.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any

_log = logging.getLogger("mecm.fanout")


@dataclass(frozen=True, slots=True)
class Event:
    """What the fan-out carries: small, and only what every listener may know.

    ``recorded`` tells whether it is somebody's deed with an entry, whose names then are here too.
    """

    verb: str
    kind: str
    subject_id: str
    version: int
    tenant_id: uuid.UUID | None
    data: dict[str, Any] = field(default_factory=dict)
    recorded: bool = False
    subject_name: str = ""
    actor_name: str = ""


Wiring = Sequence[tuple[str, str]]
_wiring: Wiring = ()


def install(wiring: Wiring) -> None:
    """Set the list of ``(verb prefix, dotted path of a function)``."""
    global _wiring
    _wiring = tuple(wiring)


def wiring() -> Wiring:
    """The list in force, for ``manage.py wiring`` and its test."""
    return _wiring


@lru_cache(maxsize=64)
def _listener(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def publish(event: Event) -> None:
    """Call every listener whose prefix fits; one that fails never silences the next."""
    for prefix, path in _wiring:
        if event.verb.startswith(prefix):
            try:
                _listener(path)(event)
            except Exception:
                _log.exception("listener %s failed on %s", path, event.verb)
