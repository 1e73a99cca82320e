"""An edge behind NAT: it opens the link, and the center does through it all that it does else."""

from __future__ import annotations

import os
import signal
import time

import pytest

from examples.packages import build
from tests.stories.running import create, eventually, new_name, upload

pytestmark = [
    pytest.mark.world, pytest.mark.endurance, pytest.mark.xdist_group("dialling")
]
MEGA = 1024 * 1024


def reachable(world):
    """What the center says of its link to the edge."""
    (edge,) = world.center("admin").ok("GET", "/inventory/v1/applcms")
    return edge["observed"]["reachable"]


def test_large_package_goes_out_while_a_log_is_followed_and_edges_come_and_go(dialling, tmp_path):
    tenant, name = dialling.center("tenant"), new_name("dialled")
    host_ip = dialling.demo["edges"][0]["host_ip"]
    path = tmp_path / f"{name}.csar"
    blob = {"Artifacts/Docs/blob.bin": os.urandom(50 * MEGA)}
    build(path, name=name, version="1.0", app_class="container", extra=blob)
    ids = upload(tenant, path)
    instance = create(tenant, ids, host_ip, name)
    order = f"/appo/v1/tenants/{{t}}/app_instances/{instance}"
    tenant.ok("POST", order)
    eventually(lambda: tenant.status_of(instance) == "Instantiated", seconds=40)
    assert dialling.simulated()[instance] == "Ready"

    logs, query = f"{order}/workload/logs", {"pod": "", "follow": 5}
    query["pod"] = eventually(lambda: pod_of(tenant, instance))
    assert tenant.ok("GET", logs, params=query)["lines"]

    dialling.site("stop", "edge-1")
    eventually(lambda: reachable(dialling) is False)
    tenant("DELETE", order)  # kept until the edge is back
    dialling.site("start", "edge-1")
    eventually(lambda: tenant.status_of(instance) == "gone", seconds=40)
    assert instance not in dialling.simulated()
    assert reachable(dialling) is True


def test_edge_that_stands_still_is_noticed_though_no_connection_ends(dialling):
    eventually(lambda: reachable(dialling) is True)
    pid = dialling.pid_of("edge-1")
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        eventually(lambda: reachable(dialling) is False, seconds=20)
        assert time.monotonic() - began < 15
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: reachable(dialling) is True, seconds=40)


def pod_of(tenant, instance):
    """The first pod of an instance as the center shows it."""
    said = tenant.ok("GET", f"/appo/v1/tenants/{{t}}/app_instances/{instance}/workload/events")
    return said["pods"][0]["podName"] if said["pods"] else ""
