"""Serializer fields that the inventory's serializers share."""

from __future__ import annotations

import ipaddress
from typing import Any

from apps.common.fields import NAME, address
from apps.common.strict import Text


class Address(Text):
    """An IP address; IPv6 in its canonical form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=45, validators=[address], **options)

    def run_validation(self, data: Any = ...) -> Any:
        """The address as it is stored."""
        found = super().run_validation(data)
        if not isinstance(found, str) or not found:
            return found
        parsed = ipaddress.ip_address(found)
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def name_field(**options: Any) -> Text:
    """A NAME of the reference: at most 128 characters, letters and digits of any script."""
    return Text(max_length=128, validators=[NAME], **options)


def optional_name() -> Text:
    """A NAME that may be absent, empty or null."""
    return name_field(required=False, allow_blank=True, allow_null=True, default="")
