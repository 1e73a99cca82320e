"""EdgeGallery's validation vocabulary as serializer and form validators.

The patterns accept what the original's clients send; source: the published v1.1 services.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

NAME = RegexValidator(
    re.compile(r"^(?:[^\W_](?:[\w-]*[^\W_])?)?\Z"),
    _("use letters and digits, with “_” and “-” only inside"),
)
PACKAGE_NAME = RegexValidator(
    re.compile(r"^(?:[^\W_](?:[\w.-]*[^\W_])?)?\Z"),
    _("use letters and digits, with “_”, “-” and “.” only inside"),
)
APP_NAME = RegexValidator(
    re.compile(r"^[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?\Z"),
    _("use the letters a to z and digits, with “_” and “-” only inside"),
)
CITY = RegexValidator(
    re.compile(r"^(?:[^\W_](?:(?:[^\W_]|[/\s])*[^\W_])?)?\Z"),
    _("use letters and digits, with “/” and spaces only inside"),
)
AFFINITY = RegexValidator(
    re.compile(r"^(?:[^\W_](?:[\w,-]*[^\W_])?)?\Z"),
    _("use letters and digits, with “_”, “-” and “,” only inside"),
)
HEX32 = RegexValidator(re.compile(r"^[0-9a-f]{32}\Z"), _("use 32 digits of 0-9 and a-f"))
HEX32_64 = RegexValidator(
    re.compile(r"^[0-9a-f]{32,64}\Z"), _("use 32 to 64 digits of 0-9 and a-f")
)


_LABELS = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_PORT = r"(?::[1-9][0-9]{0,4})?"
ENDPOINT = RegexValidator(
    re.compile(rf"^{_LABELS}{_PORT}\Z"),
    _("enter a host, with a port where it needs one, such as registry.example.com:5000"),
)
REGISTRY = RegexValidator(
    re.compile(rf"^(?:https?://)?{_LABELS}{_PORT}(?:/[A-Za-z0-9._~-]+)*/?\Z"),
    _("enter the address of a registry, such as registry.example.com:5000"),
)
STATUS = RegexValidator(
    re.compile(r"^[A-Za-z0-9_ ]*[A-Za-z0-9_][A-Za-z0-9_ ]*\Z"),
    _("use the letters a to z, digits, “_” and spaces"),
)
_DEGREES = r"(?:\.[0-9]{1,15})?"
COORDINATES = RegexValidator(
    re.compile(
        rf"^\s*-?(?:180(?:\.0*)?|(?:1[0-7][0-9]|[0-9]{{1,2}}){_DEGREES})\s*,"
        rf"\s*-?(?:90(?:\.0*)?|[0-8]?[0-9]{_DEGREES})\s*\Z"
    ),
    _("enter longitude and latitude such as 114.06,22.54"),
)
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
ipv4 = RegexValidator(
    re.compile(rf"^(?:{_BYTE}\.){{3}}{_BYTE}\Z"),
    _("enter an IPv4 address such as 10.0.0.12"),
    code="ipv4",
)
# Written as a number without leading zeros.
PORT_NUMBER = (
    "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
port = RegexValidator(
    re.compile(rf"^{PORT_NUMBER}\Z"),
    _("enter a port from 1 to 65535"),
    code="port",
)


def is_address(text: str) -> bool:
    """Whether a text can be compared with a column of addresses: no database takes another one."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def address(value: Any) -> None:
    """Refuse what is neither an IPv4 nor an IPv6 address."""
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        found = None
    if found is None or getattr(found, "scope_id", None):
        raise ValidationError(_("enter an IP address such as 10.0.0.12"), code="address")
