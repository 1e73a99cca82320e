"""A comparison of both sites as lines of text, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from apps.sync.comparing import (
    ABSENT,
    DIFFERENT,
    HELD,
    MISSING_HERE,
    MISSING_THERE,
    Compared,
    Difference,
)

LISTED, WIDTH = 20, 80
COLUMNS = ("at the edge", "here", "equal", DIFFERENT, MISSING_HERE, MISSING_THERE, HELD)


def printout(found: Sequence[Compared]) -> Iterator[str]:
    """A table of all kinds, and the first rows that differ in words."""
    yield from table(found)
    differences = [one for kind in found for one in kind.differences]
    for one in differences[:LISTED]:
        yield from told(one)
    if len(differences) > LISTED:
        yield f"and {len(differences) - LISTED} more"


def table(found: Sequence[Compared]) -> list[str]:
    """One line per kind under a head, in columns."""
    lines = [f"{'kind':<18}" + "".join(f"{name:>15}" for name in COLUMNS)]
    for one in found:
        numbers = (
            one.there,
            one.here,
            one.equal,
            *(one.count(what) for what in (DIFFERENT, MISSING_HERE, MISSING_THERE, HELD)),
        )
        lines.append(f"{one.kind:<18}" + "".join(f"{number:>15}" for number in numbers))
    return lines


def told(one: Difference) -> list[str]:
    """A row that differs, in words; one more line for each field."""
    name = f"“{one.name}” ({one.id})" if one.name else str(one.id)
    says = {
        MISSING_HERE: "is at the edge, and not here",
        MISSING_THERE: "is here, and not at the edge",
        HELD: "came, and is held back here",
        DIFFERENT: "is not the same:",
    }
    lines = [f"{one.kind} {name} {says[one.what]}"]
    for field, (there, here) in one.fields.items():
        lines.append(f"    {field}: at the edge {_short(there)}, here {_short(here)}")
    return lines


def _short(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
