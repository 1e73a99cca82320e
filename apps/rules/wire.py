"""Configurations and tasks as clients read them, and rules as the MEC platform takes them."""

from __future__ import annotations

import hashlib
from typing import Any

from apps.common.words import say
from apps.rules.models import AppdConfiguration, AppdRule, RuleTask
from apps.rules.specs import AppdSpec, Body
from apps.rules.states import CONFIG_RESULT, TaskState

LISTS = (
    "srcAddress", "srcPort", "dstAddress", "dstPort", "protocol", "tag", "srcTunnelAddress",
    "dstTunnelAddress", "srcTunnelPort", "dstTunnelPort",
)
NUMBERS = {"qci": "qCI", "dscp": "dSCP", "tc": "tC"}
# What MEC 011 calls differently, and how long its ids may be.
_ACTIONS = {"DUPLICATED_DECAPSULATED": "DUPLICATE_DECAPSULATED"}
_MOST_ID, _DIGEST = 63, 12


def configuration(row: AppdConfiguration) -> Body:
    """``AppdConfig`` of EdgeGallery, absent values as null; then how far it has come."""
    found: dict[str, list[Body]] = {AppdRule.Kind.DNS: [], AppdRule.Kind.TRAFFIC: []}
    for rule in row.rules.all():
        traffic = rule.kind == AppdRule.Kind.TRAFFIC
        found[rule.kind].append(_traffic(rule.body) if traffic else dict(rule.body))
    return {
        "appInstanceId": str(row.instance_id),
        "appName": row.app_name,
        "appSupportMp1": row.supports_mp1,
        "appTrafficRule": found[AppdRule.Kind.TRAFFIC],
        "appDNSRule": found[AppdRule.Kind.DNS],
        "delivered": row.is_delivered,
        "version": row.version,
    }


def at_edge(row: AppdConfiguration) -> Body:
    """The same in the spelling of EdgeGallery's rule manager at an edge."""
    body = configuration(row)
    body["appDnsRule"] = body.pop("appDNSRule")
    for rule in body["appTrafficRule"]:
        for one in rule["trafficFilter"]:
            one |= {mixed: one.pop(low) for low, mixed in NUMBERS.items()}
        for one in rule["dstInterface"]:
            one["TunnelInfo"] = one.pop("tunnelInfo") or {}
    return body


def order(spec: AppdSpec) -> Body:
    """A configuration as it is sent to an edge's rule manager."""
    return {
        "appName": spec.app_name,
        **({} if spec.supports_mp1 is None else {"appSupportMp1": spec.supports_mp1}),
        "appTrafficRule": list(spec.traffic.values()),
        "appDnsRule": list(spec.dns.values()),
    }


def spec_of(row: AppdConfiguration) -> AppdSpec:
    """The stored configuration as a spec."""
    rules: dict[str, dict[str, Body]] = {AppdRule.Kind.DNS: {}, AppdRule.Kind.TRAFFIC: {}}
    for rule in row.rules.all():
        rules[rule.kind][rule.rule_id] = rule.body
    return AppdSpec(
        row.app_name, row.supports_mp1, rules[AppdRule.Kind.DNS], rules[AppdRule.Kind.TRAFFIC]
    )


def task_info(task: RuleTask) -> Body:
    """``TaskInfo`` of EdgeGallery's orchestrator; then the states that it has no words for."""
    return {
        "taskId": str(task.pk),
        "appInstanceId": str(task.instance_id),
        "configResult": CONFIG_RESULT[task.state],
        "detailed": say(task.why) or None,
        "action": task.verb,
        "state": task.state,
        "attempts": task.attempts,
        "createdAt": task.created_at,
        "finishedAt": task.finished_at,
    }


def progress(task: RuleTask) -> Body:
    """``OperationProgress`` of EdgeGallery's rule manager."""
    return {
        "taskId": str(task.pk),
        "appInstanceId": str(task.instance_id),
        "configResult": CONFIG_RESULT[task.state],
        "configPhase": "100" if task.state == TaskState.SUCCESS else "0",
        "detailed": say(task.why),
    }


def platform_dns(rules: dict[str, Body]) -> dict[str, Body]:
    """DNS rules in the words of MEC 011."""
    return {
        platform_id(key): {
            "domainName": body["domainName"],
            "ipAddressType": body["ipAddressType"],
            "ipAddress": body["ipAddress"],
            "ttl": body["ttl"],
            "state": "ACTIVE",
        }
        for key, body in rules.items()
    }


def platform_traffic(rules: dict[str, Body]) -> dict[str, Body]:
    """Traffic rules in the words of MEC 011, in which a rule without a filter has an empty one."""
    return {platform_id(key): _platform_rule(body) for key, body in rules.items()}


def platform_id(rule_id: str) -> str:
    """The id at the platform: the rule's own, or its beginning and a digest if it is too long."""
    if len(rule_id) <= _MOST_ID:
        return rule_id
    digest = hashlib.sha256(rule_id.encode()).hexdigest()[:_DIGEST]
    return f"{rule_id[: _MOST_ID - _DIGEST - 1]}-{digest}"


def _platform_rule(body: Body) -> Body:
    destinations = []
    for one in body.get("dstInterface", []):
        tunnel = one.get("tunnelInfo", {})
        kept = {key: value for key, value in tunnel.items() if key != "tunnelSpecificData"}
        destinations.append({**one, **({"tunnelInfo": kept} if kept else {})})
    filters = [
        {NUMBERS.get(_tunnel(key), _tunnel(key)): value for key, value in one.items()}
        for one in body.get("trafficFilter", [])
    ]
    return {
        "filterType": body["filterType"],
        "priority": body["priority"],
        "action": _ACTIONS.get(body["action"], body["action"]),
        "trafficFilter": filters or [{}],
        "state": "ACTIVE",
        **({"dstInterface": destinations} if destinations else {}),
    }


def _tunnel(key: str) -> str:
    return "tgtTunnelAddress" if key == "dstTunnelAddress" else key


def _traffic(body: Body) -> Body:
    """A rule with all that EdgeGallery's has."""
    filters = [
        {name: one.get(name, []) for name in LISTS} | {name: one.get(name, 0) for name in NUMBERS}
        for one in body.get("trafficFilter", [])
    ]
    return {**body, "trafficFilter": filters, "dstInterface": list(map(_destination, _of(body)))}


def _of(body: Body) -> list[Body]:
    found: list[Body] = body.get("dstInterface", [])
    return found


def _destination(one: Body) -> dict[str, Any]:
    tunnel = one.get("tunnelInfo")
    names = ("tunnelType", "tunnelDstAddress", "tunnelSrcAddress", "tunnelSpecificData")
    return {
        "interfaceType": one["interfaceType"],
        "srcMacAddress": one.get("srcMacAddress"),
        "dstMacAddress": one.get("dstMacAddress"),
        "dstIpAddress": one.get("dstIpAddress"),
        "tunnelInfo": {name: tunnel.get(name) for name in names} if tunnel else None,
    }
