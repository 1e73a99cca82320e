"""``kill -9`` of the edge between an order and its end: the end is true all the same."""

from __future__ import annotations

import time

import httpx
import pytest

from examples.packages import build
from tests.stories.running import create, eventually, new_name, upload

pytestmark = pytest.mark.world
POINTS = 10
# An order takes about this long from its acceptance to Instantiated when nothing happens to it.
SPAN_SECONDS = 1.5


@pytest.mark.parametrize("point", range(POINTS))
def test_killed_edge_ends_with_an_instance_that_agrees_with_the_world(world, tmp_path, point):
    tenant, name = world.center("tenant"), new_name("crash")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="vm")
    ids = upload(tenant, path)
    instance = create(tenant, ids, world.demo["edges"][0]["host_ip"], name)
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    eventually(lambda: world.pid_of("edge-1"))
    tenant.ok("POST", order)
    time.sleep(point * SPAN_SECONDS / POINTS)
    before = world.pid_of("edge-1")
    world.kill("edge-1")
    eventually(lambda: world.pid_of("edge-1") not in (0, before))
    eventually(lambda: tenant.status_of(instance) == "Instantiated", seconds=40)
    assert world.simulated()[instance] == "Ready"
    tenant("DELETE", order)
    eventually(lambda: tenant.status_of(instance) == "gone", seconds=40)
    assert instance not in world.simulated()
    tenant("DELETE", f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}")


@pytest.mark.parametrize("point", range(4))
def test_killed_center_ends_with_the_same_truth(world, tmp_path, point):
    tenant, name = world.center("tenant"), new_name("center")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="container")
    ids = upload(tenant, path)
    instance = create(tenant, ids, world.demo["edges"][0]["host_ip"], name)
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    tenant.ok("POST", order)
    time.sleep(point * SPAN_SECONDS / 4)
    before = world.pid_of("center")
    world.kill("center")
    eventually(lambda: world.pid_of("center") not in (0, before))
    eventually(lambda: _answers(tenant), seconds=40)
    eventually(lambda: tenant.status_of(instance) == "Instantiated", seconds=40)
    assert world.simulated()[instance] == "Ready"
    tenant("DELETE", order)
    eventually(lambda: tenant.status_of(instance) == "gone", seconds=40)
    assert instance not in world.simulated()
    tenant("DELETE", f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}")


def _answers(person):
    try:
        return person("GET", "/healthz").status_code == 200
    except httpx.HTTPError:
        return False
