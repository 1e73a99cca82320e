"""The stand-in for kubelets: pods run, fail when they are told to, write logs and use something."""

from __future__ import annotations

import base64
import json
import re
import threading

import pytest

from tests.kubernetes.asking import (
    condition,
    container,
    create_pod,
    events,
    log,
    pod,
    read,
    until,
    until_ready,
    waiting,
    wish,
)
from tests.waiting import soon

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("plane")]
METRICS = "/apis/metrics.k8s.io/v1beta1"


def reasons(api, namespace, name):
    """What happened, without the words."""
    return {reason for _, reason, _ in events(api, namespace, name)}


def test_a_good_pod_tells_how_it_started(api, namespace):
    create_pod(api, namespace, "good")
    until_ready(api, namespace, "good")
    wanted = {"Scheduled", "Pulling", "Pulled", "Created", "Started"}
    soon(lambda: reasons(api, namespace, "good") == wanted, 10)
    api.delete(f"/api/v1/namespaces/{namespace}/pods/good").raise_for_status()
    soon(lambda: "Killing" in reasons(api, namespace, "good"), 10)
    path = f"/api/v1/namespaces/{namespace}/pods/good"
    soon(lambda: api.get(path).status_code == 404, 10)


@pytest.mark.parametrize(
    "how", [{"image": "no-such-image:1"}, {"annotations": {"fail": "image"}}], ids=["name", "wish"]
)
def test_an_image_that_cannot_be_pulled(api, namespace, how, request):
    bad = f"bad-{request.node.callspec.id}"
    create_pod(api, namespace, bad, **how)
    until(api, namespace, bad, lambda one: waiting(one) == "ErrImagePull")
    found = until(api, namespace, bad, lambda one: waiting(one) == "ImagePullBackOff")
    assert found["status"]["phase"] == "Pending"
    assert "not found" in container(found)["state"]["waiting"]["message"]
    assert ("Warning", "Failed", "Error: ErrImagePull") in events(api, namespace, bad)
    soon(lambda: "BackOff" in reasons(api, namespace, bad), 10)
    refused = log(api, namespace, bad)
    assert refused.status_code == 400
    assert "trying and failing to pull image" in refused.json()["message"]


def test_an_image_that_needs_credentials(api, namespace):
    image = "registry.example:5000/shop/private-till:1"
    create_pod(api, namespace, "without", image=image)
    found = until(api, namespace, "without", lambda one: waiting(one) == "ImagePullBackOff")
    assert "401 Unauthorized" in container(found)["state"]["waiting"]["message"]
    auths = {"auths": {"registry.example:5000": {"auth": "dTpw"}}}
    secret = {
        "metadata": {"name": "pull"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(json.dumps(auths).encode()).decode()},
    }
    api.post(f"/api/v1/namespaces/{namespace}/secrets", json=secret).raise_for_status()
    create_pod(api, namespace, "with", image=image, imagePullSecrets=[{"name": "pull"}])
    until_ready(api, namespace, "with")


def test_a_crash_loop(api, namespace):
    create_pod(api, namespace, "crash", annotations={"fail": "crash", "exit-code": "3"})
    found = until(
        api,
        namespace,
        "crash",
        lambda one: waiting(one) == "CrashLoopBackOff" and container(one)["restartCount"] >= 2,
    )
    last = container(found)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (3, "Error")
    assert found["status"]["phase"] == "Running"
    assert "BackOff" in reasons(api, namespace, "crash")
    assert "fatal: giving up with code 3" in log(api, namespace, "crash", previous=True).text


def test_trouble_that_comes_later_and_goes(api, namespace):
    create_pod(api, namespace, "later")
    until_ready(api, namespace, "later")
    wish(api, namespace, "later", fail="unready")
    until(api, namespace, "later", lambda one: condition(one, "Ready") == "False")
    soon(lambda: "Unhealthy" in reasons(api, namespace, "later"), 10)
    wish(api, namespace, "later", fail=None)
    until_ready(api, namespace, "later")
    wish(api, namespace, "later", fail="oom")

    def killed(one):
        return container(one)["lastState"].get("terminated", {}).get("reason") == "OOMKilled"

    found = until(api, namespace, "later", killed)
    assert container(found)["lastState"]["terminated"]["exitCode"] == 137


def test_a_configuration_that_is_missing_until_it_is_there(api, namespace):
    reference = [{"configMapRef": {"name": "settings"}}]
    create_pod(api, namespace, "needs", container={"envFrom": reference})
    found = until(api, namespace, "needs", lambda one: waiting(one) == "CreateContainerConfigError")
    assert container(found)["state"]["waiting"]["message"] == 'configmap "settings" not found'
    body = {"metadata": {"name": "settings"}, "data": {"a": "b"}}
    api.post(f"/api/v1/namespaces/{namespace}/configmaps", json=body).raise_for_status()
    until_ready(api, namespace, "needs")


def test_a_volume_that_is_missing_until_it_is_there(api, namespace):
    volumes = [{"name": "keys", "secret": {"secretName": "keys"}}]
    create_pod(api, namespace, "mounts", volumes=volumes)
    soon(lambda: "FailedMount" in reasons(api, namespace, "mounts"), 10)
    assert waiting(pod(api, namespace, "mounts")) == "ContainerCreating"
    body = {"metadata": {"name": "keys"}}
    api.post(f"/api/v1/namespaces/{namespace}/secrets", json=body).raise_for_status()
    until_ready(api, namespace, "mounts")


def test_lines_since_and_at_most(api, namespace):
    create_pod(api, namespace, "talks", annotations={"log-rate": "50", "log-text": "你好"})
    until_ready(api, namespace, "talks")
    soon(lambda: len(log(api, namespace, "talks").text.splitlines()) > 30, 10)
    whole = log(api, namespace, "talks", timestamps=True).text.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z run 0 line 0 你好", whole[0])
    assert len(log(api, namespace, "talks", tailLines=5).text.splitlines()) == 5
    assert len(log(api, namespace, "talks", limitBytes=7).content) == 7
    recent = log(api, namespace, "talks", sinceSeconds=3600, container="main").text
    assert recent.splitlines()[0] == "run 0 line 0 你好"
    since = log(api, namespace, "talks", sinceTime="2999-01-01T00:00:00Z")
    assert since.text == ""
    none = log(api, namespace, "talks", previous=True)
    assert none.status_code == 400
    assert 'previous terminated container "main" in pod "talks" not found' in none.json()["message"]
    assert log(api, namespace, "talks", container="other").status_code == 400


def test_a_log_is_followed_until_its_container_ends(api, namespace, cluster):
    create_pod(api, namespace, "followed", annotations={"log-rate": "20"})
    until_ready(api, namespace, "followed")
    path = f"/api/v1/namespaces/{namespace}/pods/followed"
    lines = []
    with (
        cluster.api() as second,
        second.stream("GET", f"{path}/log", params={"follow": True, "tailLines": 0}) as stream,
    ):
        for line in stream.iter_lines():
            lines.append(line)
            if len(lines) == 10:
                threading.Thread(target=api.delete, args=(path,)).start()
    numbers = [int(line.rsplit(" ", 1)[1]) for line in lines[:10]]
    assert numbers == list(range(numbers[0], numbers[0] + 10))
    assert lines[-1] == "stopping"


def test_what_pods_and_nodes_use(api, namespace, plane):
    create_pod(api, namespace, "busy", annotations={"cpu": "250m", "memory": "64Mi"})
    until_ready(api, namespace, "busy")
    measured = read(api, f"{METRICS}/namespaces/{namespace}/pods?labelSelector=app%3Dbusy")["items"]
    assert measured[0]["containers"] == [
        {"name": "main", "usage": {"cpu": "250000000n", "memory": "65536Ki"}}
    ]
    assert read(api, f"{METRICS}/namespaces/{namespace}/pods?labelSelector=app%3Dx")["items"] == []
    nodes = read(api, f"{METRICS}/nodes")["items"]
    assert {one["metadata"]["name"] for one in nodes} == {"node-1", "node-2"}
    assert api.get(f"{METRICS}/namespaces/{namespace}/pods/none").status_code == 404
    plane.metrics(on=False)
    try:
        soon(lambda: api.get(f"{METRICS}/nodes").status_code == 404, 10)
    finally:
        plane.metrics(on=True)
