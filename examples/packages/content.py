"""The text of the example packages: a river gauge in containers, a road side gateway as a machine.

Invented throughout; addresses are from the ranges for documentation.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

import yaml

# The disk of the example's machine: nothing boots from it.
DISK_PATH: Final = "Image/gateway-linux.img"
DISK: Final = hashlib.shake_256(b"gateway-linux").digest(64 * 1024)


def slug(name: str) -> str:
    """``name`` as Kubernetes and file names like it: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "app"


def dump(document: dict[str, Any]) -> bytes:
    """``document`` as YAML, keys in their order."""
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text.encode()


def appd(
    name: str,
    version: str,
    provider: str,
    app_class: str,
    requires: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    """The service template of an example; ``requires`` are services by name and version."""
    nodes = _machine_nodes(name) if app_class == "vm" else _container_nodes(name, version)
    return {
        "tosca_definitions_version": "tosca_simple_profile_yaml_1_2",
        "description": f"Application descriptor of {name}",
        "metadata": {
            "template_name": slug(name),
            "template_author": provider,
            "template_version": "1.0.0",
            "vnfm_type": "MEPM",
            "vnfd_id": f"example-{slug(name)}",
            "vnfd_version": version,
            "vnfd_name": slug(name),
            "vnfd_description": f"{name} at the edge",
        },
        "topology_template": {
            "inputs": _inputs(app_class),
            "node_templates": {
                "app": _vnf(name, version, provider),
                **nodes,
                "app_configuration": _configuration(name, app_class, requires),
            },
            **_placement(app_class),
        },
    }


def _inputs(app_class: str) -> dict[str, Any]:
    if app_class != "vm":
        return {"log_level": {"type": "string", "default": "info", "description": "Log level"}}
    return {
        "az": {"type": "string", "default": "nova", "description": "Availability zone"},
        "n6_network": {"type": "string", "default": "edge-n6", "description": "Data network"},
        "n6_segment": {"type": "integer", "default": 1201, "description": "VLAN of the network"},
        "site_name": {
            "type": "string",
            "default": "edge",
            "description": "Shown on the gateway's page",
        },
    }


def _vnf(name: str, version: str, provider: str) -> dict[str, Any]:
    return {
        "type": "tosca.nodes.nfv.VNF",
        "properties": {
            "vnfd_id": f"example-{slug(name)}",
            "vnfd_version": version,
            "provider": provider,
            "product_name": name,
            "software_version": version,
            "flavour_id": "default",
            "flavour_description": "default",
            "ve_vnfm_vnf_enable": False,
            "ve_vnfm_em_enable": False,
        },
    }


def _virtual_compute(cpus: int, memory_mb: int, disk_gb: int) -> dict[str, Any]:
    return {
        "virtual_compute": {
            "properties": {
                "virtual_memory": {"virtual_mem_size": memory_mb},
                "virtual_cpu": {"num_virtual_cpu": cpus, "cpu_architecture": "X86"},
                "virtual_local_storage": {"size_of_storage": disk_gb},
            }
        }
    }


def _profile(most: int) -> dict[str, Any]:
    return {
        "min_number_of_instances": 1,
        "max_number_of_instances": most,
        "initial_number_of_instances": 1,
    }


def _container_nodes(name: str, version: str) -> dict[str, Any]:
    return {
        "logic": {
            "type": "tosca.nodes.nfv.Vdu.Compute",
            "properties": {
                "name": slug(name),
                "description": "Reads gauges and serves levels",
                "sw_image_data": {"name": f"{slug(name)}:{version}"},
                "vdu_profile": _profile(2),
            },
            "capabilities": _virtual_compute(2, 2048, 10),
        }
    }


def _machine_nodes(name: str) -> dict[str, Any]:
    return {
        "gateway": {
            "type": "tosca.nodes.nfv.Vdu.Compute",
            "properties": {
                "name": slug(name),
                "description": "Gateway between road side units and the edge",
                "nfvi_constraints": {"get_input": "az"},
                "sw_image_data": {"name": "gateway-linux"},
                "vdu_profile": _profile(1),
                "bootdata": {"config_drive": True, "user_data": _user_data()},
            },
            "capabilities": _virtual_compute(4, 8192, 40),
            "requirements": [{"virtual_storage": "records"}],
        },
        "records": {
            "type": "tosca.nodes.nfv.Vdu.VirtualStorage",
            "properties": {
                "virtual_storage_data": {"type_of_storage": "block_storage", "size_of_storage": 20}
            },
        },
        "mp1_port": _port(0, "mp1"),
        "n6_port": _port(1, "n6"),
        "mp1": _network("edge-mp1", 1100),
        "n6": _network({"get_input": "n6_network"}, {"get_input": "n6_segment"}),
    }


def _user_data() -> dict[str, Any]:
    return {
        "contents": "#!/bin/sh\necho $site$ > /etc/site\n",
        "params": {"site": {"get_input": "site_name"}},
    }


def _port(order: int, network: str) -> dict[str, Any]:
    return {
        "type": "tosca.nodes.nfv.VduCp",
        "properties": {
            "vnic_name": f"eth{order}",
            "order": order,
            "vnic_type": "normal",
            "port_security_enabled": True,
        },
        "requirements": [{"virtual_binding": "gateway"}, {"virtual_link": network}],
    }


def _network(name: str | dict[str, str], segment: int | dict[str, str]) -> dict[str, Any]:
    profile = {
        "network_name": name,
        "network_type": "vlan",
        "physical_network": "physnet1",
        "provider_segmentation_id": segment,
    }
    return {"type": "tosca.nodes.nfv.VnfVirtualLink", "properties": {"vl_profile": profile}}


def _configuration(
    name: str, app_class: str, requires: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    short = slug(name)
    return {
        "type": "tosca.nodes.nfv.app.configuration",
        "properties": {
            "appSupportMp1": True,
            "appName": short,
            "appServiceRequired": [
                {"serName": service, "version": wanted} for service, wanted in requires
            ],
            "appServiceOptional": {"serName": "traffic-notice", "version": "1.0"},
            "appServiceProduced": [
                {
                    "serName": f"{short}-service",
                    "serCategory": {"name": "monitoring", "version": "1.0"},
                    "version": "1.10",
                    "dnsRuleIdList": [f"{short}-name"],
                    "trafficRuleIdList": [f"{short}-flow"],
                }
            ],
            "appFeatureRequired": [{"featureName": "UserApps", "version": "1.0"}],
            "appDNSRule": [
                {
                    "dnsRuleId": f"{short}-name",
                    "domainName": f"{short}.edge.example",
                    "ipAddressType": "IP_V4",
                    "ipAddress": "192.0.2.40",
                    "ttl": 300,
                }
            ],
            "appTrafficRule": [_traffic_rule(short, 554 if app_class == "vm" else 8080)],
        },
    }


def _traffic_rule(short: str, port: int) -> dict[str, Any]:
    return {
        "trafficRuleId": f"{short}-flow",
        "filterType": "FLOW",
        "priority": 12,
        "action": "PASSTHROUGH",
        "trafficFilter": [
            {
                "srcAddress": ["198.51.100.0/24"],
                "dstAddress": "192.0.2.40/32",
                "dstPort": [port],
                "protocol": ["TCP"],
                "qCI": 5,
                "dSCP": 0,
                "tC": 1,
            }
        ],
        "dstInterface": {
            "interfaceType": "TUNNEL",
            "dstIpAddress": "192.0.2.41",
            "tunnelInfo": {
                "tunnelType": "GTP_U",
                "tunnelDstAddress": "192.0.2.50",
                "tunnelSrcAddress": "192.0.2.51",
            },
        },
    }


def _placement(app_class: str) -> dict[str, Any]:
    member = "gateway" if app_class == "vm" else "logic"
    return {
        "groups": {
            "apart": {
                "type": "tosca.groups.nfv.PlacementGroup",
                "properties": {"description": "Not on one host"},
                "members": [member],
            }
        },
        "policies": [
            {
                "keep_apart": {
                    "type": "tosca.policies.nfv.AntiAffinityRule",
                    "targets": ["apart"],
                    "properties": {"scope": "nfvi_node", "enforced": True},
                }
            }
        ],
    }


def image_list(name: str, version: str, app_class: str) -> bytes:
    """Image/SwImageDesc.json of an example."""
    image: dict[str, Any] = {
        "id": "1",
        "version": version,
        "checksum": "",
        "architecture": "X86",
        "operatingSystem": "linux",
        "supportedVirtualisationEnvironment": "linux",
    }
    if app_class == "vm":
        image |= {
            "name": "gateway-linux",
            "containerFormat": "bare",
            "diskFormat": "raw",
            "checksum": hashlib.md5(DISK, usedforsecurity=False).hexdigest(),
            "minDisk": 10,
            "minRam": 2048,
            "size": len(DISK),
            "swImage": DISK_PATH,
        }
    else:
        image |= {
            "name": f"{slug(name)}:{version}",
            "containerFormat": "dockerImage",
            "diskFormat": "dockerImage",
            "minDisk": 2,
            "minRam": 512,
            "size": 120,
            "swImage": f"registry.example/edge/{slug(name)}:{version}",
        }
    return json.dumps([image], indent=2).encode()


def guide(name: str) -> bytes:
    """The page that a store shows."""
    return f"# {name}\n\nAn example application of MECM Portal.\n".encode()
