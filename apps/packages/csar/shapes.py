"""Tolerant access to parsed documents: the shapes that circulate, made one.  Refuses nothing."""

from __future__ import annotations

import re
from typing import Any

NUMBER = re.compile(r"\s*([0-9]{1,15})(?:\.([0-9]{1,9}))?\s*([A-Za-z]*)\s*")
# Powers of 1024 below and above a megabyte.
UNITS = {"b": -2, "k": -1, "kb": -1, "kib": -1, "m": 0, "mb": 0, "mib": 0, "g": 1, "gb": 1}
UNITS |= {"gib": 1, "t": 2, "tb": 2, "tib": 2}


def as_map(value: Any) -> dict[str, Any]:
    """``value`` as a dictionary with string keys; anything else is an empty one."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """``value`` as a list: nothing is empty, one object stands for a list of one."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list) else [value]


def as_maps(value: Any) -> list[dict[str, Any]]:
    """The dictionaries among ``as_list(value)``."""
    return [as_map(item) for item in as_list(value) if isinstance(item, dict)]


def as_text(value: Any) -> str:
    """A scalar as text, stripped; nothing and containers are the empty text."""
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def as_texts(value: Any) -> tuple[str, ...]:
    """The texts among ``as_list(value)``."""
    return tuple(text for item in as_list(value) if (text := as_text(item)))


def as_int(value: Any) -> int | None:
    """A whole number in decimal ("2", 2, "2.0"), or None."""
    text = as_text(value)
    match = NUMBER.fullmatch(text) if not isinstance(value, bool) else None
    return int(match[1]) if match and not match[3] else None


def as_bool(value: Any, *, default: bool = False) -> bool:
    """A truth in one of YAML 1.1's spellings; ``default`` for anything else."""
    text = as_text(value).casefold()
    if text in {"true", "yes", "on", "1"}:
        return True
    return False if text in {"false", "no", "off", "0"} else default


def as_megabytes(value: Any, *, unit: str = "mb") -> int:
    """A size in MB, rounded down; a bare number counts in ``unit``; 0 where it is none."""
    match = NUMBER.fullmatch(as_text(value))
    if not match:
        return 0
    power = UNITS.get(match[3].casefold() or unit)
    if power is None:
        return 0
    return int(float(f"{match[1]}.{match[2] or 0}") * 1024.0**power)


def as_gigabytes(value: Any) -> int:
    """A size in GB, rounded up to whole ones; a bare number counts in GB; 0 where it is none."""
    return -(-as_megabytes(value, unit="gb") // 1024)
