"""The control plane of the tests itself: that it is real, vanishes and comes back, and ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.kubernetes.asking import (
    condition,
    create_deployment,
    create_pod,
    make_namespace,
    pod,
    pod_body,
    read,
    remove_namespace,
    until,
    until_ready,
)
from tests.waiting import processes_of, soon
from tools.cluster.api import open_api

pytestmark = pytest.mark.kubernetes
ROOT = Path(__file__).resolve().parents[2]
KEEPER = "tools.cluster --state"


def test_a_deployment_becomes_ready_behind_its_service(api, namespace):
    name = create_deployment(api, namespace, "shop", replicas=3)
    service = {
        "metadata": {"name": name},
        "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [{"port": 80}]},
    }
    created = api.post(f"/api/v1/namespaces/{namespace}/services", json=service)
    assert 30000 <= created.raise_for_status().json()["spec"]["ports"][0]["nodePort"] <= 32767
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    soon(lambda: read(api, path)["status"].get("readyReplicas") == 3, 20)
    endpoints = f"/api/v1/namespaces/{namespace}/endpoints/{name}"
    soon(lambda: len(read(api, endpoints)["subsets"][0].get("addresses", ())) == 3, 20)


def test_the_server_judges_what_it_gets(api, namespace):
    refused = api.post(f"/api/v1/namespaces/{namespace}/pods", json=pod_body("X_bad"))
    assert refused.status_code == 422
    assert "must consist of lower case alphanumeric characters" in refused.json()["message"]


def test_a_job_is_done_and_an_init_container_comes_first(api, namespace):
    spec = pod_body("once", initContainers=[{"name": "first", "image": "shop:1"}])["spec"]
    job = {
        "metadata": {"name": "once"},
        "spec": {"template": {"spec": spec | {"restartPolicy": "Never"}}},
    }
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    api.post(path, json=job).raise_for_status()
    soon(lambda: read(api, f"{path}/once")["status"].get("succeeded") == 1, 20)
    done = read(api, f"/api/v1/namespaces/{namespace}/pods")["items"][0]["status"]
    first = done["initContainerStatuses"][0]["state"]["terminated"]
    main = done["containerStatuses"][0]["state"]["terminated"]
    assert done["phase"] == "Succeeded"
    assert (first["reason"], main["reason"]) == ("Completed", "Completed")
    assert first["finishedAt"] <= main["startedAt"]


def test_a_namespace_goes_with_all_that_is_in_it(api, nothing_left):
    make_namespace(api, "goes")
    create_deployment(api, "goes", "shop", replicas=2)
    path = "/api/v1/namespaces/goes"
    soon(lambda: len(read(api, f"{path}/pods")["items"]) == 2, 20)
    remove_namespace(api, "goes")


def test_users_with_few_rights_and_with_a_wrong_token(plane):
    with open_api(plane.limited_kubeconfig) as limited:
        assert limited.get("/api/v1/nodes").status_code == 200
        assert limited.get("/api/v1/namespaces/default/secrets").status_code == 403
        created = limited.post("/api/v1/namespaces", json={"metadata": {"name": "mine"}})
        assert created.status_code == 403
    with open_api(plane.refused_kubeconfig) as refused:
        assert refused.get("/api/v1/nodes").status_code == 401


@pytest.mark.parametrize("freeze", [False, True], ids=["refusing", "silent"])
def test_the_cluster_vanishes_and_comes_back(plane, api, namespace, freeze):
    old, new = f"old-{freeze}".lower(), f"new-{freeze}".lower()
    create_pod(api, namespace, old)
    before = until_ready(api, namespace, old)
    plane.pause(freeze=freeze)
    try:
        with (
            pytest.raises(httpx.TimeoutException if freeze else httpx.ConnectError),
            plane.api(timeout=1) as client,
        ):
            client.get("/readyz")
    finally:
        plane.resume()
    after = pod(api, namespace, old)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert condition(after, "Ready") == "True"
    create_pod(api, namespace, new)
    until_ready(api, namespace, new)


def test_the_api_server_starts_again_on_its_port(plane, api, namespace):
    create_pod(api, namespace, "stays")
    until_ready(api, namespace, "stays")
    process = plane.pids()["kube-apiserver"]
    plane.restart_api()
    assert plane.pids()["kube-apiserver"] != process
    assert condition(pod(api, namespace, "stays"), "Ready") == "True"
    create_deployment(api, namespace, "new", replicas=1)
    pods = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3Dnew"
    found = soon(lambda: read(api, pods)["items"], 20)
    until_ready(api, namespace, found[0]["metadata"]["name"])


def tell_node(api, node, **wishes):
    """Tell the stand-in how a node behaves from now on; None takes a wish back."""
    annotations = {f"stand-in/{name}": value for name, value in wishes.items()}
    api.patch(
        f"/api/v1/nodes/{node}",
        json={"metadata": {"annotations": annotations}},
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()


def test_a_node_that_is_not_ready_takes_no_pods(plane, api, nothing_left):
    def taints():
        return [one["effect"] for one in read(api, path)["spec"].get("taints", ())]

    path = "/api/v1/nodes/node-1"
    tell_node(api, "node-1", ready="false")
    try:
        soon(lambda: "NoSchedule" in taints(), 20)
        assert condition(read(api, path), "Ready") == "False"
    finally:
        tell_node(api, "node-1", ready=None)
    soon(lambda: not taints() and condition(read(api, path), "Ready") == "True", 20)


def test_a_node_that_is_silent_takes_its_pods_along(plane, api, namespace):
    create_pod(api, namespace, "there")
    node = until_ready(api, namespace, "there")["spec"]["nodeName"]
    tell_node(api, node, silent="true")
    try:
        until(api, namespace, "there", lambda one: condition(one, "Ready") == "False", 60)
        assert condition(read(api, f"/api/v1/nodes/{node}"), "Ready") == "Unknown"
    finally:
        tell_node(api, node, silent=None)
    until_ready(api, namespace, "there")
    soon(lambda: not read(api, f"/api/v1/nodes/{node}")["spec"].get("taints"), 20)


def test_no_program_outlives_the_one_that_started_it(plane, tmp_path):
    words = [sys.executable, "-m", "tools.cluster", "--state", str(tmp_path), "--nodes", "1"]
    keeper = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert "up in" in keeper.stdout.readline()
        mine = processes_of(tmp_path, keeper=KEEPER)
        assert len(mine) == 5
    finally:
        keeper.send_signal(signal.SIGKILL)
        keeper.wait()
    left = partial(processes_of, tmp_path, keeper=KEEPER)
    soon(lambda: not left(), 10, left)
