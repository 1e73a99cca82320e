"""The other example of machines: a front and a back that share a network of their own.

And the Heat template that a package may bring instead of leaving it to be made.
"""

from __future__ import annotations

from typing import Any

from examples.packages.content import slug

# A private network of the example; a range for documentation.
BETWEEN = "198.51.100.0/24"
HEAT = """\
heat_template_version: 2018-08-31
description: {title}, as its maker wants it to run
parameters:
  image: {{type: string, default: gateway-linux}}
  flavor: {{type: string, default: 1c-2048m-10g}}
  network: {{type: string, default: edge-n6}}
  site_name: {{type: string, default: edge}}
  ak: {{type: string, default: ""}}
  sk: {{type: string, default: "", hidden: true}}
resources:
  group:
    type: OS::Neutron::SecurityGroup
    properties:
      rules:
        - {{direction: ingress, protocol: tcp, port_range_min: 8080, port_range_max: 8080}}
  port:
    type: OS::Neutron::Port
    properties:
      network: {{get_param: network}}
      security_groups: [{{get_resource: group}}]
  server:
    type: OS::Nova::Server
    properties:
      name: {name}
      image: {{get_param: image}}
      flavor: {{get_param: flavor}}
      config_drive: true
      networks: [{{port: {{get_resource: port}}}}]
      user_data_format: RAW
      user_data:
        str_replace:
          template: |
            #!/bin/sh
            echo "$site$" > /etc/site
          params: {{$site$: {{get_param: site_name}}}}
outputs:
  server:
    value:
      vmId: {{get_resource: server}}
      networks: {{get_attr: [server, addresses]}}
"""


def heat_template(name: str) -> bytes:
    """A Heat template of one server."""
    return HEAT.format(title=name, name=slug(name)).encode()


def pair_topology(app: dict[str, Any], configuration: dict[str, Any]) -> dict[str, Any]:
    """The topology of two servers; ``app`` and ``configuration`` are its nodes about the whole."""
    return {
        "inputs": {
            "az": _text("nova", "Availability zone"),
            "n6_network": _text("edge-n6", "Data network"),
            "site_name": _text("edge", "Shown on the gateway's page"),
            "ak": _text("", "Access key for the MEC platform"),
            "sk": {"type": "password", "default": "", "description": "Its secret key"},
        },
        "node_templates": {
            "app": app,
            "front": _server("front", "Answers vehicles"),
            "back": _server("back", "Keeps records"),
            "front_n6": _port("front", "n6", 0),
            "front_between": _port("front", "between", 1),
            "back_between": _port("back", "between", 0),
            "n6": _link({"network_name": {"get_input": "n6_network"}}),
            "between": _link({"network_name": "between", "l3_protocol_data": [_layer()]}),
            "app_configuration": configuration,
        },
        "groups": {
            "apart": {
                "type": "tosca.groups.nfv.PlacementGroup",
                "properties": {"description": "Not on one host"},
                "members": ["front", "back"],
            },
            "public": {
                "type": "tosca.groups.nfv.PortSecurityGroup",
                "properties": {"name": "public", "description": "Reached by vehicles"},
                "members": ["front_n6"],
            },
        },
        "policies": [
            _policy("keep_apart", "AntiAffinityRule", "apart", scope="nfvi_node", enforced=True),
            _policy(
                "web", "SecurityGroupRule", "public", direction="ingress", ether_type="ipv4",
                protocol="tcp", port_range_min=8080, port_range_max=8080,
            ),
        ],
    }  # fmt: skip


def _text(default: str, description: str) -> dict[str, Any]:
    return {"type": "string", "default": default, "description": description}


def _server(name: str, description: str) -> dict[str, Any]:
    return {
        "type": "tosca.nodes.nfv.Vdu.Compute",
        "properties": {
            "name": name,
            "description": description,
            "nfvi_constraints": {"get_input": "az"},
            "sw_image_data": {"name": "gateway-linux"},
            "vdu_profile": {
                "min_number_of_instances": 1,
                "max_number_of_instances": 1,
                "initial_number_of_instances": 1,
            },
            "bootdata": {
                "config_drive": True,
                "user_data": {
                    "contents": f"#!/bin/sh\necho {name} of $site$ > /etc/site\n",
                    "params": {"site": {"get_input": "site_name"}},
                },
            },
        },
        "capabilities": {
            "virtual_compute": {
                "properties": {
                    "virtual_memory": {"virtual_mem_size": 2048},
                    "virtual_cpu": {"num_virtual_cpu": 1, "cpu_architecture": "X86"},
                    "virtual_local_storage": {"size_of_storage": 10},
                }
            }
        },
    }


def _port(server: str, link: str, order: int) -> dict[str, Any]:
    return {
        "type": "tosca.nodes.nfv.VduCp",
        "properties": {
            "vnic_name": f"eth{order}",
            "order": order,
            "vnic_type": "normal",
            "port_security_enabled": True,
        },
        "requirements": [{"virtual_binding": server}, {"virtual_link": link}],
    }


def _link(profile: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tosca.nodes.nfv.VnfVirtualLink", "properties": {"vl_profile": profile}}


def _layer() -> dict[str, Any]:
    return {"name": "between", "ip_version": "ipv4", "cidr": BETWEEN, "dhcp_enabled": True}


def _policy(name: str, kind: str, target: str, **properties: Any) -> dict[str, Any]:
    return {
        name: {
            "type": f"tosca.policies.nfv.{kind}",
            "targets": [target],
            "properties": properties,
        }
    }
