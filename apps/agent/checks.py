"""Checks of what people write into files.  Each tells in one sentence where and what is wrong."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.agent.voice import plain

Check = Callable[[Any, str], Any]


class SettingsError(Exception):
    """One sentence that says which input is wrong and what is right."""


def wrong(where: str, right: str, value: object) -> SettingsError:
    """The error for a ``value`` that is not what it should be."""
    return SettingsError(f"{where} must be {right}; it is {plain(reprlib.repr(value), 80)}")


def text(right: str, pattern: str = r".+", most: int = 2048) -> Check:
    """Text that matches ``pattern`` as a whole.  Numbers are taken as they are written."""
    shape = re.compile(pattern)

    def check(value: Any, where: str) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > most or not shape.fullmatch(value):
            raise wrong(where, right, value)
        return value

    return check


def one_of(*words: str) -> Check:
    """One of the words that the standard has."""
    right = "one of " + ", ".join(words)

    def check(value: Any, where: str) -> str:
        if value not in words:
            raise wrong(where, right, value)
        return str(value)

    return check


def whole(low: int, high: int) -> Check:
    """A whole number between the two, both included."""

    def check(value: Any, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise wrong(where, f"a whole number from {low} to {high}", value)
        return value

    return check


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(where, "true or false", value)
    return value


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Any mapping, as it is."""
    if not isinstance(value, dict):
        raise wrong(where, "a mapping", value)
    return dict(value)


def list_of(check: Check, *, least: int = 0, most: int = 50) -> Check:
    """A list whose items pass ``check``."""

    def check_all(value: Any, where: str) -> list[Any]:
        right = f"a list of {least} to {most} items"
        if not isinstance(value, list):
            raise wrong(where, right, value)
        if not least <= len(value) <= most:
            raise SettingsError(f"{where} must be {right}; it has {len(value)}")
        return [check(item, f"{where}[{number}]") for number, item in enumerate(value)]

    return check_all


@dataclass(frozen=True)
class Shape:
    """A mapping with known keys; others are left out, and so is what is empty and need not be."""

    needed: Mapping[str, Check]
    optional: Mapping[str, Check]

    def __call__(self, value: Any, where: str) -> dict[str, Any]:
        """The known part of ``value``."""
        value = mapping(value, where)
        for name in self.needed:
            if value.get(name) is None:
                raise SettingsError(f"{where}.{name} is missing")
        known = {**self.needed, **self.optional}
        return {
            name: check(value[name], f"{where}.{name}")
            for name, check in known.items()
            if value.get(name) is not None and (name in self.needed or value[name] != "")
        }


def only_one(*names: str) -> Check:
    """A mapping that has exactly one of the names."""

    def check(value: Any, where: str) -> dict[str, Any]:
        found = mapping(value, where)
        if len([name for name in names if found.get(name)]) != 1:
            right = f"a mapping with exactly one of {', '.join(names)}"
            raise wrong(where, right, sorted(map(str, found)))
        return found

    return check


def both(first: Check, second: Check) -> Check:
    """Two checks, one after the other."""
    return lambda value, where: second(first(value, where), where)
