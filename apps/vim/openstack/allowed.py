"""What a Heat template of a package may have: types of resources with their properties.  Closed.

A stack runs with the credentials of the host, in a project that tenants share.  So a template may
make things for itself and use what the site offers by name; it may not make users or quotas, reach
another project, or touch by its id what belongs to another application.  What is not in the tables
is refused, also what Heat learns later.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final


class Rule(Enum):
    """What the value of a property may be."""

    FREE = "anything: it can do no harm"
    OWN = "a reference to a resource of the template"
    NETWORK = "such a reference, or a network of the site by name"
    ZONE = "a zone of the site"
    GROUP = "such a reference, or the security group “default”"
    DEFINITION = "another resource"


# A list of one rule stands for a list of such values, a map for a map with no other keys.
Shape = Rule | list[Any] | dict[str, Any]

FREE, OWN, NETWORK, ZONE = Rule.FREE, Rule.OWN, Rule.NETWORK, Rule.ZONE


def _free(names: str) -> dict[str, Shape]:
    return dict.fromkeys(names.split(), FREE)


# Hints such as force_hosts or query pass Nova's scheduler; "same_host" of another's server would
# put an application beside it.
HINTS: Final = {"group": OWN, "same_host": [OWN], "different_host": [OWN]}
SERVER: Final = {
    **_free(
        "name image flavor key_name metadata user_data user_data_format user_data_update_policy "
        "config_drive diskConfig admin_pass personality tags flavor_update_policy "
        "image_update_policy"
    ),
    "availability_zone": ZONE,
    "security_groups": [Rule.GROUP],
    "scheduler_hints": HINTS,
    "networks": [
        {
            "port": OWN, "network": NETWORK, "uuid": NETWORK, "subnet": OWN, "floating_ip": OWN,
            **_free("fixed_ip allocate_network tag"),
        }
    ],
    "block_device_mapping": [
        {"volume_id": OWN, **_free("device_name volume_size delete_on_termination")}
    ],
    "block_device_mapping_v2": [
        {
            "volume_id": OWN,
            **_free(
                "device_name image image_id swap_size device_type disk_bus boot_index volume_size "
                "delete_on_termination ephemeral_size ephemeral_format volume_type"
            ),
        }
    ],
}  # fmt: skip
# Left out wherever Heat has them: tenant_id, shared and router_external (other projects),
# value_specs (any attribute), device_id and device_owner (ports of others, and Neutron's trust in
# its own services), agents and hosts (the site's machines).
NETWORKING: Final[Mapping[str, Mapping[str, Shape]]] = {
    "Net": _free("name admin_state_up port_security_enabled dns_domain tags"),
    "Subnet": {
        "network": OWN, "network_id": OWN,
        **_free(
            "name cidr ip_version gateway_ip enable_dhcp allocation_pools dns_nameservers "
            "host_routes ipv6_ra_mode ipv6_address_mode tags"
        ),
    },
    "Port": {
        "network": NETWORK, "network_id": NETWORK, "security_groups": [Rule.GROUP],
        **_free(
            "name fixed_ips mac_address allowed_address_pairs admin_state_up dns_name tags "
            "binding:vnic_type port_security_enabled replacement_policy no_fixed_ips"
        ),
    },
    "Trunk": {
        "port": OWN, **_free("name description admin_state_up"),
        "sub_ports": [{"port": OWN, **_free("segmentation_type segmentation_id")}],
    },
    "Router": {
        **_free("name admin_state_up tags"),
        "external_gateway_info": {"network": NETWORK, **_free("enable_snat external_fixed_ips")},
    },
    "RouterInterface": {
        "router": OWN, "router_id": OWN, "subnet": OWN, "subnet_id": OWN, "port": OWN,
        "port_id": OWN,
    },
    "FloatingIP": {
        "floating_network": NETWORK, "floating_network_id": NETWORK, "port_id": OWN,
        **_free("fixed_ip_address floating_ip_address dns_name dns_domain"),
    },
    "FloatingIPAssociation": {
        "floatingip_id": OWN, "port_id": OWN, **_free("fixed_ip_address"),
    },
    "SecurityGroup": _free("name description rules stateful"),
    "SecurityGroupRule": {
        "security_group": OWN,
        **_free(
            "description direction ethertype port_range_min port_range_max protocol remote_group "
            "remote_ip_prefix"
        ),
    },
}  # fmt: skip
TYPES: Final[Mapping[str, Mapping[str, Shape]]] = {
    "OS::Nova::Server": SERVER,
    "OS::Nova::ServerGroup": _free("name policies rules"),
    "OS::Nova::KeyPair": _free("name public_key save_private_key type"),
    **{f"OS::Neutron::{name}": shape for name, shape in NETWORKING.items()},
    # Volumes and snapshots of others are not to be copied or attached.
    "OS::Cinder::Volume": _free(
        "name description size image imageRef volume_type availability_zone metadata read_only "
        "multiattach"
    ),
    "OS::Cinder::VolumeAttachment": {
        "instance_uuid": OWN, "volume_id": OWN, **_free("mountpoint"),
    },
    "OS::Heat::RandomString": _free("length character_classes character_sequences salt"),
    "OS::Heat::Value": _free("type value"),
    # An index_var could cut letters out of names that were looked at before.
    "OS::Heat::ResourceGroup": {
        "resource_def": Rule.DEFINITION,
        **_free("count removal_policies removal_policies_mode"),
    },
    "OS::Heat::SoftwareConfig": _free("group config options inputs outputs"),
    "OS::Heat::CloudConfig": _free("cloud_config"),
    "OS::Heat::MultipartMime": _free("parts group"),
    "OS::Heat::WaitCondition": {"handle": OWN, **_free("timeout count")},
    "OS::Heat::WaitConditionHandle": _free("signal_transport"),
}  # fmt: skip
# Flavors are seen by everybody, and provider networks stand on the wires of the site.
FLAVOR: Final = {
    "OS::Nova::Flavor": _free(
        "name ram vcpus disk swap ephemeral rxtx_factor extra_specs is_public"
    )
}
PROVIDER_NETWORK: Final = {
    "OS::Neutron::ProviderNet": _free(
        "name network_type physical_network segmentation_id admin_state_up port_security_enabled "
        "dns_domain tags"
    )
}
# "external_id" would take over what is there already, "Retain" would leave things behind.
RESOURCE: Final = (
    "type", "properties", "metadata", "depends_on", "condition", "deletion_policy", "update_policy",
)  # fmt: skip
DEFINED: Final = ("type", "properties", "metadata")
# What a reference may be to: OpenStack mints their ids.  That of a key pair is a name of choice,
# and could be the id of what belongs to another.
REFERABLE: Final = (
    "OS::Nova::Server",
    "OS::Nova::ServerGroup",
    "OS::Cinder::Volume",
    "OS::Heat::WaitConditionHandle",
    *(f"OS::Neutron::{name}" for name in NETWORKING),
    *PROVIDER_NETWORK,
)
# A file of the engine's or of the sender's machine, and a language to compute in at the engine.
FORBIDDEN_FUNCTIONS: Final = ("get_file", "yaql")
