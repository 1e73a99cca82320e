"""Heat templates that packages bring: kept as they are, with what no package may have refused."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
import yaml

from apps.vim.contract import AppKeys
from apps.vim.errors import VimRefused
from apps.vim.openstack.hot import MOST_BYTES, of_hot
from examples.packages.machines import heat_template
from tests.vim.openstack_templates import INSTANCE, SITE, spec

TEXT = """\
heat_template_version: 2018-08-31
parameters:
  title: {type: string}
  network: {type: string, default: edge-n6}
  sk: {type: string, hidden: true, default: ""}
conditions:
  named: {not: {equals: [{get_param: title}, ""]}}
resources:
  inner:
    type: OS::Neutron::Net
  subnet:
    type: OS::Neutron::Subnet
    properties: {network: {get_resource: inner}, cidr: 192.0.2.0/24}
  port:
    type: OS::Neutron::Port
    properties: {network: {get_param: network}, security_groups: [default]}
  disk:
    type: OS::Cinder::Volume
    properties: {size: 5}
  server:
    type: OS::Nova::Server
    depends_on: subnet
    properties:
      name: {get_param: title}
      image: made-by-us
      flavor: big
      availability_zone: zone-b
      networks: [{port: {get_resource: port}}, {network: {get_resource: inner}}]
      block_device_mapping_v2: [{volume_id: {get_resource: disk}, boot_index: -1}]
      user_data: {str_replace: {template: "a $b", params: {$b: {get_param: title}}}}
outputs:
  ip: {value: {get_attr: [server, first_address]}}
"""


def given(change=None, *, order=None, site=SITE):
    """The template after ``change`` of its parsed form, as it comes from a package."""
    document = yaml.safe_load(TEXT)
    if change:
        change(document)
    return of_hot(yaml.safe_dump(document), order or spec(title="box"), site)


def refused(change=None, **more):
    with pytest.raises(VimRefused) as caught:
        given(change, **more)
    assert "%(" not in str(caught.value)
    return caught.value


def puts(name, kind, /, **properties):
    """A change that adds or replaces a resource."""
    resource = {"type": kind, "properties": properties}
    return lambda document: document["resources"].update({name: resource})


def server(**properties):
    """A change of the properties of the server."""
    return lambda document: document["resources"]["server"]["properties"].update(properties)


def test_a_template_is_kept_as_it_is():
    hot = of_hot(TEXT, spec(title="box"), SITE)
    assert hot.template == json.loads(json.dumps(yaml.safe_load(TEXT), default=str))
    assert hot.template["heat_template_version"] == "2018-08-31"
    assert (hot.parameters, hot.servers, hot.notes) == ({"title": "box"}, ("server",), ())


def test_the_example_package_brings_one_that_may_run():
    hot = of_hot(heat_template("Road Gateway").decode(), spec(AppKeys("A", "S")), SITE)
    assert (hot.parameters, hot.servers) == ({"ak": "A", "sk": "S"}, ("server",))


def test_parameters_come_from_the_order_then_from_what_the_house_knows():
    def adds(document):
        document["parameters"] |= {"ak": {"type": "string"}, "appInsId": {"type": "string"}}

    hot = given(adds, order=spec(AppKeys("AK", "SK"), title="box", ak="mine", other="x"))
    assert hot.parameters == {"title": "box", "ak": "mine", "sk": "SK", "appInsId": str(INSTANCE)}
    assert [(note.code, note.params["name"]) for note in hot.notes] == [
        ("parameter_unknown", "other")
    ]
    assert "SK" not in repr(hot)
    error = refused(order=spec())
    assert (error.code, error.reason.params) == ("input_missing", {"name": "title"})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [1", "hot_unreadable"),
        ("a: &a [x]\nb: *a\n", "hot_unreadable"),
        ("[" * 6000, "hot_unreadable"),
        ("#" * (MOST_BYTES + 1), "hot_unreadable"),
        ("a: !!python/object:os.system {}", "hot_unreadable"),
        ("just text", "hot_malformed"),
        ("resources: {a: {type: OS::Nova::Server}}", "hot_malformed"),
        ("heat_template_version: 2018-08-31", "hot_malformed"),
        ("heat_template_version: 2018-08-31\nresources: [a]", "hot_malformed"),
        ("heat_template_version: 2018-08-31\nresources: {a: b}", "resource_type_forbidden"),
        ("heat_template_version: 2018-08-31\n? [a, b]\n: c\nresources: {}", "hot_unreadable"),
        ("AWSTemplateFormatVersion: 2010-09-09\nresources: {a: {type: x}}", "hot_malformed"),
    ],
)
def test_what_is_no_template(text, code):
    with pytest.raises(VimRefused) as caught:
        of_hot(text, spec(), SITE)
    assert caught.value.code == code
    assert "%(" not in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [
        "OS::Keystone::User", "OS::Keystone::Project", "OS::Heat::Stack", "OS::Glance::WebImage",
        "OS::Mistral::Workflow", "OS::Zaqar::Queue", "OS::Nova::Quota", "OS::Nova::HostAggregate",
        "OS::Nova::Flavor", "OS::Neutron::ProviderNet", "OS::Neutron::RBACPolicy",
        "OS::Neutron::Quota", "OS::Cinder::VolumeType", "OS::Heat::SoftwareDeployment",
        "OS::Barbican::Secret", "OS::Swift::Container", "http://example.org/nested.yaml",
        "https://example.org/nested.yaml", "file:///etc/nested.yaml", "nested.yaml",
        "AWS::EC2::Instance", "My::Own::Type", {"get_param": "title"}, ["OS::Nova::Server"],
    ],
)  # fmt: skip
def test_types_outside_of_the_closed_list(kind):
    assert refused(puts("it", kind)).code == "resource_type_forbidden"


def test_types_that_the_credentials_decide():
    flavor = puts("it", "OS::Nova::Flavor", vcpus=1, ram=512, disk=1)
    assert "it" in given(flavor, site=replace(SITE, may_create_flavors=True)).template["resources"]
    net = puts("it", "OS::Neutron::ProviderNet", physical_network="p", network_type="flat")
    assert "it" in given(net, site=replace(SITE, may_create_provider_networks=True)).template[
        "resources"
    ]


@pytest.mark.parametrize(
    ("name", "kind", "properties"),
    [
        ("a", "OS::Neutron::Net", {"tenant_id": "x"}),
        ("a", "OS::Neutron::Net", {"shared": True}),
        ("a", "OS::Neutron::Net", {"value_specs": {"router:external": True}}),
        ("a", "OS::Neutron::Net", {"dhcp_agent_ids": ["x"]}),
        ("a", "OS::Neutron::Port", {"network": "edge-n6", "device_owner": "network:dhcp"}),
        ("a", "OS::Neutron::Port", {"network": "edge-n6", "device_id": "x"}),
        ("a", "OS::Neutron::Router", {"l3_agent_ids": ["x"]}),
        ("a", "OS::Neutron::Router", {"external_gateway_info": '{"network": "x"}'}),
        ("a", "OS::Nova::KeyPair", {"name": "x", "user": "admin"}),
        ("a", "OS::Cinder::Volume", {"source_volid": "x"}),
        ("a", "OS::Cinder::Volume", {"snapshot_id": "x"}),
        ("a", "OS::Cinder::Volume", {"backup_id": "x"}),
        ("a", "OS::Nova::Server", {"scheduler_hints": {"force_hosts": ["host-1"]}}),
        ("a", "OS::Nova::Server", {"scheduler_hints": '{"force_hosts": ["host-1"]}'}),
        ("a", "OS::Nova::Server", {"scheduler_hints": {"get_param": "title"}}),
        ("a", "OS::Nova::Server", {"reservation_id": "x"}),
        ("a", "OS::Nova::Server", {"networks": {"get_param": "title"}}),
        ("a", "OS::Nova::Server", {"networks": [{"if": ["named", {"port": "x"}, {}]}]}),
        ("a", "OS::Nova::Server", {"block_device_mapping_v2": [{"snapshot_id": "x"}]}),
        ("a", "OS::Heat::ResourceGroup", {"index_var": "6", "resource_def": None}),
    ],
)
def test_properties_that_reach_out(name, kind, properties):
    assert refused(puts(name, kind, **properties)).code == "property_forbidden"


@pytest.mark.parametrize(
    "properties", [{"get_param": "title"}, {"map_merge": []}, ["x"], "{}"]
)
def test_properties_are_written_out(properties):
    def change(document):
        document["resources"]["server"]["properties"] = properties

    assert refused(change).code == "property_forbidden"


FOREIGN = "5f2c4d1e-0000-0000-0000-000000000001"


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("OS::Nova::Server", {"networks": [{"port": FOREIGN}]}),
        ("OS::Nova::Server", {"networks": [{"network": "net-of-another"}]}),
        ("OS::Nova::Server", {"networks": [{"network": {"get_attr": ["server", "name"]}}]}),
        ("OS::Nova::Server", {"block_device_mapping_v2": [{"volume_id": FOREIGN}]}),
        ("OS::Nova::Server", {"block_device_mapping": [{"volume_id": FOREIGN}]}),
        ("OS::Nova::Server", {"scheduler_hints": {"same_host": [FOREIGN]}}),
        ("OS::Nova::Server", {"security_groups": ["group-of-another"]}),
        ("OS::Nova::Server", {"availability_zone": "nova:host-1"}),
        ("OS::Nova::Server", {"availability_zone": {"get_resource": "server"}}),
        ("OS::Nova::Server", {"availability_zone": {"list_join": ["", ["nova:", "host"]]}}),
        ("OS::Neutron::Subnet", {"network": "edge-n6", "cidr": "192.0.2.0/24"}),
        ("OS::Neutron::Port", {"network": "net-of-another"}),
        ("OS::Neutron::Port", {"network": {"get_param": ["network", "x"]}}),
        ("OS::Neutron::RouterInterface", {"router": "router-of-another"}),
        ("OS::Neutron::SecurityGroupRule", {"security_group": "default"}),
        ("OS::Neutron::FloatingIPAssociation", {"floatingip_id": FOREIGN}),
        ("OS::Neutron::Trunk", {"port": {"get_resource": "port"}, "sub_ports": [{"port": "x"}]}),
        ("OS::Cinder::VolumeAttachment", {"instance_uuid": FOREIGN}),
        ("OS::Cinder::VolumeAttachment", {"volume_id": {"get_resource": "nobody"}}),
    ],
)
def test_what_belongs_to_another_application_cannot_be_named(kind, properties):
    assert refused(puts("it", kind, **properties)).code == "reference_foreign"


def test_a_key_pair_cannot_lend_its_name_to_a_reference():
    """Heat's reference to a key pair is the name that the template chose for it."""

    def change(document):
        puts("key", "OS::Nova::KeyPair", name=FOREIGN)(document)
        attachment = {"volume_id": {"get_resource": "key"}}
        puts("it", "OS::Cinder::VolumeAttachment", **attachment)(document)

    assert refused(change).code == "reference_foreign"


def test_the_values_of_parameters_are_looked_at():
    zone = server(availability_zone={"get_param": "title"})
    assert given(zone, order=spec(title="zone-b")).parameters == {"title": "zone-b"}
    for value in ("nova:host-1", "zone-x"):
        error = refused(zone, order=spec(title=value))
        assert error.code == "reference_foreign"
        assert value not in str(error)
    assert refused(order=spec(title="box", network="other")).code == "reference_foreign"


@pytest.mark.parametrize("keys", [{"external_id": FOREIGN}, {"deletion_policy": "Retain"},
                                  {"deletion_policy": "Snapshot"}, {"Properties": {}}])  # fmt: skip
def test_a_resource_is_made_with_the_stack_and_goes_with_it(keys):
    error = refused(lambda document: document["resources"]["disk"].update(keys))
    assert (error.code, error.reason.params["path"]) == ("property_forbidden", next(iter(keys)))


def test_nothing_else_stands_in_a_template():
    error = refused(lambda document: document.update({"encrypted_parameters": []}))
    assert error.code == "property_forbidden"


@pytest.mark.parametrize("function", ["get_file", "yaql"])
@pytest.mark.parametrize("place", ["user_data", "outputs", "conditions"])
def test_functions_that_reach_out(function, place):
    def change(document):
        value = {function: "/etc/passwd"}
        if place == "user_data":
            server(user_data={"str_replace": {"template": value, "params": {}}})(document)
        else:
            document[place]["more"] = {"value": value} if place == "outputs" else value

    error = refused(change)
    assert (error.code, error.reason.params["word"]) == ("function_forbidden", function)


def group_of(definition):
    return puts("many", "OS::Heat::ResourceGroup", count=2, resource_def=definition)


def test_a_group_of_resources_is_looked_into():
    inside = {"type": "OS::Nova::Server", "properties": {"image": "x", "flavor": "y"}}
    assert "many" in given(group_of(inside)).template["resources"]
    for definition, code in (
        ({"type": "OS::Keystone::User"}, "resource_type_forbidden"),
        ({"get_param": "title"}, "resource_type_forbidden"),
        ({"type": "nested.yaml"}, "resource_type_forbidden"),
        ({**inside, "external_id": FOREIGN}, "property_forbidden"),
        ({"type": "OS::Neutron::Port", "properties": {"network": "net-%index%"}},
         "reference_foreign"),
        ({"type": "OS::Heat::ResourceGroup",
          "properties": {"resource_def": {"type": "OS::Heat::Stack"}}}, "resource_type_forbidden"),
    ):  # fmt: skip
        assert refused(group_of(definition)).code == code


ALLOWED = {
    "OS::Nova::ServerGroup": {"policies": ["anti-affinity"]},
    "OS::Nova::KeyPair": {"name": "key"},
    "OS::Neutron::Router": {"external_gateway_info": {"network": "edge-n6"}},
    "OS::Neutron::RouterInterface": {"subnet": {"get_resource": "subnet"}},
    "OS::Neutron::FloatingIP": {"floating_network": "edge-n6", "port_id": {"get_resource": "port"}},
    "OS::Neutron::SecurityGroup": {"rules": [{"protocol": "tcp"}]},
    "OS::Neutron::Trunk": {"port": {"get_resource": "port"}, "sub_ports": None},
    "OS::Cinder::VolumeAttachment": {
        "instance_uuid": {"get_resource": "server"}, "volume_id": {"get_resource": "disk"},
    },
    "OS::Heat::RandomString": {"length": 12},
    "OS::Heat::Value": {"value": "x"},
    "OS::Heat::SoftwareConfig": {"config": "#!/bin/sh"},
    "OS::Heat::CloudConfig": {"cloud_config": {"tenant_id": "free text", "shared": True}},
    "OS::Heat::MultipartMime": {"parts": [{"config": "x"}]},
    "OS::Heat::WaitConditionHandle": {},
}  # fmt: skip


@pytest.mark.parametrize("kind", ALLOWED)
def test_what_a_package_may_bring(kind):
    change = puts("it", kind, **copy.deepcopy(ALLOWED[kind]))
    assert given(change).template["resources"]["it"]["type"] == kind


def test_a_server_may_say_all_that_stays_its_own():
    change = server(
        metadata={"project": "x"}, tags=["a"], security_groups=["default"],
        scheduler_hints={"different_host": [{"get_resource": "server"}]},
        networks=[{"network": "edge-mp1", "fixed_ip": "192.0.2.9"}],
    )  # fmt: skip
    assert given(change).servers == ("server",)
