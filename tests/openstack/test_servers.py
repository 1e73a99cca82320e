"""Servers of a stack started, stopped and looked at, and what the project has, on a real cloud."""

from __future__ import annotations

import json
from types import SimpleNamespace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from apps.common.errors import IllegalMove, NotFound
from apps.vim.contract import Phase
from apps.vim.resources import CloudResources, QuotaName, ResourceKind, TellsResources
from apps.vim.servers import Action, RunsServers
from apps.vim.voices import LogQuery
from tests.openstack.packages import driver_of, order, two_servers
from tests.waiting import soon

pytestmark = pytest.mark.openstack
MOST_CALLS = 6


@pytest.fixture(scope="module")
def stack(cloud, image, file_leaves_nothing):
    """An instance of two servers that is up, and its driver."""
    driver = driver_of(cloud.openrc(), uuid4())
    spec = order(two_servers("servers-net"))
    key = spec.instance_id
    driver.install(spec)
    try:
        soon(lambda: driver.status(key).phase is Phase.READY, 120, lambda: driver.status(key))
        first = driver.status(key).servers[0]
        yield SimpleNamespace(driver=driver, key=key, id=first.id, name=first.name)
    finally:
        driver.uninstall(key)
        soon(lambda: driver.status(key).phase is Phase.ABSENT, 120, lambda: driver.status(key))


def done(stack, action, status):
    """Order an action and wait until the server is so and nothing is being done to it."""
    stack.driver.act(stack.key, stack.id, action)

    def settled():
        found = stack.driver.server(stack.key, stack.id)
        return (found.status, found.task) == (status, "")

    soon(settled, 90, lambda: stack.driver.server(stack.key, stack.id))


def test_driver_keeps_the_promises(stack):
    assert isinstance(stack.driver, RunsServers)
    assert isinstance(stack.driver, TellsResources)


def test_server_is_told_with_what_it_was_made_of(stack):
    found = stack.driver.server(stack.key, stack.id)
    assert (found.name, found.status, found.image) == (stack.name, "ACTIVE", "test-image")
    assert (found.flavor.vcpus, found.flavor.ram, found.flavor.disk) == (1, 64, 1)
    (address,) = found.addresses
    assert address.ip.startswith("192.168.77.")
    assert address.mac.count(":") == 5
    assert found.zone
    assert found.created is not None
    assert found.security_groups == ("default",)


@pytest.mark.parametrize(("there", "back", "state"), [
    (Action.STOP, Action.START, "SHUTOFF"),
    (Action.PAUSE, Action.UNPAUSE, "PAUSED"),
    (Action.SUSPEND, Action.RESUME, "SUSPENDED"),
])
def test_server_is_halted_and_goes_on(stack, there, back, state):
    done(stack, there, state)
    seen = stack.driver.status(stack.key)
    assert (seen.phase, seen.ready) == (Phase.DEGRADED, 1)
    assert state in str(seen.reason)
    with pytest.raises(IllegalMove):
        stack.driver.act(stack.key, stack.id, there)
    done(stack, back, "ACTIVE")
    assert stack.driver.status(stack.key).phase is Phase.READY


@pytest.mark.parametrize("how", [Action.REBOOT_SOFT, Action.REBOOT_HARD])
def test_server_is_rebooted(stack, how):
    done(stack, how, "ACTIVE")


def test_hard_reboot_brings_up_what_was_stopped(stack):
    done(stack, Action.STOP, "SHUTOFF")
    done(stack, Action.REBOOT_HARD, "ACTIVE")


def test_text_of_the_console_is_read(stack):
    page = stack.driver.logs(stack.key, LogQuery(stack.name))
    assert page.lines
    assert page.cursor


def test_link_to_the_screen_is_new_each_time(stack):
    links = {stack.driver.screen(stack.key, stack.id) for _ in range(2)}
    assert len(links) == 2
    for link in links:
        assert urlsplit(link).scheme in ("http", "https")
        assert "token" in link


def test_server_of_another_instance_is_not_there(stack):
    for ids in ((uuid4(), stack.id), (stack.key, str(uuid4()))):
        with pytest.raises(NotFound):
            stack.driver.server(*ids)
        with pytest.raises(NotFound):
            stack.driver.act(*ids, Action.STOP)


@pytest.mark.parametrize("kind", list(ResourceKind))
def test_resources_cost_a_few_calls_and_survive_json(stack, kind):
    cloud = stack.driver._cloud
    stack.driver.resources(kind)
    before = cloud.calls
    told = stack.driver.resources(kind)
    assert 0 < cloud.calls - before <= MOST_CALLS
    assert told.rows or kind is ResourceKind.FLAVORS
    assert CloudResources.from_json(kind, json.loads(json.dumps(told.as_json()))) == told


def test_quotas_tell_what_the_servers_take(stack):
    told = {one.name: one for one in stack.driver.resources(ResourceKind.QUOTAS).rows}
    assert list(told) == [str(one) for one in QuotaName]
    for name, least in (("instances", 2), ("vcpus", 2), ("ram", 128), ("ports", 2),
                        ("networks", 1), ("subnets", 1)):
        assert told[name].used >= least
        assert told[name].limit > told[name].used


def test_lists_tell_what_the_stack_made(stack):
    servers = {one.id: one for one in stack.driver.resources(ResourceKind.SERVERS).rows}
    assert servers[stack.id] == stack.driver.server(stack.key, stack.id)
    nets = [one for one in stack.driver.resources(ResourceKind.NETWORKS).rows
            if one.name.startswith("servers-net")]
    assert [one.cidrs for one in nets] == ["192.168.77.0/24"]
    images = [one.name for one in stack.driver.resources(ResourceKind.IMAGES).rows]
    assert "test-image" in images
    groups = stack.driver.resources(ResourceKind.SECURITY_GROUPS).rows
    assert [len(one.rules) >= 2 for one in groups if one.name == "default"] == [True]
