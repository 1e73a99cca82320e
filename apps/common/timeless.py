"""Observations without the times at which they were made, for comparing what was seen."""

from __future__ import annotations

from typing import Any

TIMES = frozenset({"as_of", "observed_at"})


def without_times(value: Any) -> Any:
    """The same JSON value without any key that says when something was looked at."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [without_times(one) for one in value]
    return value
