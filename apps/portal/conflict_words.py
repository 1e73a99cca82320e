"""What two sites contest, as people read it: names of fields, and values line by line.

A value of any depth becomes lines; a line that the ancestor does not have, or has otherwise, is
marked, so that one sees what each side did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.common.merging import UNKNOWN
from apps.common.words import Text
from apps.sync.conflicts import SIDES, Contest, Field

SIDE_NAMES: Mapping[str, Text] = {
    "base": _("Before, at both"), "ours": _("Here, at the center"), "theirs": _("At the edge"),
}
_LABELS: Mapping[str, Text] = {
    "name": _("Name"), "zip_code": _("Postal code"), "city": _("City"),
    "address": _("Street address"), "affinity": _("Architectures"), "user_name": _("User name"),
    "coordinates": _("Coordinates"), "vim": _("Kind of VIM"), "hw_capabilities": _("Hardware"),
    "region": _("Region"), "tags": _("Tags"), "driver_settings": _("Driver settings"),
    "allowance": _("Allowed"), "namespaces": _("Namespaces"),
    "cluster_kinds": _("Kinds for the whole cluster"), "privileged": _("Privileged containers"),
    "host_path": _("Files of the node (hostPath)"),
    "host_namespaces": _("Network and processes of the node"),
    "host_ports": _("Ports of the node (hostPort)"), "capabilities": _("Linux capabilities"),
    "prometheus_url": _("Prometheus"), "registry_address": _("Registry of images"),
    "registry_user": _("User name at the registry"), "hwType": _("Type"),
    "hwVendor": _("Vendor"), "hwModel": _("Model"), "app_name": _("Application"),
    "supports_mp1": _("Supports Mp1"), "dnsRuleId": _("Rule id"), "trafficRuleId": _("Rule id"),
    "domainName": _("Domain name"), "ipAddressType": _("Kind of address"),
    "ipAddress": _("Address"), "ttl": _("Time to live in seconds"), "filterType": _("Applies to"),
    "priority": _("Priority"), "action": _("Action"), "trafficFilter": _("Filter"),
    "dstInterface": _("Destination"), "srcAddress": _("From addresses"),
    "dstAddress": _("To addresses"), "srcPort": _("From ports"), "dstPort": _("To ports"),
    "protocol": _("Protocols"), "tag": _("Tags"), "interfaceType": _("Send to"),
    "dstIpAddress": _("Destination address"), "dstMacAddress": _("Destination MAC address"),
    "srcMacAddress": _("Source MAC address"), "tunnelInfo": _("Tunnel"),
    "tunnelType": _("Tunnel type"), "tunnelDstAddress": _("Far end of the tunnel"),
    "tunnelSrcAddress": _("Near end of the tunnel"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a value; ``change`` is "", "other" or "gone" against the ancestor's."""

    label: str
    text: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """What one side has of a field; without lines where it has none of it, or that is unknown."""

    name: str
    label: Text
    lines: tuple[Line, ...]
    present: bool
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A contested field with its sides, in the order of ``SIDES``."""

    name: str
    label: str
    sides: tuple[Side, ...]


def field_name(name: str) -> str:
    """What people call a field of a host or of rules."""
    kind, _slash, rule = name.partition("/")
    if rule and kind == "dns":
        return gettext("DNS rule “%(id)s”") % {"id": rule}
    if rule and kind == "traffic":
        return gettext("Traffic rule “%(id)s”") % {"id": rule}
    return str(_LABELS.get(name, name))


def fields_sentence(contested: Mapping[str, Any]) -> str:
    """Which fields wait for a choice, by name."""
    return ", ".join(field_name(name) for name in sorted(contested))


def rows_of(found: Contest) -> list[Row]:
    """All that is to be chosen of one contest."""
    return [_row(field) for field in found.fields]


def _row(field: Field) -> Row:
    told = {name: one for name, one in field.sides.items() if (name, one) != ("base", UNKNOWN)}
    before = dict(_lines(told["base"])) if "base" in told else {}
    sides = tuple(
        _side(side, told, before, is_known=side in told or side not in field.sides)
        for side in SIDES
    )
    return Row(field.name, field_name(field.name), sides)


def _side(
    name: str, sides: Mapping[str, Any], before: Mapping[str, str], *, is_known: bool
) -> Side:
    if name not in sides:
        return Side(name, SIDE_NAMES[name], (), False, is_known)
    own = dict(_lines(sides[name]))
    if name == "base":
        return Side(name, SIDE_NAMES[name], tuple(Line(*one) for one in own.items()), True)
    lines = [
        Line(label, text, "" if before.get(label) == text else "other")
        for label, text in own.items()
    ]
    lines += [Line(label, text, "gone") for label, text in before.items() if label not in own]
    return Side(name, SIDE_NAMES[name], tuple(lines), True)


def _lines(value: Any, label: str = "") -> Iterator[tuple[str, str]]:
    """The value as ``(label, text)``, each label once."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            told = str(_LABELS.get(key, key))
            yield from _lines(inner, f"{label} · {told}" if label else told)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(value, start=1):
            yield from _lines(inner, f"{label} {number}".strip())
    else:
        yield label, _text(value)


def _text(value: Any) -> str:
    if value is None or value == "" or value == []:
        return gettext("none")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return number_format(value) if isinstance(value, float) else str(value)
