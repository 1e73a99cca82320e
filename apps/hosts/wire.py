"""Serializer fields that the inventory's serializers share."""

from __future__ import annotations

import ipaddress
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema_field

from apps.common.fields import NAME, PORT_NUMBER, address, port
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


class AddressExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describes an address: IPv4, IPv6 or, where the field may be blank, nothing."""

    target_class = "apps.hosts.wire.Address"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """The schema of the field."""
        kinds: list[dict[str, Any]] = [{"format": "ipv4"}, {"format": "ipv6"}]
        if self.target.allow_blank:
            kinds.append({"maxLength": 0})
        return {"type": "string", "maxLength": 45, "anyOf": kinds}


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "maxLength": 5, "pattern": f"^{PORT_NUMBER}$"},
            {"type": "integer", "minimum": 1, "maximum": 65535},
        ]
    }
)
class Port(Text):
    """A port, as a text or as a number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=5, validators=[port], **options)

    def to_internal_value(self, data: Any) -> str:
        """The text of it."""
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if whole and not isinstance(data, bool):
            data = str(int(data))
        return super().to_internal_value(data)


def name_field(**options: Any) -> Text:
    """A NAME of the reference: at most 128 characters, letters and digits of any script."""
    return Text(max_length=128, validators=[NAME], **options)


def optional_name() -> Text:
    """A NAME that may be absent, empty or null."""
    return name_field(required=False, allow_blank=True, allow_null=True, default="")
