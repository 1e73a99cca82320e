"""Step 5: the edge works while the center is gone, and the center catches up by itself."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from examples.packages import build
from tests.stories.running import create, eventually, new_name, upload

pytestmark = pytest.mark.world


def test_edge_runs_a_package_without_its_center_which_learns_of_it_later(world, tmp_path):
    edge, name = world.edge(), new_name("alone")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="container")
    host_ip = world.demo["edges"][0]["host_ip"]
    world.site("stop", "center")
    try:
        with path.open("rb") as file:
            ids = edge.ok(
                "POST",
                "/lcmcontroller/v1/tenants/{t}/packages",
                files={"package": (path.name, file)},
            )
        package = f"/lcmcontroller/v1/tenants/{{t}}/packages/{ids['packageId']}"
        assert edge.ok("POST", package, json={"hostIp": [host_ip]}) is None
        instance = str(uuid.uuid4())
        base = f"/lcmcontroller/v1/tenants/{{t}}/app_instances/{instance}"
        order = {"hostIp": host_ip, "packageId": ids["packageId"], "appName": name}
        assert edge.ok("POST", f"{base}/instantiate", json=order) is None
        eventually(lambda: edge.ok("GET", f"{base}/record")["state"] == "Instantiated")
        assert world.simulated()[instance] == "Ready"
    finally:
        world.site("start", "center")
    admin = world.center("admin")
    info = f"/appo/v1/tenants/{edge.tenant_id}/app_instance_infos/{instance}"
    found = eventually(lambda: (answer := admin("GET", info)).status_code == 200 and answer)
    told = found.json()["response"]
    assert (told["appName"], told["operationalStatus"]) == (name, "Instantiated")
    assert world.center("tenant")("GET", info).status_code == 404

    assert edge.ok("POST", f"{base}/terminate") is None
    eventually(lambda: edge("GET", f"{base}/record").status_code == 404)
    eventually(lambda: admin("GET", info).status_code == 404)
    assert instance not in world.simulated()


def test_center_says_how_old_its_knowledge_is_while_the_edge_is_gone(world, tmp_path):
    tenant, admin, name = world.center("tenant"), world.center("admin"), new_name("stale")
    path = tmp_path / f"{name}.csar"
    build(path, name=name, version="1.0", app_class="vm")
    host_ip = world.demo["edges"][0]["host_ip"]
    ids = upload(tenant, path)
    instance = create(tenant, ids, host_ip, name)
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    tenant.ok("POST", order)
    eventually(lambda: tenant.status_of(instance) == "Instantiated")
    world.site("stop", "edge-1")
    stopped = datetime.now(UTC)
    host = f"/inventory/v1/mechosts/{host_ip}"
    eventually(lambda: admin.ok("GET", host)["observed"]["edgeReachable"] is False)
    info = f"/appo/v1/tenants/{{t}}/app_instance_infos/{instance}"

    def known_at():
        return datetime.fromisoformat(tenant.ok("GET", info)["response"]["asOf"])

    assert known_at() <= stopped
    assert admin.ok("GET", host)["observed"]["edgeSince"]
    world.site("start", "edge-1")
    eventually(lambda: known_at() > stopped)
    world.site("stop", "edge-1")
    # An order to an edge that is gone is kept, with its reason, and carried out when it is back.
    assert tenant("DELETE", order).status_code == 202
    waiting = eventually(
        lambda: [
            row
            for row in tenant.ok("GET", info)["response"]["operations"]
            if row["kind"] == "terminate" and row["reason"]
        ]
    )
    assert waiting[0]["state"] in ("Running", "Waiting")
    world.site("start", "edge-1")
    eventually(lambda: tenant.status_of(instance) == "gone", seconds=40)
    assert instance not in world.simulated()
