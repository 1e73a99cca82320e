"""REST framework's serializers with fields that take JSON at its word: import it in their place."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as _rest
from rest_framework.serializers import (
    DictField,
    Field,
    FileField,
    JSONField,
    ListField,
    ListSerializer,
    ModelSerializer,
    Serializer,
    ValidationError,
)

from apps.common.strict import Flag, Key, Number, Prose, Real, Text, Word

__all__ = [
    "BooleanField", "CharField", "ChoiceField", "DictField", "Field", "FileField", "FloatField",
    "IntegerField", "JSONField", "ListField", "ListSerializer", "ModelSerializer", "Prose",
    "RegexField", "Serializer", "UUIDField", "ValidationError",
]


class CharField(Text):
    """A string."""


class IntegerField(Number):
    """A whole number."""


class FloatField(Real):
    """A number."""


class BooleanField(Flag):
    """``true`` or ``false``."""


class ChoiceField(Word):
    """One of a few words."""


class UUIDField(Key):
    """A UUID."""


class RegexField(_rest.RegexField):
    """A string of a pattern."""

    def to_internal_value(self, data: Any) -> str:
        """The string; refuses what would have to be turned into one."""
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))
