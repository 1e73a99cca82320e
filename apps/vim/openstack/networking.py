"""Virtual links and connection points as networks, subnets and ports of Neutron."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.vim.errors import VimRefused
from apps.vim.openstack.draft import Draft
from apps.vim.openstack.security import Groups
from apps.vim.openstack.servers import UNIT, Unit
from apps.vim.openstack.site import own_name
from apps.vim.openstack.tosca import Entry, Template, as_list, as_map

LINK: Final = "virtuallink"
POINT: Final = "vducp"
# Both name a link for people, or say what the guest decides.
POINT_STATED: Final = (
    "description", "vnic_name", "order", "vnic_type", "port_security_enabled",
)  # fmt: skip
ADDRESSES: Final = ("ipv4_address", "ipv6_address")
VIRTUAL_ADDRESSES: Final = ("ipv4_vip_address", "ipv6_vip_address")
ATTRIBUTES: Final = (*ADDRESSES, *VIRTUAL_ADDRESSES, "mac")
LINK_STATED: Final = (
    "network_name", "network_description", "network_type", "physical_network",
    "provider_segmentation_id", "router_external", "l3_protocol_data",
)  # fmt: skip
LAYER_STATED: Final = (
    "name", "ip_version", "cidr", "ip_allocation_pools", "gateway_ip", "dhcp_enabled",
    "ipv6_ra_mode", "ipv6_address_mode", "host_routes", "dns_name_servers",
)  # fmt: skip
# EdgeGallery's inputs for the names of the networks of each plane, and for an address in it.
PLANES: Final = {
    "network_name_mep": "app_mp1_ip",
    "network_name_n6": "app_n6_ip",
    "network_name_internet": "app_internet_ip",
}
# SR-IOV without an entry of the host's own tables: what the types of EdgeGallery know.
VNIC_TYPES: Final = ("normal", "direct")
NO_MAC: Final = "00:00:00:00:00:00"


class Links:
    """The networks that ports are put on: the site's by name, or made for this instance."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._made: dict[str, Any] = {}

    def network(self, link: Entry) -> Any:
        """What a port states as its network; made once, however many ports are on it."""
        if link.name not in self._made:
            self._made[link.name] = self._network(link)
        return self._made[link.name]

    def _network(self, link: Entry) -> Any:
        draft, inputs, profile = self.draft, self.draft.inputs, profile_of(link)
        stated = profile.get("network_name") or link.name
        name = str(inputs.plain(stated))
        layers = [as_map(one) for one in as_list(profile.get("l3_protocol_data"))]
        if name in draft.site.networks:
            if layers:
                draft.note(
                    N_("The network “%(network)s” is at the site and is used as it is there."),
                    "network_as_is",
                    network=inputs.words(stated),
                )
            return inputs.hot(stated)
        if not layers or not all(inputs.plain(one.get("cidr")) for one in layers):
            raise VimRefused(
                N_(
                    "The network “%(network)s” of “%(name)s” is not at the site, and the template "
                    "gives no CIDR (l3_protocol_data) to make it with. The site has: %(known)s."
                ),
                code="network_unknown",
                network=inputs.words(stated),
                name=link.name,
                known=", ".join(sorted(draft.site.networks)) or "-",
            )
        draft.unread(link.name, profile, LINK_STATED, "vl_profile")
        # Two instances of a package have each a network, and a change of one finds its own again.
        own = inputs.joined([stated, own_name("", draft.instance_id)])
        made = draft.add(link.name, *self._kind(link, profile, own))
        for number, layer in enumerate(layers, start=1):
            self._subnet(link, made, layer, number)
        return made

    def _kind(self, link: Entry, profile: Mapping[str, Any], name: Any) -> tuple[str, Any]:
        """The resource type of a network, and its properties."""
        draft, inputs = self.draft, self.draft.inputs
        if inputs.truth(profile.get("router_external")):
            text = N_("“%(name)s” is to be an external network, which no package may make.")
            raise VimRefused(text, code="network_external", name=link.name)
        physical = profile.get("physical_network")
        segment = profile.get("provider_segmentation_id")
        if not (inputs.plain(physical) or inputs.plain(segment)):
            # Neutron chooses the type itself for networks of projects.
            draft.unread(link.name, {"network_type": profile.get("network_type")}, (), "vl_profile")
            return "OS::Neutron::Net", {"name": name}
        if not draft.site.may_create_provider_networks:
            raise VimRefused(
                N_(
                    "“%(name)s” is a network on a physical one, which the host's credentials may "
                    "not make: have it made at the site."
                ),
                code="network_provider",
                name=link.name,
            )
        properties = {
            "name": name,
            "network_type": inputs.hot(profile.get("network_type")) or "vlan",
            "physical_network": inputs.hot(physical),
            "segmentation_id": inputs.hot(segment),
        }
        return "OS::Neutron::ProviderNet", properties

    def _subnet(self, link: Entry, network: Any, layer: dict[str, Any], number: int) -> None:
        draft, inputs = self.draft, self.draft.inputs
        draft.unread(link.name, layer, LAYER_STATED, "l3_protocol_data")
        version = str(inputs.plain(layer.get("ip_version"))).casefold()
        alike = ("cidr", "gateway_ip", "ipv6_ra_mode", "ipv6_address_mode")
        hot = {key: inputs.hot(layer.get(key)) for key in alike}
        pools = [as_map(one) for one in as_list(layer.get("ip_allocation_pools"))]
        routes = [as_map(one) for one in as_list(layer.get("host_routes"))]
        draft.add(
            f"{link.name}_subnet_{number}",
            "OS::Neutron::Subnet",
            hot
            | {
                "network": network,
                "name": inputs.hot(layer.get("name")),
                "ip_version": 6 if version in ("ipv6", "6") else 4,
                "enable_dhcp": inputs.truth(layer.get("dhcp_enabled"), default=True),
                "allocation_pools": [
                    {
                        "start": inputs.hot(one.get("start_ip_address")),
                        "end": inputs.hot(one.get("end_ip_address")),
                    }
                    for one in pools
                ],
                "host_routes": [
                    {key: inputs.hot(one.get(key)) for key in ("destination", "nexthop")}
                    for one in routes
                ],
                "dns_nameservers": [
                    inputs.hot(one) for one in as_list(layer.get("dns_name_servers"))
                ],
            },
        )


def profile_of(link: Entry) -> dict[str, Any]:
    """The profile of a virtual link."""
    return as_map(link.properties.get("vl_profile"))


class Ports:
    """Adds the ports of units; ``of_server`` has the references of each server, in their order."""

    def __init__(self, draft: Draft, template: Template, units: Mapping[str, Unit]) -> None:
        self.draft, self.template, self.units = draft, template, units
        self.links, self.groups = Links(draft), Groups(draft, template)
        self.of_server: dict[str, list[dict[str, str]]] = {}

    def add_all(self) -> None:
        """Add every port; a network that the guest sees first has the lowest order."""
        points = self.template.of(POINT)
        orders = {
            point.name: self.draft.inputs.whole(point.properties.get("order")) for point in points
        }
        for point in sorted(points, key=lambda one: (orders[one.name], one.name)):
            unit = self._unit(point)
            if unit.servers:
                self._add(point, unit)

    def _unit(self, point: Entry) -> Unit:
        """The unit that a port belongs to.

        Packages circulate whose ports name another one than there is; where there is but one, that
        is meant.
        """
        stated = next(iter(point.requires("virtual_binding")), "")
        if len(self.units) == 1 and stated not in self.units:
            (only,) = self.units.items()
            text = N_("“%(name)s” belongs to “%(other)s”, which the template lacks; “%(unit)s”"
                      " gets it.")
            self.draft.note(text, "only_unit", name=point.name, other=stated, unit=only[0])
            return only[1]
        return self.units[self.template.target(point, "virtual_binding", UNIT).name]

    def _add(self, point: Entry, unit: Unit) -> None:
        draft, inputs, stated = self.draft, self.draft.inputs, point.properties
        draft.unread(point.name, stated, POINT_STATED, "")
        attributes = as_map(point.body.get("attributes"))
        draft.unread(point.name, attributes, ATTRIBUTES, "attributes")
        link = self.template.target(point, "virtual_link", LINK)
        fixed = self._addresses(point, attributes, ADDRESSES) or self._of_plane(point, link)
        mac = attributes.get("mac")
        mac = None if inputs.plain(mac) in ("", NO_MAC) else inputs.hot(mac)
        if len(unit.servers) > 1 and (fixed or mac):
            text = N_("“%(name)s” has one address for %(count)s servers.")
            raise VimRefused(text, code="address_shared", name=point.name, count=len(unit.servers))
        secured = inputs.truth(stated.get("port_security_enabled"), default=True)
        virtual = self._addresses(point, attributes, VIRTUAL_ADDRESSES)
        properties = {
            "network": self.links.network(link),
            "binding:vnic_type": self._vnic_type(point),
            "port_security_enabled": secured,
            "fixed_ips": [{"ip_address": one} for one in fixed],
            "mac_address": mac,
            # Without port security a port may use any address, and Neutron takes neither of these.
            "allowed_address_pairs": [{"ip_address": one} for one in virtual if secured],
            "security_groups": self.groups.of_port(point, secured=secured),
        }
        for server, name in zip(unit.servers, unit.suffixed(point.name), strict=True):
            port = draft.add(name, "OS::Neutron::Port", properties)
            self.of_server.setdefault(server, []).append(port)

    def _addresses(
        self, point: Entry, attributes: Mapping[str, Any], keys: Sequence[str]
    ) -> list[Any]:
        """The stated addresses; all zeros are EdgeGallery's way of stating none."""
        inputs, found = self.draft.inputs, []
        for key in keys:
            text = str(inputs.plain(attributes.get(key)))
            if not text:
                continue
            if self._address(point, attributes[key], text):
                found.append(inputs.hot(attributes[key]))
        return found

    def _of_plane(self, point: Entry, link: Entry) -> list[Any]:
        """The address that the order gives for the plane of this link, or none."""
        stated = as_map(profile_of(link).get("network_name")).get("get_input")
        name = PLANES.get(str(stated), "")
        if not self.draft.inputs.has(name):
            return []
        return self._addresses(point, {"address": {"get_input": name}}, ("address",))

    def _address(self, point: Entry, stated: Any, text: str) -> bool:
        """Whether an address is one that a port can have; VimRefused where it is no address."""
        try:
            # 00::00 is how the types of EdgeGallery write the default of IPv6.
            return int(ipaddress.ip_address("::" if text == "00::00" else text)) != 0
        except ValueError:
            words = self.draft.inputs.words(stated)
            text = N_("“%(address)s” of “%(name)s” is not an IP address.")
            raise VimRefused(text, code="address_invalid", address=words, name=point.name) from None

    def _vnic_type(self, point: Entry) -> str:
        found = str(self.draft.inputs.plain(point.properties.get("vnic_type"))) or VNIC_TYPES[0]
        if found not in VNIC_TYPES:
            words = self.draft.inputs.words(point.properties["vnic_type"])
            raise VimRefused(
                N_("“%(name)s” has the vNIC type “%(type)s”; it may be one of these: %(known)s."),
                code="vnic_type_unknown", name=point.name, type=words,
                known=", ".join(VNIC_TYPES),
            )  # fmt: skip
        return found
