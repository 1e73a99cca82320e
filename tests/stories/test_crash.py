"""``kill -9`` of the edge between an order and its end: the end is true all the same."""

from __future__ import annotations

import time

import httpx
import pytest

from examples.packages import build
from tests.stories.running import create, eventually, new_name, upload

pytestmark = [pytest.mark.world, pytest.mark.endurance]
# An order takes about this long from its acceptance to Instantiated when nothing happens to it.
SPAN_SECONDS = 1.2


def kill_in_the_middle(world, tmp_path, site, after, app_class):
    """Order an instance, kill a site ``after`` seconds and see it through: the state then."""
    tenant, name = world.center("tenant"), new_name("crash")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class=app_class)
    ids = upload(tenant, path)
    eventually(lambda: world.pid_of(site))
    instance = create(tenant, ids, world.demo["edges"][0]["host_ip"], name)
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    tenant.ok("POST", order)
    time.sleep(after)
    state, before = tenant.status_of(instance), world.pid_of(site)
    world.kill(site)
    eventually(lambda: world.pid_of(site) not in (0, before))
    eventually(lambda: _answers(tenant), seconds=40)
    eventually(lambda: tenant.status_of(instance) == "Instantiated", seconds=40)
    assert world.simulated()[instance] == "Ready"
    tenant("DELETE", order)
    eventually(lambda: tenant.status_of(instance) == "gone", seconds=40)
    assert instance not in world.simulated()
    tenant("DELETE", f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}")
    return state


@pytest.mark.parametrize(
    ("site", "points", "app_class"), [("edge-1", 10, "vm"), ("center", 4, "container")]
)
def test_killed_site_ends_with_an_instance_that_agrees_with_the_world(
    world, tmp_path, site, points, app_class
):
    moments = [point * SPAN_SECONDS / points for point in range(points)]
    states = [kill_in_the_middle(world, tmp_path, site, after, app_class) for after in moments]
    hit = [state for state in states if state != "Instantiated"]
    assert len(hit) >= points * 0.7, f"most kills have to come before the end: {states}"


def _answers(person):
    try:
        return person("GET", "/healthz").status_code == 200
    except httpx.HTTPError:
        return False
