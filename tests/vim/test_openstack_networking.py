"""From virtual links, connection points and their groups to Neutron.  No OpenStack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.vim.openstack_templates import (
    SITE,
    definition,
    group,
    layer,
    link,
    made,
    notes,
    policy,
    port,
    profile,
    refusal,
    spec,
    stated,
    unit,
)

PROVIDER = replace(SITE, may_create_provider_networks=True)


def wired(nic=None, net=None, *, inputs=None, **more):
    return definition(inputs=inputs, vdu=unit(), nic=nic or port(), net=net or link(), **more)


def test_ports_are_on_the_server_in_their_order():
    document = definition(
        vdu=unit(), a=port(order=2), b=port(order=0), c=port(order="1"), net=link()
    )
    assert stated(document, "vdu")["networks"] == [
        {"port": {"get_resource": name}} for name in ("b", "c", "a")
    ]


def test_a_server_without_ports_is_put_on_no_network():
    document = definition(vdu=unit())
    assert stated(document, "vdu")["networks"] == [{"allocate_network": "none"}]
    assert notes(document) == {("unit_unconnected", "vdu")}


def test_a_network_of_the_site_is_used_by_its_name():
    inputs = {"n6": {"default": "edge-n6"}}
    document = wired(net=link({"get_input": "n6"}), inputs=inputs)
    assert stated(document, "nic")["network"] == {"get_param": "n6"}
    assert set(made(document)) == {"vdu", "nic"}
    # Where the order says which, its value decides.
    assert refusal(document, spec(n6="elsewhere")).code == "network_unknown"
    shared = link(l3_protocol_data=[layer()], physical_network="physnet1")
    assert set(made(wired(net=shared))) == {"vdu", "nic"}
    assert [code for code, _ in notes(wired(net=shared))] == ["network_as_is"]


def test_a_network_that_nobody_can_make_is_refused():
    error = refusal(wired(net=link("inner")))
    assert error.code == "network_unknown"
    assert error.reason.params["known"] == "edge-mp1, edge-n6"
    assert refusal(wired(net=link("inner", l3_protocol_data=[{"ip_version": "ipv4"}]))).code == (
        "network_unknown"
    )


def test_a_network_with_a_cidr_is_made_for_the_instance():
    six = layer(
        "2001:db8::/64", ip_version="ipv6", ipv6_ra_mode="slaac", ipv6_address_mode="slaac"
    )
    four = layer(
        name="inner4", gateway_ip="192.0.2.1", dhcp_enabled=False, dns_name_servers=["192.0.2.53"],
        ip_allocation_pools=[{"start_ip_address": "192.0.2.10", "end_ip_address": "192.0.2.20"}],
        host_routes=[{"destination": "198.51.100.0/24", "nexthop": "192.0.2.2"}],
    )  # fmt: skip
    document = wired(net=link("inner", network_description="x", l3_protocol_data=[four, six]))
    resources = made(document)
    assert resources["net"] == {
        "type": "OS::Neutron::Net",
        "properties": {"name": "inner-11112222"},
    }
    assert resources["nic"]["properties"]["network"] == {"get_resource": "net"}
    assert resources["net_subnet_1"] == {
        "type": "OS::Neutron::Subnet",
        "properties": {
            "network": {"get_resource": "net"},
            "name": "inner4",
            "cidr": "192.0.2.0/24",
            "ip_version": 4,
            "gateway_ip": "192.0.2.1",
            "enable_dhcp": False,
            "dns_nameservers": ["192.0.2.53"],
            "allocation_pools": [{"start": "192.0.2.10", "end": "192.0.2.20"}],
            "host_routes": [{"destination": "198.51.100.0/24", "nexthop": "192.0.2.2"}],
        },
    }
    second = resources["net_subnet_2"]["properties"]
    assert (second["ip_version"], second["cidr"]) == (6, "2001:db8::/64")
    assert second["enable_dhcp"] is True
    assert (second["ipv6_ra_mode"], second["ipv6_address_mode"]) == ("slaac", "slaac")
    assert notes(document) == set()


def test_a_network_is_made_once_for_all_ports():
    document = definition(
        a=unit(), b=unit(), one=port("a"), two=port("b"),
        net=link("inner", l3_protocol_data=[layer()]),
    )  # fmt: skip
    kinds = [one["type"] for one in made(document).values()]
    assert kinds.count("OS::Neutron::Net") == kinds.count("OS::Neutron::Subnet") == 1


def test_the_name_of_a_made_network_may_come_from_an_input():
    net = link({"get_input": "inner"}, l3_protocol_data=[layer({"get_input": "cidr"})])
    inputs = {"inner": {"default": "mine"}, "cidr": {"default": "192.0.2.0/25"}}
    document = wired(net=net, inputs=inputs)
    assert stated(document, "net")["name"] == {
        "list_join": ["", [{"get_param": "inner"}, "-11112222"]]
    }
    assert stated(document, "net_subnet_1")["cidr"] == {"get_param": "cidr"}


@pytest.mark.parametrize("segment", ["1200", None])
def test_a_network_on_a_physical_one_needs_the_right_to_make_it(segment):
    net = link(
        "inner", network_type="vlan", physical_network="physnet1",
        provider_segmentation_id=segment, l3_protocol_data=[layer()],
    )  # fmt: skip
    assert refusal(wired(net=net)).code == "network_provider"
    made_net = made(wired(net=net), site=PROVIDER)["net"]
    assert made_net["type"] == "OS::Neutron::ProviderNet"
    wanted = {"name": "inner-11112222", "network_type": "vlan", "physical_network": "physnet1"}
    assert made_net["properties"] == wanted | ({"segmentation_id": segment} if segment else {})


def test_what_neutron_decides_itself_is_said_and_what_it_may_not_is_refused():
    net = link("inner", network_type="vxlan", vlan_transparent=True, l3_protocol_data=[layer()])
    assert notes(wired(net=net)) == {
        ("property_unread", "vl_profile.network_type"),
        ("property_unread", "vl_profile.vlan_transparent"),
    }
    net = link("inner", router_external=True, l3_protocol_data=[layer()])
    assert refusal(wired(net=net), site=PROVIDER).code == "network_external"


def test_a_link_that_no_port_is_on_is_left_out():
    document = wired(spare=link("nowhere"))
    assert set(made(document)) == {"vdu", "nic"}
    assert notes(document) == {("node_unused", "spare")}


def test_addresses_of_a_port():
    attributes = {
        "ipv4_address": "192.0.2.7",
        "ipv6_address": {"get_input": "six"},
        "ipv4_vip_address": "192.0.2.100",
        "ipv6_vip_address": "2001:db8::100",
        "mac": "fa:16:3e:00:00:01",
    }
    document = wired(port(attributes=attributes), inputs={"six": {"default": "2001:db8::7"}})
    nic = stated(document, "nic")
    assert nic["fixed_ips"] == [{"ip_address": "192.0.2.7"}, {"ip_address": {"get_param": "six"}}]
    assert nic["allowed_address_pairs"] == [
        {"ip_address": "192.0.2.100"},
        {"ip_address": "2001:db8::100"},
    ]
    assert nic["mac_address"] == "fa:16:3e:00:00:01"
    assert stated(document, "nic", spec(six=""))["fixed_ips"] == [{"ip_address": "192.0.2.7"}]


def test_zeros_are_no_address():
    attributes = {
        "ipv4_address": "0.0.0.0", "ipv6_address": "00::00", "ipv4_vip_address": "0.0.0.0",
        "ipv6_vip_address": "::", "mac": "00:00:00:00:00:00",
    }  # fmt: skip
    nic = stated(wired(port(attributes=attributes)), "nic")
    assert set(nic) == {"network", "binding:vnic_type", "port_security_enabled"}


def test_addresses_that_cannot_be():
    error = refusal(wired(port(attributes={"ipv4_address": "192.0.2"})))
    assert (error.code, error.reason.params["address"]) == ("address_invalid", "192.0.2")
    # A prefix would let the port speak for a whole network.
    error = refusal(wired(port(attributes={"ipv4_vip_address": "0.0.0.0/0"})))
    assert error.code == "address_invalid"
    for attributes in ({"ipv4_address": "192.0.2.7"}, {"mac": "fa:16:3e:00:00:01"}):
        two = definition(
            vdu=unit(vdu_profile=profile(2)), nic=port(attributes=attributes), net=link()
        )
        assert refusal(two).code == "address_shared"
    assert ("property_unread", "attributes.ipv4_addres") in notes(
        wired(port(attributes={"ipv4_addres": "192.0.2.7"}))
    )


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("network_name_mep", "app_mp1_ip"),
        ("network_name_n6", "app_n6_ip"),
        ("network_name_internet", "app_internet_ip"),
    ],
)
def test_a_port_has_the_address_of_its_plane_whatever_it_is_called(network, address):
    inputs = {network: {"default": "edge-n6"}, address: {"default": ""}}
    net = link({"get_input": network})
    document = wired(net=net, inputs=inputs)
    assert "fixed_ips" not in stated(document, "nic")
    order = spec(**{address: "192.0.2.9"})
    assert stated(document, "nic", order)["fixed_ips"] == [{"ip_address": {"get_param": address}}]
    own = wired(port(attributes={"ipv4_address": "192.0.2.7"}), net, inputs=inputs)
    assert stated(own, "nic", order)["fixed_ips"] == [{"ip_address": "192.0.2.7"}]
    assert refusal(document, spec(**{address: "here"})).code == "address_invalid"


def test_kinds_of_interfaces():
    assert stated(wired(port(vnic_type="direct")), "nic")["binding:vnic_type"] == "direct"
    assert refusal(wired(port(vnic_type="direct-physical"))).code == "vnic_type_unknown"


def test_a_port_without_security_has_no_groups_and_no_pairs():
    document = wired(
        port(port_security_enabled=False, attributes={"ipv4_vip_address": "192.0.2.100"}),
        groups={"open": group("PortSecurityGroup", "nic")},
        inputs={"mep_ip": {"default": "192.0.2.1"}},
    )
    nic = stated(document, "nic")
    assert nic["port_security_enabled"] is False
    assert not {"security_groups", "allowed_address_pairs"} & set(nic)
    assert notes(document) == {("group_without_security", "nic")}


@pytest.mark.parametrize(
    ("server", "to", "other"), [("lost", "net", "lost"), ("vdu", "lost", "lost"), ("", "net", "")]
)
def test_ports_of_what_the_template_lacks(server, to, other):
    document = wired(port(server, to))
    nodes = document["topology_template"]["node_templates"]
    nodes["other"] = nodes["vdu"]
    error = refusal(document)
    assert (error.code, error.reason.params["other"]) == ("reference_unknown", other)


def test_a_port_of_a_unit_that_is_not_there_is_the_only_units():
    document = wired(port("VM01"))
    assert stated(document, "nic") == stated(wired(), "nic")
    assert ("only_unit", "nic") in notes(document)
    assert stated(document, "vdu")["networks"] == [{"port": {"get_resource": "nic"}}]


def test_requirements_may_be_written_long():
    nic = port()
    nic["requirements"] = [{"virtual_binding": {"node": "vdu"}}, {"virtual_link": {"node": "net"}}]
    assert stated(wired(nic), "vdu")["networks"] == [{"port": {"get_resource": "nic"}}]


def guarded(inputs=None, **rule):
    """The one rule of a port's group."""
    document = wired(
        groups={"web": group("PortSecurityGroup", "nic")},
        policies={"rule": policy("SecurityGroupRule", "web", **rule)},
        inputs=inputs,
    )
    assert stated(document, "nic")["security_groups"] == [{"get_resource": "web"}]
    (found,) = stated(document, "web")["rules"]
    return found


@pytest.mark.parametrize(
    ("rule", "becomes"),
    [
        ({}, {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp"}),
        (
            {"port_range_min": 80, "port_range_max": 90},
            {"protocol": "tcp", "port_range_min": 80, "port_range_max": 90},
        ),
        (
            {"protocol": "udp", "port_range_max": 90},
            {"protocol": "udp", "port_range_min": 1, "port_range_max": 90},
        ),
        ({"port_range_min": 0, "port_range_max": 65535}, {"protocol": "tcp"}),
        ({"protocol": "icmp", "port_range_max": 65535}, {"protocol": "icmp"}),
        ({"protocol": "esp", "port_range_min": 80, "port_range_max": 90}, {"protocol": "esp"}),
        (
            {"protocol": "ipv6_icmp", "ether_type": "ipv6"},
            {"protocol": "ipv6-icmp", "ethertype": "IPv6"},
        ),
        ({"protocol": "udp_lite"}, {"protocol": "udplite"}),
        ({"protocol": "132"}, {"protocol": "132"}),
        ({"protocol": "any"}, {}),
        ({"direction": "egress"}, {"direction": "egress", "protocol": "tcp"}),
        (
            {"remote_ip_prefix": "198.51.100.0/24"},
            {"protocol": "tcp", "remote_ip_prefix": "198.51.100.0/24"},
        ),
    ],
)
def test_rules(rule, becomes):
    assert guarded(**rule) == {"direction": "ingress", "ethertype": "IPv4"} | becomes


def test_ports_of_a_protocol_without_ports_are_said():
    rule = policy("SecurityGroupRule", "web", protocol="icmp", port_range_min=8)
    groups = {"web": group("PortSecurityGroup", "nic")}
    document = wired(groups=groups, policies={"rule": rule})
    assert notes(document) == {("property_unread", "port_range")}


def test_rules_use_inputs():
    inputs = {"from": {"default": "198.51.100.0/24"}, "port": {"type": "integer", "default": 80}}
    rule = guarded(
        inputs, remote_ip_prefix={"get_input": "from"}, port_range_min={"get_input": "port"},
        port_range_max={"get_input": "port"},
    )  # fmt: skip
    assert rule["remote_ip_prefix"] == {"get_param": "from"}
    assert (rule["port_range_min"], rule["port_range_max"]) == (80, 80)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"protocol": "compaq_peer"}, "protocol_unknown"),
        ({"protocol": "999"}, "protocol_unknown"),
        ({"direction": "both"}, "rule_invalid"),
        ({"ether_type": "arp"}, "rule_invalid"),
    ],
)
def test_rules_that_neutron_does_not_know(rule, code):
    document = wired(
        groups={"web": group("PortSecurityGroup", "nic")},
        policies={"rule": policy("SecurityGroupRule", "web", **rule)},
    )
    assert refusal(document).code == code


def test_groups_and_rules_of_what_the_template_lacks():
    document = wired(groups={"web": group("PortSecurityGroup", "lost")})
    assert refusal(document).code == "reference_unknown"
    document = wired(policies={"rule": policy("SecurityGroupRule", "lost")})
    assert refusal(document).code == "reference_unknown"


def test_a_port_may_be_in_several_groups_and_a_group_may_have_its_members_inside():
    inside = {"type": "tosca.groups.nfv.PortSecurityGroup", "properties": {"members": ["nic"]}}
    document = wired(groups={"b": inside, "a": group("PortSecurityGroup", "nic")})
    assert stated(document, "nic")["security_groups"] == [
        {"get_resource": "a"},
        {"get_resource": "b"},
    ]


def test_ports_in_no_group_let_in_users_and_the_platform():
    inputs = {"ue_ip_segment": {"default": "0.0.0.0/0"}, "mep_ip": {"default": "192.0.2.1"}}
    document = definition(
        inputs=inputs, vdu=unit(), nic=port(), other=port(order=1), net=link(),
        groups={"web": group("PortSecurityGroup", "other")},
    )  # fmt: skip
    usual = {"get_resource": "default_security_group"}
    assert stated(document, "nic")["security_groups"] == [usual]
    assert stated(document, "other")["security_groups"] == [{"get_resource": "web"}]
    rules = stated(document, "default_security_group")["rules"]
    assert [(rule["protocol"], rule["ethertype"]) for rule in rules[:3]] == [
        ("tcp", "IPv4"),
        ("udp", "IPv4"),
        ("icmp", "IPv4"),
    ]
    assert {rule["direction"] for rule in rules} == {"ingress"}
    assert [rule["remote_ip_prefix"] for rule in rules] == [{"get_param": "ue_ip_segment"}] * 3 + [
        {"list_join": ["", [{"get_param": "mep_ip"}, "/32"]]}
    ] * 3


def test_the_usual_group_knows_both_versions_of_ip():
    document = wired(inputs={"mep_ip": {"default": "2001:db8::1"}})
    rule = stated(document, "default_security_group")["rules"][2]
    assert (rule["ethertype"], rule["protocol"]) == ("IPv6", "ipv6-icmp")
    assert rule["remote_ip_prefix"]["list_join"][1][1] == "/128"
    assert refusal(document, spec(mep_ip="the-mep")).code == "network_invalid"
    assert "security_groups" not in stated(document, "nic", spec(mep_ip=""))
