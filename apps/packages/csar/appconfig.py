"""The app_configuration node: services, features, DNS and traffic rules (MEC 010-2 clause 6.2).

Reads and normalises; whether a rule may be applied is for the rules of the edge to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.packages.csar.checks import Report
from apps.packages.csar.info import DnsRule, Service, TrafficRule
from apps.packages.csar.shapes import as_bool, as_int, as_map, as_maps, as_text, as_texts

FILTER_LISTS: Final = {
    "srcAddress": (),
    "dstAddress": (),
    "srcPort": (),
    "dstPort": (),
    "protocol": (),
    "tag": (),
    "srcTunnelAddress": (),
    # The standard says tgt, EdgeGallery's rule API dst; both circulate.
    "dstTunnelAddress": ("tgtTunnelAddress",),
    "srcTunnelPort": (),
    "dstTunnelPort": ("tgtTunnelPort",),
}
FILTER_NUMBERS: Final = ("qCI", "dSCP", "tC")
INTERFACE_TEXTS: Final = ("interfaceType", "srcMacAddress", "dstMacAddress", "dstIpAddress")
TUNNEL_TEXTS: Final = (
    "tunnelType",
    "tunnelDstAddress",
    "tunnelSrcAddress",
    "tunnelSpecificData",
)


@dataclass(frozen=True)
class AppConfig:
    """What the node says, normalised; empty where the template has no such node."""

    app_name: str = ""
    supports_mp1: bool = False
    features_required: tuple[str, ...] = ()
    features_optional: tuple[str, ...] = ()
    services_required: tuple[Service, ...] = ()
    services_optional: tuple[Service, ...] = ()
    services_produced: tuple[Service, ...] = ()
    dns_rules: tuple[DnsRule, ...] = ()
    traffic_rules: tuple[TrafficRule, ...] = ()


def read(nodes: Iterable[tuple[str, dict[str, Any]]], path: str, report: Report) -> AppConfig:
    """The configuration in the first of ``nodes``; ``path`` names the template in the report."""
    properties = next((as_map(node.get("properties")) for _, node in nodes), None)
    if properties is None:
        report.info(
            "no_app_configuration",
            N_("“%(path)s” has no app_configuration: no services and no rules are known."),
            path,
        )
        return AppConfig()
    config = AppConfig(
        app_name=as_text(properties.get("appName")),
        supports_mp1=as_bool(properties.get("appSupportMp1")),
        features_required=_features(properties.get("appFeatureRequired")),
        features_optional=_features(properties.get("appFeatureOptional")),
        services_required=_services(properties.get("appServiceRequired")),
        services_optional=_services(properties.get("appServiceOptional")),
        services_produced=_services(properties.get("appServiceProduced")),
        dns_rules=tuple(map(_dns, as_maps(_either(properties, "appDNSRule", "appDnsRule")))),
        traffic_rules=tuple(map(_traffic, as_maps(properties.get("appTrafficRule")))),
    )
    _check(config, path, report)
    return config


def _either(block: dict[str, Any], *keys: str) -> Any:
    return next((block[key] for key in keys if block.get(key) is not None), None)


def _features(value: Any) -> tuple[str, ...]:
    names = (as_text(item.get("featureName") or item.get("name")) for item in as_maps(value))
    return tuple(name for name in names if name)


def _services(value: Any) -> tuple[Service, ...]:
    return tuple(
        Service(
            name=as_text(item.get("serName")),
            version=as_text(item.get("version")),
            category=as_text(as_map(item.get("serCategory")).get("name"))
            or as_text(item.get("serCategory")),
            app_id=as_text(item.get("appId")),
            package_id=as_text(item.get("packageId")),
            dns_rules=as_texts(item.get("dnsRuleIdList")),
            traffic_rules=as_texts(item.get("trafficRuleIdList")),
        )
        for item in as_maps(value)
        if as_text(item.get("serName"))
    )


def _dns(item: dict[str, Any]) -> DnsRule:
    return DnsRule(
        id=as_text(item.get("dnsRuleId")),
        domain=as_text(item.get("domainName")),
        address_type=as_text(item.get("ipAddressType")) or "IP_V4",
        address=as_text(item.get("ipAddress")),
        ttl=as_int(item.get("ttl")),
    )


def _traffic(item: dict[str, Any]) -> TrafficRule:
    return TrafficRule(
        id=as_text(item.get("trafficRuleId")),
        filter_type=as_text(item.get("filterType")) or "FLOW",
        priority=as_int(item.get("priority")),
        action=as_text(item.get("action")),
        filters=tuple(map(_filter, as_maps(item.get("trafficFilter")))),
        interfaces=tuple(map(_interface, as_maps(item.get("dstInterface")))),
    )


def _filter(item: dict[str, Any]) -> dict[str, Any]:
    lists = {key: list(as_texts(_either(item, key, *more))) for key, more in FILTER_LISTS.items()}
    return {**lists, **{key: as_int(item.get(key)) for key in FILTER_NUMBERS}}


def _interface(item: dict[str, Any]) -> dict[str, Any]:
    # One circulating spelling misses the last letter of the key.
    address = _either(item, "dstIpAddress", "dstIPAddress", "ipv4_addres", "ipv4_address")
    tunnel = as_map(_either(item, "tunnelInfo", "TunnelInfo"))
    texts = {key: as_text(item.get(key)) for key in INTERFACE_TEXTS}
    texts["dstIpAddress"] = as_text(address)
    return {**texts, "tunnelInfo": {key: as_text(tunnel.get(key)) for key in TUNNEL_TEXTS}}


def _check(config: AppConfig, path: str, report: Report) -> None:
    """Rules without an id, and services that name rules which are not there."""
    dns = {rule.id for rule in config.dns_rules}
    traffic = {rule.id for rule in config.traffic_rules}
    if "" in dns | traffic:
        report.warning("rule_without_id", N_("A rule in “%(path)s” has no id."), path)
    if len(dns) < len(config.dns_rules) or len(traffic) < len(config.traffic_rules):
        report.warning("rule_id_twice", N_("Two rules in “%(path)s” have the same id."), path)
    for service in config.services_produced:
        for one in {*service.dns_rules} - dns | {*service.traffic_rules} - traffic:
            report.warning(
                "service_rule_missing",
                N_("The service “%(name)s” names the rule “%(other)s”, which is not there."),
                path,
                name=service.name,
                other=one,
            )
