"""Service templates of machines for the tests of their translation, and the site they go to."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from apps.vim.contract import AppKeys, InstallSpec
from apps.vim.errors import VimRefused
from apps.vim.openstack.site import Flavor, SiteFacts, SiteImage
from apps.vim.openstack.translating import translate

INSTANCE = UUID("11112222-0000-0000-0000-000000000001")
SITE = SiteFacts(
    flavors=(Flavor("2c-2048m-20g", 2, 2048, 20),),
    images={
        "linux": SiteImage("image-linux", "qcow2", 700 * 1024**2, 10),
        "installer": SiteImage("image-installer", "iso", 5 * 1024**3 + 1),
        "empty-disk": SiteImage("image-empty", "raw"),
    },
    networks=frozenset({"edge-n6", "edge-mp1"}),
    zones=frozenset({"nova", "zone-b"}),
    has_volumes=True,
)


def spec(keys: AppKeys | None = None, **parameters: str) -> InstallSpec:
    return InstallSpec(
        instance_id=INSTANCE, tenant_id=UUID(int=2), app_name="gateway", package_id=UUID(int=3),
        package_path=Path("package.csar"), app_class="vm", parameters=parameters, keys=keys,
    )  # fmt: skip


def unit(*, cpus=2, memory=2048, disk=20, requires=(), **properties):
    stated = {"name": "gw", "description": "a gateway", "sw_image_data": {"name": "linux"}}
    return {
        "type": "tosca.nodes.nfv.Vdu.Compute",
        "properties": stated | properties,
        "capabilities": {
            "virtual_compute": {
                "properties": {
                    "virtual_cpu": {"num_virtual_cpu": cpus},
                    "virtual_memory": {"virtual_mem_size": memory},
                    "virtual_local_storage": {"size_of_storage": disk},
                }
            }
        },
        "requirements": [{"virtual_storage": name} for name in requires],
    }


def profile(initial, **more):
    return {
        "min_number_of_instances": 0, "max_number_of_instances": 9,
        "initial_number_of_instances": initial, **more,
    }  # fmt: skip


def port(server="vdu", link="net", *, order=0, attributes=None, **properties):
    stated = {"order": order, "vnic_type": "normal", "port_security_enabled": True}
    return {
        "type": "tosca.nodes.nfv.VduCp",
        "properties": stated | properties,
        "attributes": attributes or {},
        "requirements": [{"virtual_binding": server}, {"virtual_link": link}],
    }


def link(name="edge-n6", **more):
    return {
        "type": "tosca.nodes.nfv.VnfVirtualLink",
        "properties": {"vl_profile": {"network_name": name, **more}},
    }


def layer(cidr="192.0.2.0/24", **more):
    return {"ip_version": "ipv4", "cidr": cidr, **more}


def storage(size=20, *, kind="Vdu.VirtualStorage", **more):
    data = {"type_of_storage": "block_storage", "size_of_storage": size, **more}
    return {"type": f"tosca.nodes.nfv.{kind}", "properties": {"virtual_storage_data": data}}


def group(kind, *members):
    return {"type": f"tosca.groups.nfv.{kind}", "properties": {}, "members": list(members)}


def policy(kind, *targets, **properties):
    return {
        "type": f"tosca.policies.nfv.{kind}", "targets": list(targets), "properties": properties
    }  # fmt: skip


def definition(*, inputs=None, groups=None, policies=None, **nodes):
    """A template of ``nodes``; without any of one server on the site's network."""
    nodes = nodes or {"vdu": unit(), "nic": port(), "net": link()}
    return {
        "tosca_definitions_version": "tosca_simple_profile_yaml_1_2",
        "description": "Gateway",
        "topology_template": {
            "inputs": inputs or {},
            "node_templates": nodes,
            "groups": groups or {},
            "policies": [{name: body} for name, body in (policies or {}).items()],
        },
    }


def one(**properties):
    """A template of one server with these properties, on the site's network."""
    return definition(vdu=unit(**properties), nic=port(), net=link())


def made(document, order=None, site=SITE):
    """The resources of a translation by name."""
    return translate(document, order or spec(), site).template["resources"]


def stated(document, name, order=None, site=SITE):
    """The properties of one resource of a translation."""
    return made(document, order, site)[name]["properties"]


def notes(document, order=None, site=SITE):
    """The codes of the notes, with what each is about."""
    found = translate(document, order or spec(), site).notes
    return {(note.code, str(note.params.get("property") or note.params.get("name", "")))
            for note in found}  # fmt: skip


def refusal(document, order=None, site=SITE):
    """The refusal of a translation; fails where there is none."""
    with pytest.raises(VimRefused) as caught:
        translate(document, order or spec(), site)
    assert not caught.value.retryable
    # A sentence that lost a parameter could not be rendered.
    assert "%(" not in str(caught.value)
    return caught.value
