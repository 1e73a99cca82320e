"""Steps 1 to 4 of the main job, over plain HTTP, on both classes of package."""

from __future__ import annotations

import json
import time

import pytest

from examples.packages import build
from tests.stories.running import create, eventually, new_name, upload

pytestmark = pytest.mark.world
ACCESS = b"simulated:\n  seed: 7\n  nodes: 2\n  cpus: 32\n  memory_mb: 131072\n  storage_gb: 800\n"


@pytest.fixture(scope="module")
def host_ip(world):
    """Step 1: a MEC host of the running edge, registered, given its credentials and probed."""
    admin, ip = world.center("admin"), "10.77.0.1"
    edge_ip = world.demo["edges"][0]["url"].split("//")[1].split(":")[0]
    host = {
        "mechostIp": ip,
        "mechostName": "story-host",
        "city": "Genova",
        "address": "Molo 1",
        "coordinates": "8.93,44.40",
        "vim": "Simulated",
        "applcmIp": edge_ip,
        "appRuleIp": edge_ip,
    }
    assert admin.ok("POST", "/inventory/v1/mechosts", json=host) == {"response": "Saved"}
    url = f"/inventory/v1/mechosts/{ip}"
    eventually(lambda: admin.ok("GET", url)["delivery"]["delivered"])
    admin.ok("POST", f"{url}/k8sconfig", files={"file": ("config", ACCESS)})
    seen = eventually(lambda: (found := admin.ok("GET", url)["observed"])["reachable"] and found)
    assert seen["vimKind"] == "simulated"
    assert seen["simulated"] is True
    assert seen["asOf"]
    assert seen["facts"]["capacity"]["cpus"] == 64
    return ip


@pytest.mark.parametrize("app_class", ["container", "vm"])
def test_package_runs_on_the_edge_and_leaves_nothing(world, host_ip, tmp_path, app_class):
    tenant, name = world.center("tenant"), new_name("story")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class=app_class)

    ids = upload(tenant, path)
    package = f"/apm/v1/tenants/{{t}}/packages/{ids['appPackageId']}"
    tenant.ok("POST", package, json={"hostIp": [host_ip]})
    eventually(
        lambda: (
            [row["status"] for row in tenant.ok("GET", package)["mecHostInfo"]] == ["Distributed"]
        )
    )

    instance = create(tenant, ids, host_ip, name)
    before = time.monotonic()
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    assert tenant.ok("POST", order) == {"response": "ACCEPTED"}
    eventually(lambda: tenant.status_of(instance) == "Instantiated")
    print(f"{app_class}: instantiated after {time.monotonic() - before:.2f} s")  # noqa: T201
    workload = json.loads(tenant.ok("GET", order)["response"])
    running = workload["pods"] if app_class == "container" else workload["servers"]
    assert running
    assert workload["simulated"] is True
    assert world.simulated()[instance] == "Ready"

    assert tenant("DELETE", order).status_code == 202
    eventually(lambda: tenant.status_of(instance) == "gone")
    assert instance not in world.simulated()
    edge = world.edge()
    listed = edge.ok("GET", f"/lcmcontroller/v1/tenants/{tenant.tenant_id}/app_instances")
    assert instance not in [row["appInstanceId"] for row in listed]

    assert tenant("DELETE", package).status_code == 200
    eventually(lambda: tenant("GET", package).status_code == 404)
    # A file goes once the end of its row is certain.
    stored = f"*/packages/*{ids['appPackageId']}*"
    eventually(lambda: not list(world.directory.glob(stored)))


def test_host_of_a_silent_edge_is_saved_shown_and_delivered_when_it_answers(world):
    admin, ip = world.center("admin"), "10.77.0.9"
    edge_ip = world.demo["edges"][0]["url"].split("//")[1].split(":")[0]
    world.site("stop", "edge-1")
    host = {
        "mechostIp": ip,
        "mechostName": "late-host",
        "city": "Genova",
        "address": "Molo 9",
        "coordinates": "8.93,44.41",
        "vim": "Simulated",
        "applcmIp": edge_ip,
    }
    assert admin.ok("POST", "/inventory/v1/mechosts", json=host) == {"response": "Saved"}
    url = f"/inventory/v1/mechosts/{ip}"
    waiting = eventually(
        lambda: (found := admin.ok("GET", url))["observed"]["edgeReachable"] is False
        and found["delivery"]["reason"]
        and found
    )
    assert waiting["delivery"]["delivered"] is False
    assert waiting["observed"]["edgeSince"]
    world.site("start", "edge-1")
    eventually(lambda: admin.ok("GET", url)["delivery"]["delivered"])
    at_edge = world.edge().ok("GET", "/lcmcontroller/v1/hosts")
    assert ip in [row["mechostIp"] for row in at_edge]
    assert admin("DELETE", url).status_code == 200
    eventually(lambda: admin("GET", url).status_code == 404)
