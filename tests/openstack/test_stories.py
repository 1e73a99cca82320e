"""From an upload at the center to active servers on a real cloud, and away again."""

from __future__ import annotations

import os

import pytest

from tests.openstack.packages import card, definition, link, machine, two_servers
from tests.stories.hosted import (
    HOST_IP,
    HostedWorld,
    end,
    info,
    onboard,
    order,
    pause,
    run,
    withdraw,
)
from tests.stories.running import eventually, new_name

pytestmark = pytest.mark.openstack
KILLS = int(os.environ.get("MECM_TEST_KILLS", "3"))
# An order takes about this long at the edge when nothing happens to it.
SPAN_SECONDS = 6.0


@pytest.fixture(scope="module")
def world(cloud, tmp_path_factory):
    running = HostedWorld(tmp_path_factory.mktemp("cloud-world") / "data")
    try:
        running.start()
        running.take_in(cloud.openrc(), vim="OpenStack")
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module", autouse=True)
def clean(image, flavor, file_leaves_nothing):
    """All that the stories ran is gone afterwards."""


def packed(person, folder, name, template, **request):
    return onboard(person, folder, name, app_class="vm", template=template, **request)


def test_the_host_tells_what_the_cloud_is(world):
    seen = world.center("admin").ok("GET", f"/inventory/v1/mechosts/{HOST_IP}")["observed"]
    assert seen["vimKind"] == "openstack"
    assert seen["simulated"] is False
    assert seen["facts"]["version"].startswith("Nova 2.")
    assert [node["ready"] for node in seen["facts"]["nodes"]] == [True, True]


def test_two_servers_run_for_two_tenants_and_leave_nothing(world, tmp_path):
    name = new_name("twice")
    people = world.center("tenant"), world.center("other_tenant")
    keys = [
        run(person, packed(person, tmp_path, name, two_servers("twice-net")), name)
        for person in people
    ]
    for person, key in zip(people, keys, strict=True):
        found = info(person, key)
        assert (found["health"], found["operationInfo"]) == ("Ready", "success")
    for person, key in zip(people, keys, strict=True):
        end(person, key)


HOT = b"""
heat_template_version: 2018-08-31
parameters:
  image: {type: string, default: test-image}
  word: {type: string, default: hello}
resources:
  net: {type: "OS::Neutron::Net"}
  subnet:
    type: OS::Neutron::Subnet
    properties: {network: {get_resource: net}, cidr: 192.168.78.0/24}
  port:
    type: OS::Neutron::Port
    properties: {network: {get_resource: net}, fixed_ips: [{subnet: {get_resource: subnet}}]}
  box:
    type: OS::Nova::Server
    properties:
      image: {get_param: image}
      flavor: test-flavor
      networks: [{port: {get_resource: port}}]
      user_data_format: RAW
      user_data: {str_replace: {template: "echo $word", params: {$word: {get_param: word}}}}
  lid:
    type: OS::Nova::Server
    properties:
      image: {get_param: image}
      flavor: test-flavor
      networks: [{network: {get_resource: net}}]
      user_data_format: RAW
      user_data: {str_replace: {template: "echo $word", params: {$word: {get_param: word}}}}
    depends_on: subnet
"""


def test_a_package_with_a_template_of_heats_own_is_run_from_it(world, cloud, tmp_path):
    person, name = world.center("tenant"), new_name("hot")
    extra = {"Artifacts/Deployment/Heat/box.yaml": HOT}
    ids = packed(person, tmp_path, name, definition(box=machine()), extra=extra)
    key = run(person, ids, name)
    with cloud.connect() as connection:
        made = connection.orchestration.resources(f"mecm-{key}")
        servers = [one.name for one in made if one.resource_type == "OS::Nova::Server"]
    assert sorted(servers) == ["box", "lid"]
    end(person, key)
    # Its template may name any image of the package, so that all of them were brought.
    withdraw(person, ids)


@pytest.mark.parametrize(
    ("machine_of", "said"),
    [
        ({"disk_gb": 900_000}, "No compute host has room for"),
        ({"vcpus": 120}, "uota"),
    ],
)
def test_what_the_cloud_does_not_give_is_told_in_words(world, tmp_path, machine_of, said):
    person, name = world.center("tenant"), new_name("greedy")
    template = definition(
        web=machine(**machine_of), card=card("web"), net=link("greedy-net", "192.168.79.0/24")
    )
    key = order(person, packed(person, tmp_path, name, template), name)
    eventually(lambda: person.status_of(key) == "Instantiation failed", seconds=120)
    assert said in info(person, key)["operationInfo"]
    end(person, key)


def test_an_image_that_nobody_has_is_named(world, tmp_path):
    person, name = world.center("tenant"), new_name("imageless")
    template = definition(
        web=machine(image="no-such-image"), card=card("web"), net=link("n", "192.168.80.0/24")
    )
    key = order(person, packed(person, tmp_path, name, template), name)
    eventually(lambda: person.status_of(key) == "Instantiation failed", seconds=120)
    assert "no-such-image" in info(person, key)["operationInfo"]
    end(person, key)


def test_a_stack_that_is_deleted_behind_our_back_is_told(world, cloud, tmp_path):
    person, name = world.center("tenant"), new_name("behind")
    key = run(person, packed(person, tmp_path, name, two_servers("behind-net")), name)
    with cloud.connect() as connection:
        connection.orchestration.delete_stack(f"mecm-{key}")
    eventually(lambda: info(person, key)["health"] in ("Failed", "Unknown"), seconds=120)
    assert info(person, key)["operationalStatus"] == "Instantiated"
    end(person, key)


def test_a_killed_edge_ends_with_the_truth_and_leaves_nothing(world, tmp_path):
    """``kill -9`` at points spread over creating and deleting."""
    person, name = world.center("tenant"), new_name("killed")
    ids = packed(person, tmp_path, name, two_servers("killed-net"))
    for point in range(KILLS):
        after = SPAN_SECONDS * point / KILLS
        key = order(person, ids, f"{name}-{point}")
        pause(after)
        world.kill_and_await("edge-1")
        eventually(lambda k=key: person.status_of(k) == "Instantiated", seconds=120,
                   otherwise=lambda k=key: str(info(person, k)))
        person.ok("DELETE", f"/appo/v1/tenants/{{t}}/app_instances/{key}")
        pause(after / 2)
        world.kill_and_await("edge-1")
        eventually(lambda k=key: person.status_of(k) == "gone", seconds=120,
                   otherwise=lambda k=key: str(info(person, k)))
