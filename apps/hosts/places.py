"""Where a host is: the two numbers in its coordinates."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from apps.common.fields import COORDINATES


def point_of(coordinates: str) -> tuple[float | None, float | None]:
    """Longitude and latitude in degrees; None for both where the text is no such pair."""
    try:
        COORDINATES(coordinates)
    except ValidationError:
        return None, None
    longitude, latitude = coordinates.split(",")
    return float(longitude), float(latitude)
