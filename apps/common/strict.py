"""Serializer fields that take JSON at its word, and serializers that say all they ask for.

A number is no text and "1" is no number; what several fields ask for together stands in
``narrower``, beside the code that checks it, and goes into the OpenAPI description.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

PLAIN = RegexValidator(
    re.compile(r"^[^\x00-\x1f\x7f]*\Z"), _("must not contain control characters")
)

PROSE = RegexValidator(
    re.compile(r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*\Z"),
    _("must not contain control characters"),
)


class Text(serializers.CharField):
    """A string as it was sent; no control characters, since it is shown to people and logged."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("trim_whitespace", False)
        options.setdefault("validators", [PLAIN])
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        """The string; refuses what would have to be turned into one."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Prose(Text):
    """A text that people write, in lines or with tabs; for what is never part of a log line."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("validators", [PROSE])
        super().__init__(**options)


class Number(serializers.IntegerField):
    """A whole number of JSON."""

    def to_internal_value(self, data: Any) -> int:
        """The number; refuses texts, booleans and fractions."""
        whole = isinstance(data, float) and data.is_integer()
        if isinstance(data, bool) or not (isinstance(data, int) or whole):
            self.fail("invalid")
        return int(super().to_internal_value(int(data)))


class Real(serializers.FloatField):
    """A number of JSON."""

    def to_internal_value(self, data: Any) -> float:
        """The number; refuses texts and booleans."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return float(super().to_internal_value(data))


class Flag(serializers.BooleanField):
    """``true`` or ``false``."""

    def to_internal_value(self, data: Any) -> bool:
        """The boolean; refuses words and numbers."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Word(serializers.ChoiceField):
    """One of a few words, spelled as they are."""

    def to_internal_value(self, data: Any) -> str:
        """The word; refuses what only looks like it."""
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return str(super().to_internal_value(data))


class Key(serializers.UUIDField):
    """A UUID, written as one."""

    def to_internal_value(self, data: Any) -> Any:
        """The UUID; refuses numbers and booleans, which would be one as well."""
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer whose ``narrower`` says in JSON Schema what its fields cannot say alone."""

    narrower: ClassVar[dict[str, Any]] = {}


class StrictExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Adds ``narrower`` to the description."""

    target_class = "apps.common.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """The schema of the fields, and what they ask for together."""
        found: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        return found | deepcopy(getattr(self.target, "narrower", {}))
