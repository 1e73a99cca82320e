"""State machines as tables of state and verb: used by code, buttons, 409 bodies and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop as N_

from apps.common.errors import IllegalMove


@dataclass(frozen=True)
class Machine:
    """A named table ``{state: {verb: next state}}``; the empty state "" is "does not exist"."""

    name: str
    moves: Mapping[str, Mapping[str, str]]

    def verbs(self, state: str) -> list[str]:
        """The verbs that ``state`` allows, sorted."""
        return sorted(self.moves.get(str(state), {}))

    def allows(self, state: str, verb: str) -> bool:
        """Whether ``verb`` leads anywhere from ``state``."""
        return verb in self.moves.get(str(state), {})

    def move(self, state: str, verb: str) -> str:
        """The state after ``verb``; raises IllegalMove with the verbs that are allowed."""
        try:
            return self.moves[str(state)][verb]
        except KeyError:
            allowed = self.verbs(state)
            raise IllegalMove(
                N_("“%(verb)s” is not possible while the state is “%(state)s”."),
                verb=verb,
                state=str(state),
                extra={"state": str(state), "allowed": allowed},
            ) from None

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram for the documents."""
        names: dict[str, str] = {"": "[*]"}

        def node(state: str) -> str:
            return names.setdefault(str(state), f"s{len(names)}")

        arrows = [
            f"    {node(state)} --> {node(after)}: {verb}"
            for state, verbs in self.moves.items()
            for verb, after in verbs.items()
        ]
        labels = [f'    state "{label}" as {key}' for label, key in names.items() if label]
        return "\n".join(["stateDiagram-v2", *labels, *arrows])

    def as_table(self) -> list[dict[str, Any]]:
        """The moves as rows of ``state``, ``verb`` and ``next``."""
        return [
            {"state": str(state), "verb": verb, "next": str(after)}
            for state, verbs in self.moves.items()
            for verb, after in verbs.items()
        ]
