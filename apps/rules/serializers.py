"""AppD configurations as clients write them: the one set of rules for API and form.

Fields and limits are those of EdgeGallery's published services; what those only declared holds here
in every level, and IPv6 is written wherever an address may stand.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.common.fields import APP_NAME
from apps.common.strict import Flag, Number, StrictSerializer, Text, Word
from apps.rules.specs import AppdSpec, Body

MOST_TRAFFIC, MOST_DNS, MOST_FILTERS, MOST_DESTINATIONS = 16, 32, 16, 2
ACTIONS = (
    "DROP",
    "FORWARD_DECAPSULATED",
    "FORWARD_AS_IS",
    "PASSTHROUGH",
    "DUPLICATED_DECAPSULATED",
    "DUPLICATE_AS_IS",
)
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = rf"({_BYTE}\.){{3}}{_BYTE}"
_V6 = (
    "(([0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|([0-9A-Fa-f]{1,4}:){1,7}:"
    "|([0-9A-Fa-f]{1,4}:){1,6}(:[0-9A-Fa-f]{1,4})|([0-9A-Fa-f]{1,4}:){1,4}(:[0-9A-Fa-f]{1,4}){1,3}"
    "|:(:[0-9A-Fa-f]{1,4}){1,7}|::)"
)
_NETWORK = rf"({_V4}(/(3[0-2]|[12]?[0-9]))?|{_V6}(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)"
_ENTER = _("enter an IPv4 or IPv6 address, or a network such as 10.0.0.0/8")
NETWORK = RegexValidator(re.compile(rf"^{_NETWORK}\Z"), _ENTER)
NETWORK_OR_NONE = RegexValidator(re.compile(rf"^{_NETWORK}?\Z"), _ENTER)
PORT = RegexValidator(
    re.compile(
        r"^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])\Z"
    ),
    _("enter a port from 1 to 65535"),
)
MAC = RegexValidator(
    re.compile(
        r"^([0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}"
        r"|[0-9A-Fa-f]{2}( [0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{12}"
        r"|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})?\Z"
    ),
    _("enter a MAC address such as 02:00:5e:10:00:01"),
)
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
DOMAIN = RegexValidator(
    re.compile(rf"^(\*\.)?({_LABEL}\.)*{_LABEL}\.?\Z"),
    _("enter a domain name such as video.example.com"),
)


def _list(child: serializers.Field[Any, Any, Any, Any], most: int) -> serializers.ListField:
    return serializers.ListField(child=child, max_length=most, required=False)


def _networks() -> serializers.ListField:
    return _list(Text(max_length=49, validators=[NETWORK]), 16)


def _ports() -> serializers.ListField:
    return _list(Text(max_length=5, validators=[PORT]), 16)


def _words(most: int) -> serializers.ListField:
    return _list(Text(max_length=128), most)


def _optional(**options: Any) -> Text:
    return Text(required=False, allow_blank=True, allow_null=True, **options)


class ConfiguredFilterSerializer(StrictSerializer):
    """Which packets; inside one list any entry matches.  0 is the absence of a class or identifier.

    ``qci``, ``dscp`` and ``tc`` are also read as ``qCI``, ``dSCP`` and ``tC``.
    """

    TWINS = (("qci", "qCI"), ("dscp", "dSCP"), ("tc", "tC"))
    narrower = {
        "not": {"anyOf": [{"required": list(pair)} for pair in TWINS]}
    }

    srcAddress = _networks()
    dstAddress = _networks()
    srcPort = _ports()
    dstPort = _ports()
    protocol = _words(64)
    tag = _words(16)
    srcTunnelAddress = _networks()
    dstTunnelAddress = _networks()
    srcTunnelPort = _ports()
    dstTunnelPort = _ports()
    qci = Number(required=False, min_value=0, max_value=255)
    dscp = Number(required=False, min_value=0, max_value=63)
    tc = Number(required=False, min_value=0, max_value=255)
    qCI = Number(required=False, min_value=0, max_value=255)
    dSCP = Number(required=False, min_value=0, max_value=63)
    tC = Number(required=False, min_value=0, max_value=255)

    def validate(self, attrs: Body) -> Body:
        """One spelling of each number, and only of what is set."""
        kept = {name: value for name, value in attrs.items() if value}
        for low, mixed in self.TWINS:
            if low in attrs and mixed in attrs:
                raise serializers.ValidationError(
                    {mixed: _("give %(one)s or %(other)s, not both") % {"one": low, "other": mixed}}
                )
            value = kept.pop(mixed, None)
            if value:
                kept[low] = value
        return kept


class ConfiguredTunnelSerializer(StrictSerializer):
    """The tunnel that packets leave by."""

    tunnelType = Word(choices=["GTP_U", "GRE"])
    tunnelDstAddress = Text(max_length=49, validators=[NETWORK])
    tunnelSrcAddress = Text(max_length=49, validators=[NETWORK])
    tunnelSpecificData = _optional(max_length=256)


def _there(name: str) -> Body:
    """The schema of a member that is not empty."""
    return {} if name == "tunnelInfo" else {"type": "string", "minLength": 1}


class ConfiguredDestinationSerializer(StrictSerializer):
    """Where packets go: what is asked for depends on ``interfaceType``."""

    # What each type of interface cannot do without.
    NEEDS = {"TUNNEL": "tunnelInfo", "MAC": "dstMacAddress", "IP": "dstIpAddress"}
    narrower = {
        "oneOf": [
            {
                "properties": {"interfaceType": {"enum": [kind]}, name: _there(name)},
                "required": [name],
            }
            for kind, name in NEEDS.items()
        ]
    }

    interfaceType = Word(choices=list(NEEDS))
    tunnelInfo = ConfiguredTunnelSerializer(required=False, allow_null=True)
    srcMacAddress = _optional(max_length=17, validators=[MAC])
    dstMacAddress = _optional(max_length=17, validators=[MAC])
    dstIpAddress = _optional(max_length=49, validators=[NETWORK_OR_NONE])

    def to_internal_value(self, data: Any) -> Body:
        """EdgeGallery's edge writes ``TunnelInfo``; its portal sends a tunnel of empty texts."""
        if isinstance(data, dict):
            data = dict(data)
            if "tunnelInfo" not in data and data.get("TunnelInfo"):
                data["tunnelInfo"] = data["TunnelInfo"]
            tunnel = data.get("tunnelInfo")
            if isinstance(tunnel, dict) and tunnel and not any(tunnel.values()):
                del data["tunnelInfo"]
        found: Body = super().to_internal_value(data)
        return found

    def validate(self, attrs: Body) -> Body:
        """What the type of the interface needs is there."""
        needed = self.NEEDS[attrs["interfaceType"]]
        if not attrs.get(needed):
            said = _("is needed for an interface of the type %(kind)s")
            raise serializers.ValidationError({needed: said % {"kind": attrs["interfaceType"]}})
        return {name: value for name, value in attrs.items() if value}


class ConfiguredTrafficRuleSerializer(StrictSerializer):
    """A traffic rule."""

    trafficRuleId = Text(max_length=128)
    filterType = Word(choices=["FLOW", "PACKET"])
    priority = Number(min_value=1, max_value=255)
    action = Word(choices=list(ACTIONS))
    trafficFilter = _list(ConfiguredFilterSerializer(), MOST_FILTERS)
    dstInterface = _list(ConfiguredDestinationSerializer(), MOST_DESTINATIONS)


class ConfiguredDnsRuleSerializer(StrictSerializer):
    """A DNS rule: the answer for one name."""

    narrower = {
        "oneOf": [
            {
                "properties": {
                    "ipAddressType": {"enum": [f"IP_V{version}"]},
                    "ipAddress": {"pattern": f"^{pattern}$"},
                }
            }
            for version, pattern in ((4, _V4), (6, _V6))
        ]
    }

    dnsRuleId = Text(max_length=128)
    domainName = Text(max_length=255, validators=[DOMAIN])
    ipAddressType = Word(choices=["IP_V4", "IP_V6"])
    ipAddress = Text(max_length=45)
    ttl = Number(min_value=1, max_value=2**32 - 1)

    def validate(self, attrs: Body) -> Body:
        """The address is of the family that is stated."""
        version = int(attrs["ipAddressType"][-1])
        try:
            # Without a zone, which means something on one machine only (RFC 4007).
            fits = ipaddress.ip_address(attrs["ipAddress"].replace("%", " ")).version == version
        except ValueError:
            fits = False
        if not fits:
            said = _("enter an IPv%(version)s address") % {"version": version}
            raise serializers.ValidationError({"ipAddress": said})
        return attrs


class AppdConfigSerializer(StrictSerializer):
    """``AppdConfig``: the rules of one instance.  ``appDnsRule`` is read as well."""

    narrower = {"not": {"required": ["appDNSRule", "appDnsRule"]}}

    appName = Text(max_length=128, validators=[APP_NAME])
    appSupportMp1 = Flag(required=False, allow_null=True)
    appTrafficRule = _list(ConfiguredTrafficRuleSerializer(), MOST_TRAFFIC)
    appDNSRule = _list(ConfiguredDnsRuleSerializer(), MOST_DNS)
    appDnsRule = _list(ConfiguredDnsRuleSerializer(), MOST_DNS)

    def validate(self, attrs: Body) -> Body:
        """One list of DNS rules, and no id twice in a list."""
        if "appDNSRule" in attrs and "appDnsRule" in attrs:
            said = _("give %(one)s or %(other)s, not both")
            names = {"one": "appDNSRule", "other": "appDnsRule"}
            raise serializers.ValidationError({"appDnsRule": said % names})
        for name, key in KEYS.items():
            ids = [rule[key] for rule in attrs.get(name, [])]
            if len(set(ids)) < len(ids):
                raise serializers.ValidationError({name: _("the id of a rule is given twice")})
        return attrs

    def to_spec(self) -> AppdSpec:
        """The validated input as a spec."""
        data = self.validated_data
        dns = data.get("appDNSRule", data.get("appDnsRule", []))
        return AppdSpec(
            data["appName"],
            data.get("appSupportMp1"),
            {rule["dnsRuleId"]: _plain(rule) for rule in dns},
            {rule["trafficRuleId"]: _plain(rule) for rule in data.get("appTrafficRule", [])},
        )


KEYS = {"appTrafficRule": "trafficRuleId", "appDNSRule": "dnsRuleId", "appDnsRule": "dnsRuleId"}


class AppdDeleteSerializer(StrictSerializer):
    """``AppRuleDelete``: the ids of the rules that go; unknown ones are gone already."""

    appTrafficRule = _list(Text(max_length=128), MOST_TRAFFIC)
    appDNSRule = _list(Text(max_length=128), MOST_DNS)


def check_rule(serializer: type[StrictSerializer], body: Body) -> Body:
    """One rule by the same rules as in a configuration; raises REST framework's ValidationError."""
    form = serializer(data=body)
    form.is_valid(raise_exception=True)
    found: Body = _plain(form.validated_data)
    return found


def _plain(value: Any) -> Any:
    """Dicts and lists of JSON's own kinds."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


