"""What management sends over Mm5: credentials and rules of an application (EdgeGallery's forms)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from apps.mep.types import (
    DnsRule,
    Members,
    RuleId,
    SettableState,
    Short,
    TrafficRule,
    not_both,
)

# Their form is checked where they are stored (apps.mep.applications).
AccessKey = Annotated[
    str, Meta(min_length=1, max_length=256, extra_json_schema={"pattern": "^[A-Za-z0-9_=+/]{20}$"})
]
SecretKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        extra_json_schema={"pattern": "^[A-Za-z0-9_=+/]{64}$", "writeOnly": True},
    ),
]


class Credentials(Members):
    """An AK/SK pair; ``appName`` is where MECM v1.1 puts it."""

    accessKeyId: AccessKey
    secretKey: SecretKey
    appName: Short | UnsetType = UNSET


class AuthInfo(Members):
    """The wrapper of the pair."""

    credentials: Credentials


class AppFacts(Members):
    """What later releases say beside the pair."""

    appName: Short | UnsetType = UNSET
    requiredServices: Annotated[list[Short], Meta(max_length=64)] | UnsetType = UNSET


class Confs(Members):
    """``PUT …/confs``."""

    authInfo: AuthInfo
    appInfo: AppFacts | UnsetType = UNSET


class AppdDnsRule(DnsRule, kw_only=True):
    """A DNS rule in an application's configuration: named, and ACTIVE unless said."""

    dnsRuleId: RuleId
    state: SettableState = "ACTIVE"


class AppdTrafficRule(TrafficRule, kw_only=True):
    """A traffic rule in an application's configuration: named, and ACTIVE unless said."""

    trafficRuleId: RuleId
    state: SettableState = "ACTIVE"


_Dns = Annotated[list[AppdDnsRule], Meta(max_length=32)]


class AppDConfig(Members):
    """``appd_configuration``; MECM writes ``appDnsRule``, the original MEP ``appDNSRule``.

    No two rules have one id, and no two applications one name.
    """

    narrower = not_both("appDNSRule", "appDnsRule")

    appName: RuleId
    appTrafficRule: Annotated[list[AppdTrafficRule], Meta(max_length=16)] = []
    appDNSRule: _Dns | UnsetType = UNSET
    appDnsRule: _Dns | UnsetType = UNSET
    appSupportMp1: bool = True

    def __post_init__(self) -> None:
        if self.appDNSRule is not UNSET and self.appDnsRule is not UNSET:
            raise ValueError("give appDNSRule or appDnsRule, not both")
        dns = [rule.dnsRuleId for rule in self.dns_rules]
        traffic = [rule.trafficRuleId for rule in self.appTrafficRule]
        if len(set(dns)) < len(dns) or len(set(traffic)) < len(traffic):
            raise ValueError("the id of a rule is given twice")

    @property
    def dns_rules(self) -> list[AppdDnsRule]:
        """The DNS rules, whichever way their list is spelled."""
        for rules in (self.appDNSRule, self.appDnsRule):
            if not isinstance(rules, UnsetType):
                return rules
        return []


class GatewayService(Members):
    """The service of a gateway's log record; ``name`` is a service's name or id."""

    name: Short


class GatewayLog(Members):
    """One record of an API gateway's http-log plug-in, as far as it is counted."""

    service: GatewayService
    started_at: Any = UNSET
