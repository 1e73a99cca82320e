"""From units of computing to servers: sizes, images, disks, numbers, places.  No OpenStack."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
import yaml

from apps.vim.contract import AppKeys
from apps.vim.openstack.site import Flavor, SiteFacts
from apps.vim.openstack.translating import translate
from examples.packages import Request, package_files
from tests.vim.openstack_templates import (
    SITE,
    definition,
    group,
    link,
    made,
    notes,
    one,
    policy,
    port,
    profile,
    refusal,
    spec,
    stated,
    storage,
    unit,
)

EXAMPLE = Request(app_class="vm", layout="unpacked", pair=True)
MAKES_FLAVORS = replace(SITE, may_create_flavors=True)


def test_a_server_of_one_unit():
    hot = translate(one(), spec(), SITE)
    assert hot.template["heat_template_version"] == "2018-08-31"
    assert hot.template["description"] == "Gateway"
    assert hot.template["resources"] == {
        "vdu": {
            "type": "OS::Nova::Server",
            "properties": {
                "name": "gw",
                "image": "image-linux",
                "flavor": "2c-2048m-20g",
                "config_drive": True,
                "user_data_format": "RAW",
                "networks": [{"port": {"get_resource": "nic"}}],
            },
        },
        "nic": {
            "type": "OS::Neutron::Port",
            "properties": {
                "network": "edge-n6",
                "binding:vnic_type": "normal",
                "port_security_enabled": True,
            },
        },
    }
    assert (hot.servers, hot.notes, hot.parameters) == (("vdu",), (), {})


def test_outputs_say_which_servers_there_are_and_never_a_console():
    hot = translate(one(), spec(), SITE)
    assert hot.template["outputs"]["vdu"]["value"] == {
        "vmId": {"get_resource": "vdu"},
        "networks": {"get_attr": ["vdu", "addresses"]},
    }
    assert "console" not in json.dumps(hot.template)


def test_several_servers_of_a_unit_have_numbers():
    document = definition(
        vdu=unit(vdu_profile=profile(2), requires=["data"]), nic=port(), net=link(), data=storage()
    )
    hot = translate(document, spec(), SITE)
    assert hot.servers == ("vdu_1", "vdu_2")
    resources = hot.template["resources"]
    for number in (1, 2):
        properties = resources[f"vdu_{number}"]["properties"]
        assert properties["name"] == f"gw-{number}"
        assert properties["networks"] == [{"port": {"get_resource": f"nic_{number}"}}]
        (disk,) = properties["block_device_mapping_v2"]
        assert disk["volume_id"] == {"get_resource": f"data_vdu_{number}"}
    kinds = sorted(one["type"] for one in resources.values())
    assert kinds == ["OS::Cinder::Volume"] * 2 + ["OS::Neutron::Port"] * 2 + [
        "OS::Nova::Server"
    ] * 2
    assert set(hot.template["outputs"]) == {"vdu_1", "vdu_2"}


def test_the_number_of_servers_is_the_initial_one_else_the_least():
    least = {"min_number_of_instances": 3, "max_number_of_instances": 5}
    assert len(translate(one(vdu_profile=least), spec(), SITE).servers) == 3
    assert len(translate(one(), spec(), SITE).servers) == 1
    assert refusal(one(vdu_profile=profile(101))).code == "servers_too_many"


def test_a_unit_without_servers_is_left_out_with_its_ports():
    document = definition(
        vdu=unit(), nic=port(), net=link(), spare=unit(vdu_profile=profile(0)),
        spare_nic=port("spare"),
    )  # fmt: skip
    assert set(made(document)) == {"vdu", "nic"}
    assert ("unit_empty", "spare") in notes(document)
    assert refusal(one(vdu_profile=profile(0))).code == "empty"
    assert refusal(definition(net=link())).code == "empty"


def test_a_name_from_an_input_is_numbered_too():
    inputs = {"title": {"type": "string", "default": "box"}}
    unnamed = unit(name={"get_input": "title"}, vdu_profile=profile(2))
    document = definition(inputs=inputs, vdu=unnamed, nic=port(), net=link())
    assert stated(document, "vdu_2")["name"] == {"list_join": ["-", [{"get_param": "title"}, "2"]]}


@pytest.mark.parametrize(
    ("flavors", "chosen"),
    [
        (("other", "2c-2048m-20g"), "2c-2048m-20g"),
        (("zeta", "alpha"), "alpha"),
        (("mecm-of-a-stack", "zeta"), "zeta"),
    ],
)
def test_a_flavor_of_exactly_these_sizes_is_used(flavors, chosen):
    site = replace(SITE, flavors=tuple(Flavor(name, 2, 2048, 20) for name in flavors))
    assert stated(one(), "vdu", site=site)["flavor"] == chosen


@pytest.mark.parametrize(
    "other",
    [
        Flavor("2c-2048m-20g", 2, 2048, 21),
        Flavor("2c-2048m-20g", 2, 4096, 20),
        Flavor("2c-2048m-20g", 3, 2048, 20),
        Flavor("2c-2048m-20g", 2, 2048, 20, extra_specs=True),
        Flavor("mecm-of-a-stack", 2, 2048, 20),
    ],
)
def test_a_flavor_of_other_sizes_is_not(other):
    site = replace(MAKES_FLAVORS, flavors=(other,))
    assert stated(one(), "vdu", site=site)["flavor"] == {"get_resource": "vdu_FLAVOR"}
    flavor = stated(one(), "vdu_FLAVOR", site=site)
    assert (flavor["vcpus"], flavor["ram"], flavor["disk"]) == (2, 2048, 20)
    assert flavor["is_public"] is False
    assert flavor["name"] == "mecm-vdu-11112222"

    error = refusal(one(), site=replace(site, may_create_flavors=False))
    assert error.code == "flavor_missing"
    assert "2c-2048m-20g" in str(error)


def test_extra_specs_want_a_flavor_of_their_own():
    document = one(vdu_profile=profile(1, flavor_extra_specs={"hw:big": True, "quota": 3}))
    flavor = stated(document, "vdu_FLAVOR", site=MAKES_FLAVORS)
    assert flavor["extra_specs"] == {"hw:big": "true", "quota": "3"}
    error = refusal(document)
    assert error.code == "flavor_missing"
    assert "hw:big, quota" in str(error)


def test_sizes_may_have_units_and_come_from_inputs():
    inputs = {"memory": {"type": "integer", "default": 2048}}
    document = definition(
        inputs=inputs,
        vdu=unit(memory={"get_input": "memory"}, disk="20 GB", cpus="2"), nic=port(), net=link(),
    )  # fmt: skip
    assert stated(document, "vdu")["flavor"] == "2c-2048m-20g"
    assert stated(one(memory="2 GB"), "vdu")["flavor"] == "2c-2048m-20g"
    order = spec(memory="4096")
    assert refusal(document, order).reason.params["memory"] == 4096
    assert refusal(one(memory="much")).code == "value_invalid"
    assert refusal(one(memory=0)).code == "compute_unstated"


def test_images_are_those_of_the_site():
    error = refusal(one(sw_image_data={"name": "solaris"}))
    assert (error.code, error.reason.params["image"]) == ("image_missing", "solaris")
    assert refusal(one(sw_image_data=None)).code == "image_unstated"


def test_zones_are_those_of_the_site():
    inputs = {"az": {"type": "string", "default": "zone-b"}}
    placed = unit(nfvi_constraints={"get_input": "az"})
    document = definition(inputs=inputs, vdu=placed, nic=port(), net=link())
    assert stated(document, "vdu")["availability_zone"] == {"get_param": "az"}
    assert "availability_zone" not in stated(document, "vdu", spec(az=""))
    for zone in ("zone-x", "nova:host-1"):
        error = refusal(one(nfvi_constraints=zone))
        assert (error.code, error.reason.params["known"]) == ("zone_unknown", "nova, zone-b")


def test_a_server_waits_for_those_that_it_depends_on():
    document = definition(
        db=unit(vdu_profile=profile(2)), web=unit(depend_on=["db"]), nic=port("db"),
        nic2=port("web"), net=link(),
    )  # fmt: skip
    assert made(document)["web"]["depends_on"] == ["db_1", "db_2"]
    error = refusal(one(depend_on=["cache"]))
    assert (error.code, error.reason.params["other"]) == ("reference_unknown", "cache")


@pytest.mark.parametrize("of_group", [True, False])
@pytest.mark.parametrize(
    ("kind", "enforced", "policies"),
    [
        ("AntiAffinityRule", True, ["anti-affinity"]),
        ("AntiAffinityRule", False, ["soft-anti-affinity"]),
        ("AffinityRule", True, ["affinity"]),
        ("AffinityRule", False, ["soft-affinity"]),
    ],
)
def test_placement_rules_become_server_groups(kind, enforced, policies, of_group):
    document = definition(
        vdu=unit(vdu_profile=profile(2)), other=unit(), free=unit(), nic=port(), net=link(),
        groups={"both": group("PlacementGroup", "vdu", "other")},
        policies={
            "rule": policy(
                kind, *(["both"] if of_group else ["vdu", "other"]), scope="nfvi_node",
                enforced=enforced,
            )
        },
    )  # fmt: skip
    resources = made(document)
    assert resources["rule"] == {
        "type": "OS::Nova::ServerGroup",
        "properties": {"policies": policies},
    }
    hint = {"group": {"get_resource": "rule"}}
    for name in ("vdu_1", "vdu_2", "other"):
        assert resources[name]["properties"]["scheduler_hints"] == hint
    assert "scheduler_hints" not in resources["free"]["properties"]


def test_placement_that_nova_cannot_keep_is_refused():
    def placed(*names, **scope):
        rule = policy("AffinityRule", "vdu", **{"enforced": True, **scope})
        return definition(
            vdu=unit(), nic=port(), net=link(), policies=dict.fromkeys(names, rule)
        )

    assert refusal(placed("a", "b")).code == "placement_twice"
    assert refusal(placed("a", scope="zone")).code == "placement_scope"
    lost = definition(
        vdu=unit(), nic=port(), net=link(), policies={"a": policy("AffinityRule", "nobody")}
    )
    assert refusal(lost).code == "reference_unknown"


def test_what_is_not_translated_is_said():
    odd = unit(boot_order={"0": "vdu"}, vdu_mec_host_requirements={"mec_host_GPU_affinity": {}})
    odd["interfaces"] = {"Vnflcm": {}, "scale": {"implementation": "x.sh"}}
    odd["capabilities"]["virtual_compute"]["properties"]["virtual_cpu"]["cpu_pinning"] = "static"
    disk = storage(multi_attach=True, qos={"qos_name": "gold"})
    document = definition(
        vdu=odd, nic=port(qos={"qos_name": "x"}, trunk_mode=True), net=link(), data=disk,
        firewall={"type": "example.nodes.Firewall"},
        groups={"others": {"type": "example.groups.Others"}},
        policies={"scale": policy("ScalingAspects", "vdu")},
    )  # fmt: skip
    assert notes(document) == {
        ("property_unread", "boot_order"),
        ("property_unread", "vdu_mec_host_requirements"),
        ("property_unread", "interfaces"),
        ("property_unread", "virtual_compute.virtual_cpu.cpu_pinning"),
        ("property_unread", "qos"),
        ("property_unread", "trunk_mode"),
        ("node_unused", "data"),
        ("node_unread", "node_templates: example.nodes.firewall"),
        ("node_unread", "groups: example.groups.others"),
        ("node_unread", "policies: tosca.policies.nfv.scalingaspects"),
    }
    document["topology_template"]["workflows"] = {"x": {}}
    assert ("property_unread", "workflows") in notes(document)
    assert all(str(note) for note in translate(document, spec(), SITE).notes)


def test_descriptive_nodes_need_no_note():
    document = one()
    document["topology_template"]["node_templates"] |= {
        "app": {"type": "tosca.nodes.nfv.VNF", "properties": {"provider": "Example Labs"}},
        "app_configuration": {"type": "tosca.nodes.nfv.app.configuration", "properties": {}},
    }
    assert notes(document) == set()


def test_two_things_cannot_be_one_resource():
    document = definition(
        vdu=unit(vdu_profile=profile(2)), vdu_1=unit(), nic=port(), net=link()
    )  # fmt: skip
    error = refusal(document)
    assert (error.code, error.reason.params["name"]) == ("name_taken", "vdu_1")


def test_nothing_of_the_order_is_shown():
    inputs = {"az": {"type": "string"}, "sk": {"type": "string"}}
    document = definition(
        inputs=inputs, vdu=unit(nfvi_constraints={"get_input": "az"}), nic=port(), net=link()
    )
    order = spec(AppKeys("AK1", "SK-secret"), az="nova", other="hush-1")
    hot = translate(document, order, SITE)
    assert hot.parameters == {"az": "nova", "sk": "SK-secret"}
    shown = repr(hot) + json.dumps(hot.template) + "".join(map(str, hot.notes))
    assert "SK-secret" not in shown
    assert "hush-1" not in shown
    assert "hush-2" not in str(refusal(document, spec(AppKeys("A", "S"), az="hush-2")))


def test_a_site_that_offers_nothing_is_a_reason_and_no_crash():
    error = refusal(one(), site=SiteFacts())
    assert (error.code, error.reason.params["known"]) == ("network_unknown", "-")


def test_the_example_of_two_machines():
    document = yaml.safe_load(package_files(EXAMPLE)["APPD/Definition/MainServiceTemplate.yaml"])
    images = {"gateway-linux": SITE.image("linux")}
    site = replace(MAKES_FLAVORS, images=images, has_volumes=False)
    hot = translate(document, spec(AppKeys("A", "S")), site)
    assert (hot.servers, hot.notes) == (("back", "front"), ())
    kinds = Counter(one["type"].removeprefix("OS::") for one in hot.template["resources"].values())
    assert kinds == {
        "Nova::Server": 2, "Nova::Flavor": 2, "Nova::ServerGroup": 1, "Neutron::Net": 1,
        "Neutron::Subnet": 1, "Neutron::Port": 3, "Neutron::SecurityGroup": 1,
    }  # fmt: skip
    assert hot.parameters == {"ak": "A", "sk": "S"}
