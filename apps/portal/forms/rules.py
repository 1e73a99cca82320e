"""A DNS or traffic rule of an instance: the same rules as in the API, told at the fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ErrorDetail, ValidationError

from apps.common.strict import StrictSerializer
from apps.portal.forms.base import PortalForm
from apps.rules.models import AppdRule
from apps.rules.serializers import (
    ACTIONS,
    ConfiguredDnsRuleSerializer,
    ConfiguredTrafficRuleSerializer,
    check_rule,
)
from apps.rules.specs import AppdSpec, Body

LISTED = ("srcAddress", "dstAddress", "srcPort", "dstPort", "protocol")
DESTINATION = ("interfaceType", "dstIpAddress", "dstMacAddress", "srcMacAddress")
TUNNEL = ("tunnelType", "tunnelDstAddress", "tunnelSrcAddress")


class RuleForm(PortalForm):
    """What both kinds share.  ``body`` is the stored rule when one is edited."""

    serializer: ClassVar[type[StrictSerializer]]
    id_field: ClassVar[str]
    rule_id = forms.CharField(label=_("Rule id"), max_length=128)

    def __init__(self, *args: Any, body: Body | None = None, **kwargs: Any) -> None:
        self.stored = body
        if body is not None:
            kwargs.setdefault("initial", self.shown(body))
        super().__init__(*args, **kwargs)
        if body is not None:
            self.fields["rule_id"].disabled = True

    def shown(self, body: Body) -> Body:
        """The stored rule as the values of the fields."""
        raise NotImplementedError

    def written(self) -> Body:
        """The values of the fields as a rule."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Check the rule as the API does."""
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            self.rule = check_rule(self.serializer, self.written())
        except ValidationError as error:
            for name, told in _leaves(error.detail):
                ours = "rule_id" if name == self.id_field else name
                self.add_error(ours if ours in self.fields else None, told)
        return data

    def to_spec(self, app_name: str) -> AppdSpec:
        """The rule as the only one of a configuration, to be merged."""
        traffic = self.id_field == "trafficRuleId"
        rules = {self.cleaned_data["rule_id"]: self.rule}
        return AppdSpec(app_name, None, {} if traffic else rules, rules if traffic else {})


class DnsRuleForm(RuleForm):
    """One name and its answer; the family follows from the address."""

    serializer = ConfiguredDnsRuleSerializer
    id_field = "dnsRuleId"

    domainName = forms.CharField(label=_("Domain name"), max_length=255)
    ipAddress = forms.CharField(label=_("Address"), max_length=45, help_text=_("IPv4 or IPv6."))
    ttl = forms.IntegerField(label=_("Time to live in seconds"), initial=300)

    def shown(self, body: Body) -> Body:
        """The fields are the rule's."""
        return {**body, "rule_id": body[self.id_field]}

    def written(self) -> Body:
        """The rule, its family taken from the address."""
        data = self.cleaned_data
        six = ":" in data["ipAddress"]
        return {
            "dnsRuleId": data["rule_id"], "domainName": data["domainName"],
            "ipAddressType": "IP_V6" if six else "IP_V4", "ipAddress": data["ipAddress"],
            "ttl": data["ttl"],
        }


class TrafficRuleForm(RuleForm):
    """One traffic rule with its first filter and destination; others stay as they are."""

    serializer = ConfiguredTrafficRuleSerializer
    id_field = "trafficRuleId"
    MANY = _("Several are separated by commas or spaces; none means any.")
    field_sets: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "rule": ("rule_id", "filterType", "priority", "action"),
        "filter": LISTED,
        "destination": (*DESTINATION, *TUNNEL),
    }

    filterType = forms.ChoiceField(
        label=_("Applies to"), choices=[("FLOW", _("Flows")), ("PACKET", _("Packets"))]
    )
    priority = forms.IntegerField(label=_("Priority"), help_text=_("1 to 255."))
    action = forms.ChoiceField(label=_("Action"), choices=[(one, one) for one in ACTIONS],
                               initial="PASSTHROUGH")
    srcAddress = forms.CharField(label=_("From addresses"), required=False, help_text=MANY)
    dstAddress = forms.CharField(label=_("To addresses"), required=False, help_text=MANY)
    srcPort = forms.CharField(label=_("From ports"), required=False, help_text=MANY)
    dstPort = forms.CharField(label=_("To ports"), required=False, help_text=MANY)
    protocol = forms.CharField(label=_("Protocols"), required=False, help_text=MANY)
    interfaceType = forms.ChoiceField(
        label=_("Send to"), required=False,
        choices=[("", _("where it would go anyway")), ("IP", _("an address")),
                 ("MAC", _("a MAC address")), ("TUNNEL", _("a tunnel"))],
    )
    dstIpAddress = forms.CharField(label=_("Destination address"), required=False)
    dstMacAddress = forms.CharField(label=_("Destination MAC address"), required=False)
    srcMacAddress = forms.CharField(label=_("Source MAC address"), required=False)
    tunnelType = forms.ChoiceField(label=_("Tunnel type"), required=False,
                                   choices=[("", "–"), ("GTP_U", "GTP-U"), ("GRE", "GRE")])
    tunnelDstAddress = forms.CharField(label=_("Far end of the tunnel"), required=False)
    tunnelSrcAddress = forms.CharField(label=_("Near end of the tunnel"), required=False)

    def shown(self, body: Body) -> Body:
        """The rule's own values, those of its first filter, and of its first destination."""
        first = (body.get("trafficFilter") or [{}])[0]
        goes = (body.get("dstInterface") or [{}])[0]
        tunnel = goes.get("tunnelInfo") or {}
        return {
            "rule_id": body[self.id_field],
            **{name: body[name] for name in ("filterType", "priority", "action")},
            **{name: ", ".join(first.get(name, [])) for name in LISTED},
            **{name: goes.get(name, "") for name in DESTINATION},
            **{name: tunnel.get(name, "") for name in TUNNEL},
        }

    def written(self) -> Body:
        """The rule, with what the form has no fields for as it was stored."""
        data, stored = self.cleaned_data, self.stored or {}
        filters = list(stored.get("trafficFilter", []))
        kept = {k: v for k, v in (filters[0] if filters else {}).items() if k not in LISTED}
        lists = {name: re.split(r"[\s,]+", data[name].strip(", ")) for name in LISTED if data[name]}
        first = kept | lists
        goes = list(stored.get("dstInterface", []))
        return {
            "trafficRuleId": data["rule_id"],
            **{name: data[name] for name in ("filterType", "priority", "action")},
            "trafficFilter": ([first] if first else []) + filters[1:],
            "dstInterface": ([self._destination()] if data["interfaceType"] else []) + goes[1:],
        }

    def _destination(self) -> Body:
        data = self.cleaned_data
        tunnel = {name: data[name] for name in TUNNEL if data[name]}
        return {
            **{name: data[name] for name in DESTINATION if data[name]},
            **({"tunnelInfo": tunnel} if tunnel else {}),
        }


FORMS: dict[str, type[RuleForm]] = {
    AppdRule.Kind.DNS: DnsRuleForm, AppdRule.Kind.TRAFFIC: TrafficRuleForm,
}


def _leaves(detail: Any, name: str = "") -> list[tuple[str, str]]:
    """Each sentence of nested errors with the last name on its way."""
    if isinstance(detail, Mapping):
        return [
            leaf for key, inner in detail.items()
            for leaf in _leaves(inner, name if isinstance(key, int) else str(key))
        ]
    if isinstance(detail, list):
        return [leaf for inner in detail for leaf in _leaves(inner, name)]
    text = str(detail) if isinstance(detail, ErrorDetail | str) else gettext("is not valid")
    return [(name, text)]
