"""From an upload at the center to ready pods on a real cluster, and away again."""

from __future__ import annotations

import os

import pytest
import yaml

from tests.stories.hosted import (
    HOST_IP,
    HostedWorld,
    end,
    info,
    onboard,
    order,
    pause,
    run,
)
from tests.stories.running import create, eventually, new_name
from tests.waiting import soon

pytestmark = pytest.mark.kubernetes
KILLS = int(os.environ.get("MECM_TEST_KILLS", "4"))
# An order takes about this long at the edge when nothing happens to it.
SPAN_SECONDS = 1.5
HELM = "owner=helm"


@pytest.fixture(scope="module")
def world(cluster, tmp_path_factory):
    running = HostedWorld(tmp_path_factory.mktemp("cluster-world") / "data")
    try:
        running.start()
        running.take_in(cluster.kubeconfig)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module", autouse=True)
def clean(file_leaves_nothing):
    """All that the stories ran is gone afterwards."""


def test_the_host_tells_what_the_cluster_is(world):
    seen = world.center("admin").ok("GET", f"/inventory/v1/mechosts/{HOST_IP}")["observed"]
    assert seen["vimKind"] == "kubernetes"
    assert seen["simulated"] is False
    assert seen["facts"]["version"].startswith("v1.")
    assert [node["ready"] for node in seen["facts"]["nodes"]] == [True, True]


def test_one_package_runs_for_two_tenants_side_by_side_and_leaves_nothing(world, tmp_path):
    name = new_name("twice")
    people = world.center("tenant"), world.center("other_tenant")
    keys = [run(person, onboard(person, tmp_path, name), name) for person in people]
    for person, key in zip(people, keys, strict=True):
        found = info(person, key)
        assert (found["health"], found["operationInfo"]) == ("Ready", "success")
    for person, key in zip(people, keys, strict=True):
        end(person, key)


def test_pods_logs_and_events_are_read_at_the_center(world, tmp_path):
    person, name = world.center("tenant"), new_name("heard")
    key = run(person, onboard(person, tmp_path, name), name)
    base = f"/appo/v1/tenants/{{t}}/app_instances/{key}/workload"
    events = person.ok("GET", f"{base}/events")
    events = events.get("response", events)
    pod = eventually(lambda: _pod(person, key))
    assert pod.startswith(name)
    first = person.ok("GET", f"{base}/logs", params={"pod": pod})
    first = first.get("response", first)

    def later():
        asked = {"pod": pod, "after": first["cursor"]}
        page = person.ok("GET", f"{base}/logs", params=asked)
        return page.get("response", page)["lines"]

    eventually(later)
    assert first["lines"]
    assert any(row["reason"] == "Scheduled" for row in events["events"])
    end(person, key)


def _pod(person, key):
    found = person.ok("GET", f"/appo/v1/tenants/{{t}}/app_instances/{key}")["response"]
    rows = found.get("pods") if isinstance(found, dict) else yaml.safe_load(found)["pods"]
    return rows[0]["podname"] if rows else ""


def test_another_version_takes_the_place_in_one_release_and_the_former_comes_back(
    world, api, tmp_path
):
    person, name = world.center("tenant"), new_name("wave")
    key = run(person, onboard(person, tmp_path, name), name)
    newer = onboard(person, tmp_path, name, version="2.0")
    waves = "/appo/v1/tenants/{t}/upgrades"
    body = {"appPackageId": newer["appPackageId"], "appInstanceIds": [key]}
    wave = person.ok("POST", waves, json=body)["response"]["upgradeId"]
    eventually(lambda: _state(person, f"{waves}/{wave}") == "Finished", seconds=60)
    assert _images(api, key) == {"2.0"}
    back = person.ok("POST", f"{waves}/{wave}/back")["response"]["upgradeId"]
    eventually(lambda: _state(person, f"{waves}/{back}") == "Finished", seconds=60)
    assert _images(api, key) == {"1.0"}
    secrets = api.get(f"/api/v1/namespaces/mecm-{key}/secrets", params={"labelSelector": HELM})
    assert len(secrets.json()["items"]) == 3
    end(person, key)


def _state(person, url):
    return person.ok("GET", url)["response"]["state"]


def _images(api, key):
    """The tags of the images that run."""
    pods = api.get(f"/api/v1/namespaces/mecm-{key}/pods").json()["items"]
    living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in living}


def test_an_image_that_no_registry_has_is_told_in_words(world, cluster, tmp_path):
    person, name = world.center("tenant"), "no-such-" + new_name("image")
    key = order(person, onboard(person, tmp_path, name), name)
    eventually(lambda: person.status_of(key) == "Instantiation failed", seconds=40)
    found = info(person, key)
    assert found["operationInfo"].startswith("The image registry.example/edge/no-such-")
    assert found["operationInfo"].endswith("cannot be pulled.")
    end(person, key)


def test_later_trouble_moves_the_health_within_a_second_and_not_the_life_cycle(
    world, cluster, api, tmp_path
):
    person, name = world.center("tenant"), new_name("later")
    key = run(person, onboard(person, tmp_path, name), name)
    space = f"/api/v1/namespaces/mecm-{key}/pods"
    pod = api.get(space).json()["items"][0]["metadata"]["name"]
    wish = {"metadata": {"annotations": {"stand-in/fail": "unready"}}}
    kind = {"Content-Type": "application/merge-patch+json"}
    api.patch(f"{space}/{pod}", json=wish, headers=kind).raise_for_status()
    soon(lambda: not _is_ready(api, f"{space}/{pod}"), 20)
    eventually(lambda: info(person, key)["health"] != "Ready", seconds=5)
    assert info(person, key)["operationalStatus"] == "Instantiated"
    end(person, key)


def _is_ready(api, path):
    conditions = api.get(path).json()["status"]["conditions"]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def test_a_cluster_that_vanishes_leaves_instances_unknown_and_takes_them_up_again(
    world, plane, tmp_path
):
    person, name = world.center("tenant"), new_name("gone")
    key = run(person, onboard(person, tmp_path, name), name)
    plane.pause()
    try:
        eventually(lambda: info(person, key)["health"] == "Unknown", seconds=60)
        assert info(person, key)["operationalStatus"] == "Instantiated"
        waiting = create(person, _ids_of(person, key), HOST_IP, f"{name}-2")
        eventually(lambda: person.status_of(waiting) == "Created")
        person.ok("POST", f"/appo/v1/tenants/{{t}}/app_instances/{waiting}")
        pause(2)
        assert person.status_of(waiting) == "Instantiating"
    finally:
        plane.resume()
    eventually(lambda: person.status_of(waiting) == "Instantiated", seconds=60)
    eventually(lambda: info(person, key)["health"] == "Ready", seconds=60)
    end(person, key, waiting)


def _ids_of(person, key):
    found = info(person, key)
    return {"appPackageId": found["appPackageId"], "appId": found["appId"]}


def test_a_killed_edge_ends_with_the_truth_and_leaves_nothing(world, cluster, tmp_path):
    """``kill -9`` at points spread over installing and removing."""
    person, name = world.center("tenant"), new_name("killed")
    ids = onboard(person, tmp_path, name)
    hit = []
    for point in range(KILLS):
        after = SPAN_SECONDS * point / KILLS
        eventually(lambda: world.pid_of("edge-1"))
        key = order(person, ids, f"{name}-{point}")
        pause(after)
        hit.append(person.status_of(key))
        world.kill_and_await("edge-1")
        eventually(lambda k=key: person.status_of(k) == "Instantiated", seconds=90,
                   otherwise=lambda k=key: str(info(person, k)))
        person.ok("DELETE", f"/appo/v1/tenants/{{t}}/app_instances/{key}")
        pause(after)
        world.kill_and_await("edge-1")
        eventually(lambda k=key: person.status_of(k) == "gone", seconds=120,
                   otherwise=lambda k=key: str(info(person, k)))
    assert "Instantiating" in hit, hit
