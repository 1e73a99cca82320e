"""Quantities of Kubernetes (“500m”, “64Gi”, “1e3”) as numbers.  The official client reads them."""

from __future__ import annotations

import math
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


def measured(value: Any, unit: float = 1.0) -> float | None:
    """A quantity in ``unit``s; None, never zero, where none stands or what stands is none."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        found = float(parse_quantity(value)) / unit  # type: ignore[no-untyped-call]
    except (ValueError, ArithmeticError, TypeError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def total(values: Any) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
