"""Orders for a cloud: service templates written out, and the drivers that take them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from apps.vim import registry
from apps.vim.contract import AppKeys, Credentials, InstallSpec, WorkloadUnit

IMAGE = "test-image"
FLAVOR = "test-flavor"
SECRET = "s3cret-of-the-site"
Node = dict[str, Any]
KEYS = AppKeys("QVUJMSUMgS0VZLS0tLS0", "an-sk-that-nobody-may-see")


def driver_of(openrc: str, host_id: UUID) -> Any:
    """A driver as a restarted process would make it."""
    held = Credentials("openstack", openrc.encode())
    return registry.driver_for("openstack", host_id=host_id, credentials=held, state_dir=Path())


def machine(
    name: str = "web", *, vcpus: int = 1, memory_mb: int = 64, disk_gb: int = 1,
    image: str = IMAGE, count: int = 1, **properties: Any,
) -> Node:
    """A Vdu.Compute."""
    return {
        "type": "tosca.nodes.nfv.Vdu.Compute",
        "properties": {
            "name": name,
            "description": name,
            "vdu_profile": {
                "min_number_of_instances": count,
                "max_number_of_instances": count,
                "initial_number_of_instances": count,
            },
            "sw_image_data": {"name": image},
            "bootdata": {
                "config_drive": True,
                "user_data": {
                    "contents": "#!/bin/sh\necho $word$ > /root/word\n",
                    "params": {"word": {"get_input": "word"}},
                },
            },
        } | properties,
        "capabilities": {
            "virtual_compute": {
                "properties": {
                    "virtual_memory": {"virtual_mem_size": memory_mb},
                    "virtual_cpu": {"num_virtual_cpu": vcpus},
                    "virtual_local_storage": {"size_of_storage": disk_gb},
                },
            },
        },
    }


def card(unit: str, link: str = "net", order: int = 0) -> Node:
    """A VduCp of a machine on a virtual link."""
    return {
        "type": "tosca.nodes.nfv.VduCp",
        "properties": {
            "vnic_name": f"eth{order}",
            "order": order,
            "vnic_type": "normal",
            "port_security_enabled": True,
        },
        "requirements": [{"virtual_binding": unit}, {"virtual_link": link}],
    }


def link(name: str, cidr: str = "") -> Node:
    """A VnfVirtualLink; with a CIDR it is made with the stack."""
    profile: Node = {"network_name": name, "network_type": "vxlan"}
    if cidr:
        profile["l3_protocol_data"] = [{"name": name, "ip_version": "ipv4", "cidr": cidr}]
    return {"type": "tosca.nodes.nfv.VnfVirtualLink", "properties": {"vl_profile": profile}}


def definition(**nodes: Node) -> Node:
    """A service template of these nodes, with the inputs that they use."""
    return {
        "tosca_definitions_version": "tosca_simple_profile_yaml_1_2",
        "metadata": {"template_name": "demo", "vnfm_type": "MEPM"},
        "topology_template": {
            "inputs": {
                "word": {"type": "string", "default": "hello"},
                "ak": {"type": "string", "default": ""},
                "sk": {"type": "password", "default": ""},
            },
            "node_templates": nodes,
        },
    }


def two_servers(network: str, **of_machines: Any) -> Node:
    """Two machines with a card each on one network that the package makes."""
    return definition(
        web=machine("web", **of_machines),
        db=machine("db", **of_machines),
        web_card=card("web"),
        db_card=card("db"),
        net=link(network, cidr="192.168.77.0/24"),
    )


def order(
    template: Node, *, name: str = "demo", parameters: dict[str, str] | None = None,
    **more: Any,
) -> InstallSpec:
    """An order for a service template."""
    plain = InstallSpec(
        instance_id=uuid4(),
        tenant_id=UUID(int=1),
        app_name=name,
        package_id=UUID(int=7),
        package_path=Path("package.csar"),
        app_class="vm",
        workload=(WorkloadUnit(name="web", kind="VM"),),
        parameters=parameters or {},
        definition=template,
        keys=KEYS,
    )
    return replace(plain, **more)
