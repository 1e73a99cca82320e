"""The one way into the log: a line per change, no line of somebody else's making, no secrets."""

from __future__ import annotations

import logging
from collections import deque

LONGEST = 400
HIDDEN = "(hidden)"
_log = logging.getLogger("mep.agent")


class Voice:
    """Speaks for one application instance."""

    def __init__(self, name: str, *secrets: str) -> None:
        self._name = name
        self._secrets = secrets
        self._passing: deque[str] = deque(maxlen=16)

    def hide(self, secret: str) -> None:
        """Never say ``secret``, which is one of many to come: the last few are kept in mind."""
        self._passing.append(secret)

    def hide_always(self, secret: str) -> None:
        """Never say ``secret``, for as long as this voice speaks."""
        self._secrets = (*self._secrets, secret)

    def say(self, text: str) -> None:
        """Write one line.  ``text`` may hold words of a server, which may hold anything."""
        _log.info("%s: %s", self._name, self.clean(text))

    def clean(self, text: str) -> str:
        """The text without secrets and control characters, and not too long."""
        for secret in (*self._secrets, *self._passing):
            if secret:
                text = text.replace(secret, HIDDEN)
        return plain(text)


def plain(text: str, longest: int = LONGEST) -> str:
    """One line of printable characters; a longer text ends in dots."""
    line = "".join(char if char.isprintable() else " " for char in text[: longest + 1])
    return line if len(line) <= longest else line[: longest - 1] + "…"
