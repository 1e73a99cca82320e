"""What may be done with a server when, its JSON, and the servers of the simulated world."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from apps.common import clock
from apps.common.errors import Conflict, IllegalMove, Invalid, NotFound, NotOffered
from apps.vim.contract import Credentials, InstallSpec, Phase, WorkloadUnit
from apps.vim.images import NewImage
from apps.vim.resources import (
    CloudFlavor,
    CloudImage,
    CloudResources,
    Network,
    Quota,
    ResourceKind,
    SecurityGroup,
    SecurityRule,
    Subnet,
    TellsResources,
)
from apps.vim.servers import (
    SERVER,
    Action,
    RunsServers,
    ServerAddress,
    ServerDetails,
    ServerFlavor,
    body_of,
)
from apps.vim.simulated_vim import SimulatedVim

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
# Written by hand after the states that Nova's compute API checks before each action.
MAY = {
    "ACTIVE": "createConsole pause reboot_hard reboot_soft stop suspend",
    "SHUTOFF": "reboot_hard start",
    "PAUSED": "createConsole reboot_hard unpause",
    "SUSPENDED": "reboot_hard resume",
    "ERROR": "reboot_hard stop",
    "BUILD": "",
    "DELETING": "",
    "anything": "",
}
WHOLE = ServerDetails(
    id="7", name="web", status="ERROR", task="", fault="No valid host",
    addresses=(ServerAddress("n6", "192.0.2.7", "fa:16:3e:00:00:07"),),
    flavor=ServerFlavor("small", 1, 64, 1), image="cirros", host="c1", zone="nova",
    created=START, key_name="mine", security_groups=("default", "web"), instance_id="9",
    instance="camera",
)
ROWS = {
    ResourceKind.QUOTAS: (Quota("ports", 3, -1), Quota("subnets")),
    ResourceKind.SERVERS: (WHOLE, ServerDetails("8", "db", "BUILD")),
    ResourceKind.IMAGES: (CloudImage("1", "cirros", "active", "raw", 7, "public"),
                          CloudImage("2", "", "queued")),
    ResourceKind.NETWORKS: (
        Network("1", "n6", "ACTIVE", True, True, (Subnet("a", "10.0.0.0/8"),)),),
    ResourceKind.FLAVORS: (CloudFlavor("1", "small", 1, 64, 1, False),),
    ResourceKind.SECURITY_GROUPS: (
        SecurityGroup("1", "default", "d", (SecurityRule("ingress", "IPv4", "tcp", "22", "1"),)),),
}


@pytest.mark.parametrize("status", MAY)
def test_table_allows_what_nova_does(status):
    assert [str(one) for one in SERVER.verbs(status)] == MAY[status].split()


def test_what_is_not_allowed_is_refused_with_what_is():
    with pytest.raises(IllegalMove) as caught:
        replace(WHOLE, status="SHUTOFF").require(Action.PAUSE)
    assert caught.value.extra == {"state": "SHUTOFF", "allowed": ["reboot_hard", "start"]}


def test_nothing_may_be_done_while_something_is():
    busy = replace(WHOLE, status="ACTIVE", task="powering-off")
    assert busy.actions == []
    with pytest.raises(Conflict) as caught:
        busy.require(Action.STOP)
    assert caught.value.extra["task"] == "powering-off"


def test_actions_are_spelled_as_edgegallery_does():
    assert body_of(Action.REBOOT_HARD) == {"action": "reboot", "reboot": "HARD"}
    assert body_of(Action.STOP) == {"action": "stop"}


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_resources_survive_json(kind):
    told = CloudResources(kind, START, ROWS[kind])
    data = json.loads(json.dumps(told.as_json()))
    assert CloudResources.from_json(kind, data) == told


def test_names_in_json_are_as_edgegallery_spells_them():
    assert WHOLE.as_json().keys() == {
        "id", "name", "status", "task", "addresses", "flavor", "image", "host", "zone", "created",
        "keyName", "securityGroups", "fault", "instanceId", "instance"}


@pytest.mark.parametrize("data", [
    {}, [], None, {"asOf": "now", "quotas": []}, {"asOf": START.isoformat()},
    {"asOf": START.isoformat(), "quotas": [7]}, {"asOf": START.isoformat(), "quotas": 7},
])
def test_nonsense_is_no_resources(data):
    with pytest.raises(Invalid):
        CloudResources.from_json(ResourceKind.QUOTAS, data)


@pytest.mark.parametrize(("used", "limit", "share"), [
    (5, 10, 0.5), (12, 10, 1.2), (0, 0, 0), (1, 0, 1), (1, -1, None), (None, 3, None),
    (3, None, None),
])
def test_share_is_of_what_is_known_and_limited(used, limit, share):
    assert Quota("ports", used, limit).share == share


# --- the simulated world ----------------------------------------------------------------------


@pytest.fixture
def site(tmp_path):
    """A driver, and an instance of two machines that is up."""
    with clock.frozen(START) as now:
        held = Credentials("simulated", b"simulated: {nodes: 2, cpus: 4, memory_mb: 4096}")
        driver = SimulatedVim(host_id=UUID(int=4), credentials=held, state_dir=tmp_path)
        unit = WorkloadUnit("web", "VM", images=("cirros",), vcpus=1, memory_mb=512, replicas=2)
        driver.key = uuid4()
        driver.install(InstallSpec(
            driver.key, UUID(int=1), "demo", UUID(int=7), Path("p.csar"), "vm", (unit,)))
        now.advance(seconds=5)
        driver.upload_image(NewImage(uuid4(), "cirros"), [b"image"])
        driver.ids = [one.id for one in driver.status(driver.key).servers]
        yield driver


def test_driver_keeps_the_promises(site):
    assert isinstance(site, RunsServers)
    assert isinstance(site, TellsResources)


@pytest.mark.parametrize(("action", "state"), [
    (Action.STOP, "SHUTOFF"), (Action.PAUSE, "PAUSED"), (Action.SUSPEND, "SUSPENDED"),
])
def test_halted_server_is_told_by_the_status_until_it_goes_on(site, action, state):
    assert site.act(site.key, site.ids[0], action).status == "ACTIVE"
    seen = site.status(site.key)
    assert (seen.phase, seen.ready, seen.total) == (Phase.DEGRADED, 1, 2)
    assert [one.status for one in seen.servers] == [state, "ACTIVE"]
    assert str(seen.reason) == f"“{seen.servers[0].name}” is {state}."
    back = {"SHUTOFF": Action.START, "PAUSED": Action.UNPAUSE, "SUSPENDED": Action.RESUME}
    site.act(site.key, site.ids[0], back[state])
    assert site.status(site.key).phase is Phase.READY


def test_hard_reboot_brings_a_halted_server_up(site):
    site.act(site.key, site.ids[0], Action.STOP)
    site.act(site.key, site.ids[0], Action.REBOOT_HARD)
    assert site.server(site.key, site.ids[0]).status == "ACTIVE"


def test_another_process_sees_what_was_halted(site, tmp_path):
    site.act(site.key, site.ids[1], Action.STOP)
    held = Credentials("simulated", b"simulated: {nodes: 2}")
    other = SimulatedVim(host_id=UUID(int=4), credentials=held, state_dir=tmp_path)
    assert other.server(site.key, site.ids[1]).status == "SHUTOFF"


def test_servers_of_others_are_not_there(site):
    for ask in (site.server, site.screen, lambda *ids: site.act(*ids, Action.STOP)):
        for ids in ((uuid4(), site.ids[0]), (site.key, str(uuid4()))):
            with pytest.raises(NotFound):
                ask(*ids)


def test_server_that_is_being_removed_is_left_alone(site):
    site.uninstall(site.key)
    with pytest.raises(IllegalMove):
        site.act(site.key, site.ids[0], Action.STOP)


def test_there_is_no_screen(site):
    with pytest.raises(NotOffered):
        site.screen(site.key, site.ids[0])


def test_quotas_count_the_servers_and_say_what_nobody_knows(site):
    told = {one.name: (one.used, one.limit) for one in site.resources(ResourceKind.QUOTAS).rows}
    assert (told["instances"], told["vcpus"], told["ram"]) == ((2, 20), (2, 8), (1024, 8192))
    assert told["floatingIps"] == (None, None)


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_each_kind_is_told(site, kind):
    found = site.resources(kind)
    assert found.rows
    assert CloudResources.from_json(kind, found.as_json()) == replace(
        found, rows=tuple(found.rows))
