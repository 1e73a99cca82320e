"""Sentences for people that can be stored, sent and translated later.  Not for log lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as N_

# What a person reads: said now, or chosen in the reader's language when it is shown.
Text = str | Promise


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence with its parameters; ``str()`` renders it in the reader's language.

    ``text`` is an English msgid with ``%(name)s`` placeholders, marked for extraction with
    ``gettext_noop`` where it is written.  Stored as JSON by ``as_json`` so that a reason recorded
    by one person is read by another in their own language.
    """

    text: str
    code: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        translated = gettext(self.text) if self.text else ""
        return translated % self.params if self.params else translated

    def as_json(self) -> dict[str, Any]:
        """The reason as plain data for a JSON column or a message between sites."""
        return {"text": self.text, "code": self.code, "params": dict(self.params)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reason:
        """The reason that ``as_json`` wrote; nothing stored is the empty reason."""
        if not data:
            return cls("")
        return cls(
            text=str(data.get("text", "")),
            code=str(data.get("code", "")),
            params=dict(data.get("params") or {}),
        )

    def __bool__(self) -> bool:
        return bool(self.text)


NO_REASON = Reason("")
# For a failure that nobody has foreseen.
BUG = Reason(N_("Something went wrong on our side; the log has the details."), code="bug")

# Parameters of a reason that are words of ours, such as a state, and not names of things.
_WORD_PARAMS = frozenset({"state", "verb", "class", "kind", "why"})
_WORDS = (N_("instantiate"), N_("terminate"), N_("upgrade"), N_("container"), N_("vm"))


def say(reason: Reason | None) -> str:
    """A stored reason in the reader's language; one that lost its parameters still reads."""
    if not reason:
        return ""
    params = {
        name: gettext(value) if name in _WORD_PARAMS and isinstance(value, str) and value else value
        for name, value in reason.params.items()
    }
    try:
        return str(Reason(reason.text, reason.code, params))
    except (KeyError, TypeError, ValueError):
        return gettext(reason.text)
