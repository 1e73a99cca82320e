"""Groups and rules of ports as security groups of Neutron; placement rules as server groups."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.openstack.draft import Draft
from apps.vim.openstack.tosca import Entry, Template

GROUP: Final = "portsecuritygroup"
RULE: Final = "securitygrouprule"
DEFAULT_GROUP: Final = "default_security_group"
RULE_STATED: Final = (
    "description", "direction", "ether_type", "protocol", "port_range_min", "port_range_max",
    "remote_ip_prefix",
)  # fmt: skip
ETHER_TYPES: Final = {"": "IPv4", "ipv4": "IPv4", "ipv6": "IPv6"}
DIRECTIONS: Final = {"": "ingress", "ingress": "ingress", "egress": "egress"}
WITH_PORTS: Final = ("tcp", "udp", "sctp", "dccp", "udplite")
# What Heat and Neutron call protocols by name; any other is written by its number (IANA).
PROTOCOLS: Final = (
    *WITH_PORTS, "ah", "egp", "esp", "gre", "icmp", "igmp", "ipv6-encap", "ipv6-frag",
    "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp", "vrrp",
)  # fmt: skip
# SOL 001 writes them with other spellings than Neutron.
SPELLINGS: Final = {"udp_lite": "udplite", "ospfigp": "ospf", "ipv6_no_nxt": "ipv6-nonxt"}
LAST_PORT: Final = 65535


class Groups:
    """The security groups of ports, each added when the first port is in it."""

    def __init__(self, draft: Draft, template: Template) -> None:
        self.draft = draft
        self._members: dict[str, set[str]] = {}
        self._rules: dict[str, list[Entry]] = {}
        self._added: dict[str, dict[str, str]] = {}
        for group in template.groups.values():
            if group.kind.endswith(GROUP):
                names = group.names("members")
                self._members[group.name] = {
                    template.node(group, name, "vducp").name for name in names
                }
        for policy in template.policies.values():
            if policy.kind.endswith(RULE):
                for target in policy.names("targets"):
                    known_group(policy, target, self._members)
                    self._rules.setdefault(target, []).append(policy)

    def of_port(self, point: Entry, *, secured: bool) -> list[dict[str, str]]:
        """The groups of a port; of one that the template puts in none, the usual one."""
        names = [name for name, members in self._members.items() if point.name in members]
        if not secured:
            if names:
                self.draft.note(
                    N_("“%(name)s” has port security off, so that its security group is none."),
                    "group_without_security",
                    name=point.name,
                )
            return []
        if names:
            return [self._group(name) for name in names]
        usual = self._usual()
        return [usual] if usual else []

    def _group(self, name: str) -> dict[str, str]:
        if name not in self._added:
            rules = [self._rule(one) for one in self._rules.get(name, ())]
            self._added[name] = self.draft.add(name, "OS::Neutron::SecurityGroup", {"rules": rules})
        return self._added[name]

    def _usual(self) -> dict[str, str] | None:
        """Lets in the traffic of users and of the MEC platform, where inputs say what they are."""
        if DEFAULT_GROUP not in self._added:
            inputs = self.draft.inputs
            prefixes = [
                (name, {"get_input": name}, whole)
                for name, whole in (("ue_ip_segment", False), ("mep_ip", True))
                if inputs.has(name)
            ]
            if not prefixes:
                return None
            rules = [rule for one in prefixes for rule in self._open(*one)]
            self._added[DEFAULT_GROUP] = self.draft.add(
                DEFAULT_GROUP, "OS::Neutron::SecurityGroup", {"rules": rules}
            )
        return self._added[DEFAULT_GROUP]

    def _open(self, name: str, stated: Any, whole: bool) -> list[dict[str, Any]]:
        """Rules that let in what comes from a network, or from one address (``whole``)."""
        inputs = self.draft.inputs
        try:
            network = ipaddress.ip_network(str(inputs.plain(stated)), strict=False)
        except ValueError:
            text = N_("The value of the input “%(name)s” is neither an address nor a network.")
            raise VimRefused(text, code="network_invalid", name=name) from None
        alone = whole and network.prefixlen == network.max_prefixlen
        suffix = f"/{network.max_prefixlen}"
        value = inputs.plain(stated)
        bare = alone and "/" not in str(value)
        prefix = inputs.joined([stated, suffix]) if bare else inputs.hot(stated)
        icmp = "icmp" if network.version == 4 else "ipv6-icmp"
        return [
            {
                "direction": "ingress",
                "ethertype": f"IPv{network.version}",
                "protocol": protocol,
                "remote_ip_prefix": prefix,
            }
            for protocol in ("tcp", "udp", icmp)
        ]

    def _rule(self, policy: Entry) -> dict[str, Any]:
        inputs, stated = self.draft.inputs, policy.properties
        self.draft.unread(policy.name, stated, RULE_STATED, "")
        protocol = self._protocol(policy)
        rule = {
            "direction": self._word(policy, "direction", DIRECTIONS),
            "ethertype": self._word(policy, "ether_type", ETHER_TYPES),
            "protocol": protocol,
            "remote_ip_prefix": inputs.hot(stated.get("remote_ip_prefix")),
        }
        # Neutron knows no port 0, and all ports are no ports.
        first = max(inputs.whole(stated.get("port_range_min")), 1)
        last = inputs.whole(stated.get("port_range_max"), LAST_PORT)
        if (first, last) != (1, LAST_PORT):
            if protocol in WITH_PORTS:
                rule |= {"port_range_min": first, "port_range_max": last}
            else:
                self.draft.unread(policy.name, {"port_range": f"{first}-{last}"}, (), "")
        return {key: value for key, value in rule.items() if value != ""}

    def _protocol(self, policy: Entry) -> str:
        """The protocol as Neutron spells it; nothing for any."""
        stated = policy.properties.get("protocol", "tcp")
        found = str(self.draft.inputs.plain(stated)).casefold()
        found = SPELLINGS.get(found, found.replace("_", "-"))
        number = found.isascii() and found.isdigit() and int(found[:4]) < 256
        if found in ("any", "all", ""):
            return ""
        if found not in PROTOCOLS and not number:
            raise VimRefused(
                N_(
                    "“%(name)s” is about the protocol “%(protocol)s”, which Neutron does not know "
                    "by name: write its number."
                ),
                code="protocol_unknown",
                name=policy.name,
                protocol=self.draft.inputs.words(stated),
            )
        return found

    def _word(self, policy: Entry, key: str, words: Mapping[str, str]) -> str:
        stated = policy.properties.get(key)
        try:
            return words[str(self.draft.inputs.plain(stated)).casefold()]
        except KeyError:
            raise VimRefused(
                N_("“%(name)s” has “%(value)s” as its %(key)s; it may be one of these: %(known)s."),
                code="rule_invalid",
                name=policy.name,
                key=key,
                value=self.draft.inputs.words(stated),
                known=", ".join(filter(None, words)),
            ) from None


def known_group(policy: Entry, target: str, known: Mapping[str, Any]) -> None:
    """Refuse a policy about something that the template lacks."""
    if target not in known:
        raise VimRefused(
            N_("“%(name)s” refers to “%(other)s”, which the template lacks. It has: %(known)s."),
            code="reference_unknown",
            name=policy.name,
            other=target,
            known=", ".join(sorted(known)) or "-",
        )
