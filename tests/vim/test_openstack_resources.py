"""From what Nova, Neutron and Glance say to servers and resources.  The rows are as theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from apps.common.errors import Conflict, NotFound
from apps.vim.errors import VimRefused
from apps.vim.openstack import nova
from apps.vim.openstack.cloud import Refused
from apps.vim.openstack.resources import resources
from apps.vim.resources import ResourceKind, SecurityRule
from apps.vim.servers import Action, ServerAddress, ServerFlavor

KEY = UUID(int=9)
OWN, OTHER = "project-of-ours", "project-of-others"
SERVER = {
    "id": "s1", "name": "web", "status": "ACTIVE", "OS-EXT-STS:task_state": None,
    "addresses": {"n6": [{"addr": "10.0.0.9", "version": 4,
                          "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01"}]},
    "flavor": {"original_name": "small", "vcpus": 1, "ram": 64, "disk": 1, "extra_specs": {}},
    "image": {"id": "i1"}, "OS-EXT-SRV-ATTR:host": "c1", "OS-EXT-AZ:availability_zone": "nova",
    "created": "2026-05-04T08:00:00Z", "key_name": None,
    "security_groups": [{"name": "default"}, {"name": "default"}, {"name": "web"}],
}


class Told:
    """A cloud that answers from a table; ``orders`` are the bodies that it was sent."""

    project_id = OWN

    def __init__(self, **answers):
        self.answers = answers
        self.orders = []

    def sign_in(self):
        """Nothing to do."""

    def find(self, service, path, **options):
        """What there is, or None."""
        found = self.answers.get(path)
        if isinstance(found, Exception):
            raise found
        return found

    def ask(self, service, method, path, **options):
        """The same; what there is not is an error."""
        if "json" in options:
            self.orders.append(options["json"])
        if path.endswith("/action") and path not in self.answers:
            return None
        found = self.find(service, path)
        assert found is not None, path
        return found

    def pages(self, service, kind, **options):
        """The rows of a kind."""
        yield from self.answers.get(kind, ())


def stack(**more):
    """A cloud with one instance of one server."""
    name = f"/stacks/mecm-{KEY}"
    part = {"resource_name": "web", "resource_type": "OS::Nova::Server",
            "physical_resource_id": "s1"}
    return Told(**{
        name: {"stack": {"stack_name": name[8:], "id": "k", "stack_status": "CREATE_COMPLETE"}},
        f"{name}/k/resources": {"resources": [part]},
        "/servers/s1": {"server": SERVER},
        "/servers/s2": {"server": SERVER | {"id": "s2"}},
        "/images/i1": {"id": "i1", "name": "cirros"},
    } | more)


def test_server_is_told_with_all_that_nova_knows():
    found = nova.server(stack(), KEY, "s1")
    assert (found.name, found.status, found.task, found.image) == ("web", "ACTIVE", "", "cirros")
    assert found.addresses == (ServerAddress("n6", "10.0.0.9", "fa:16:3e:00:00:01"),)
    assert found.flavor == ServerFlavor("small", 1, 64, 1)
    assert (found.host, found.zone, found.key_name) == ("c1", "nova", "")
    assert found.security_groups == ("default", "web")
    assert found.created == datetime(2026, 5, 4, 8, tzinfo=UTC)


def test_server_from_a_volume_and_one_in_trouble():
    row = SERVER | {"image": "", "status": "ERROR", "fault": {"message": "No valid host"}}
    found = nova.server(stack(**{"/servers/s1": {"server": row}}), KEY, "s1")
    assert (found.image, found.fault) == ("", "No valid host")


def test_server_that_is_not_of_the_instance_is_not_there_and_gets_no_order():
    cloud = stack()
    for key, server in ((KEY, "s2"), (UUID(int=8), "s1"), (KEY, "../s1")):
        with pytest.raises(NotFound):
            nova.act(cloud, key, server, Action.STOP)
    assert cloud.orders == []


@pytest.mark.parametrize(("action", "status", "body"), [
    (Action.START, "SHUTOFF", {"os-start": None}), (Action.STOP, "ACTIVE", {"os-stop": None}),
    (Action.REBOOT_SOFT, "ACTIVE", {"reboot": {"type": "SOFT"}}),
    (Action.REBOOT_HARD, "ERROR", {"reboot": {"type": "HARD"}}),
    (Action.PAUSE, "ACTIVE", {"pause": None}), (Action.UNPAUSE, "PAUSED", {"unpause": None}),
    (Action.SUSPEND, "ACTIVE", {"suspend": None}), (Action.RESUME, "SUSPENDED", {"resume": None}),
])
def test_action_is_one_order_to_nova(action, status, body):
    cloud = stack(**{"/servers/s1": {"server": SERVER | {"status": status}}})
    nova.act(cloud, KEY, "s1", action)
    assert cloud.orders == [body]


def test_what_the_state_does_not_allow_is_not_even_asked():
    cloud = stack(**{"/servers/s1": {"server": SERVER | {"OS-EXT-STS:task_state": "rebooting"}}})
    for action in (Action.START, Action.STOP):
        with pytest.raises(Conflict):
            nova.act(cloud, KEY, "s1", action)
    assert cloud.orders == []


@pytest.mark.parametrize(("answered", "wanted"), [(409, Conflict), (403, VimRefused)])
def test_refusal_of_nova_is_told_apart_by_what_can_be_done(answered, wanted):
    refusal = Refused("The cloud refuses: %(said)s", answered=answered, said="locked")
    with pytest.raises(wanted) as caught:
        nova.act(stack(**{"/servers/s1/action": refusal}), KEY, "s1", Action.STOP)
    assert "locked" in str(caught.value)


def test_quotas_are_of_nova_and_neutron_and_minus_one_is_no_limit():
    limits = {"totalInstancesUsed": 1, "maxTotalInstances": 10, "totalCoresUsed": 2,
              "maxTotalCores": -1, "totalRAMUsed": 64, "maxTotalRAMSize": 512,
              "maxServerGroups": 10}
    details = {name: {"used": 3, "limit": 9, "reserved": 0}
               for name in ("floatingip", "security_group", "port", "network")}
    cloud = Told(**{"/limits": {"limits": {"absolute": limits}},
                    f"/quotas/{OWN}/details": {"quota": details}})
    told = {one.name: (one.used, one.limit)
            for one in resources(cloud, ResourceKind.QUOTAS).rows}
    assert told == {
        "instances": (1, 10), "vcpus": (2, -1), "ram": (64, 512), "floatingIps": (3, 9),
        "securityGroups": (3, 9), "serverGroups": (None, 10), "ports": (3, 9),
        "networks": (3, 9), "subnets": (None, None)}


@pytest.mark.parametrize("answer", [None, Refused("no", answered=403)])
def test_what_neutron_does_not_tell_is_not_known(answer):
    cloud = Told(**{"/limits": {"limits": {"absolute": {}}}, f"/quotas/{OWN}/details": answer})
    rows = resources(cloud, ResourceKind.QUOTAS).rows
    assert [(one.used, one.limit) for one in rows] == [(None, None)] * 9


def test_things_of_other_projects_are_left_out_also_for_an_administrator():
    def network(key, **more):
        return {"id": key, "name": key, "status": "ACTIVE", "shared": False,
                "router:external": False, "project_id": OTHER} | more

    cloud = Told(
        networks=[network("own", project_id=OWN), network("theirs"),
                  network("shared", shared=True), network("out", **{"router:external": True})],
        subnets=[{"name": "a", "cidr": "10.0.0.0/8", "network_id": "own"}],
        images=[{"id": "1", "status": "active", "visibility": "public", "owner": OTHER},
                {"id": "2", "status": "active", "visibility": "private", "owner": OTHER},
                {"id": "3", "status": "queued", "visibility": "private", "owner": OWN}],
        **{"/security-groups": {"security_groups": [
            {"id": "1", "name": "default", "project_id": OWN, "security_group_rules": [
                {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
                 "port_range_min": 80, "port_range_max": 90, "remote_ip_prefix": "10.0.0.0/8"},
                {"direction": "ingress", "ethertype": "IPv4", "protocol": "tcp",
                 "port_range_min": 22, "port_range_max": 22, "remote_group_id": "1"},
                {"direction": "egress", "ethertype": "IPv6"}]},
            {"id": "2", "name": "default", "project_id": OTHER, "security_group_rules": []}]}},
    )
    networks = resources(cloud, ResourceKind.NETWORKS).rows
    assert [one.id for one in networks] == ["own", "shared", "out"]
    assert networks[0].cidrs == "10.0.0.0/8"
    assert [one.id for one in resources(cloud, ResourceKind.IMAGES).rows] == ["1", "3"]
    (group,) = resources(cloud, ResourceKind.SECURITY_GROUPS).rows
    assert group.rules == (
        SecurityRule("ingress", "IPv4", "tcp", "80-90", "10.0.0.0/8"),
        SecurityRule("ingress", "IPv4", "tcp", "22", "1"),
        SecurityRule("egress", "IPv6"),
    )


def test_servers_of_a_project_are_told_with_the_names_of_their_images():
    cloud = Told(servers=[SERVER, SERVER | {"id": "s3", "image": {"id": "gone"}}],
                 images=[{"id": "i1", "name": "cirros"}])
    rows = resources(cloud, ResourceKind.SERVERS).rows
    assert [one.image for one in rows] == ["cirros", "gone"]
