"""What is special to Kubernetes: Helm's releases, policy, ports, quotas, and half-done work."""

from __future__ import annotations

import base64
import gzip
import json
from uuid import uuid4

import pytest

from apps.common.errors import NotFound
from apps.vim.contract import Allowance, Limits, Phase, Registry, VimRefused, VimUnreachable
from apps.vim.kubernetes import names
from apps.vim.kubernetes.helm import HelmRefused
from apps.vim.kubernetes.policy import PolicyRefused
from apps.vim.voices import LogQuery
from tests.kubernetes.asking import read
from tests.kubernetes.packages import OTHER_TENANT, driver_of, order, web
from tests.waiting import soon

pytestmark = pytest.mark.kubernetes
ELSEWHERE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stray, namespace: default}\n"


@pytest.fixture
def host_id():
    return uuid4()


@pytest.fixture(autouse=True)
def tidy(cluster, host_id, file_leaves_nothing):
    """What a failed test leaves must not fail the others."""
    yield
    made = driver_of(cluster.kubeconfig, host_id)
    for one in made.carried():
        made.remove_object(one)


@pytest.fixture
def driver(cluster, host_id):
    return driver_of(cluster.kubeconfig, host_id)


def until(driver, instance_id, *phases, seconds=30):
    """The status once it is in one of these phases."""
    seen = {}

    def there():
        seen["status"] = driver.status(instance_id)
        return seen["status"].phase in phases

    soon(there, seconds, lambda: (seen["status"].phase, str(seen["status"].reason)))
    return seen["status"]


def images(status):
    """The images that run."""
    living = [pod for pod in status.pods if pod.phase == "Running"]
    return {one.image for pod in living for one in pod.containers}


def runs_only(driver, instance_id, wanted):
    """Wait until it is Ready and the last pod of another version has gone."""
    until(driver, instance_id, Phase.READY)
    found = {}

    def so():
        found["images"] = images(driver.status(instance_id))
        return found["images"] == wanted

    soon(so, 20, lambda: found["images"])


def ended(driver, *specs):
    """Take instances away; that nothing of them stays is looked at after all tests of this file."""
    for spec in specs:
        driver.uninstall(spec.instance_id)


def test_an_instance_has_a_namespace_of_its_own_that_says_whose_it_is(driver, api, tmp_path):
    spec = order(tmp_path)
    driver.install(spec)
    space = read(api, f"/api/v1/namespaces/{names.namespace_of(spec.instance_id)}")
    assert space["metadata"]["labels"][names.TENANT] == str(spec.tenant_id)
    assert space["metadata"]["annotations"][names.APP_NAME] == "shop"
    assert space["metadata"]["labels"][names.POD_SECURITY] == "baseline"
    found = until(driver, spec.instance_id, Phase.READY)
    assert found.scope == names.namespace_of(spec.instance_id)
    assert ("Deployment", "web", "2/2") in [(o.kind, o.name, o.state) for o in found.objects]
    ended(driver, spec)


def test_the_pods_find_their_keys(driver, api, tmp_path):
    spec = order(tmp_path)
    driver.install(spec)
    path = f"/api/v1/namespaces/{names.namespace_of(spec.instance_id)}/secrets/mep-credentials"
    held = {k: base64.b64decode(v).decode() for k, v in read(api, path)["data"].items()}
    assert held == {
        "accesskey": "A" * 20,
        "secretkey": "S" * 64,
        "appInsId": str(spec.instance_id),
    }
    ended(driver, spec)


def test_another_version_takes_the_place_and_the_former_comes_back(driver, tmp_path):
    one = order(tmp_path)
    driver.install(one)
    until(driver, one.instance_id, Phase.READY)
    two = order(tmp_path, web("web:2"), version="2", instance=one.instance_id)
    driver.install(two)
    assert driver.status(one.instance_id).phase in (Phase.INSTALLING, Phase.READY)
    runs_only(driver, one.instance_id, {"web:2"})
    driver.install(one)
    runs_only(driver, one.instance_id, {"registry.example/web:1.0"})
    revisions = driver._site.helm.history(driver._site.target(one.instance_id, "shop"))
    assert [row.status for row in revisions] == ["superseded", "superseded", "deployed"]
    ended(driver, one)


def test_a_version_that_the_cluster_refuses_leaves_the_former_running(driver, tmp_path):
    one = order(tmp_path)
    driver.install(one)
    until(driver, one.instance_id, Phase.READY)
    bad = web() + "---\napiVersion: v1\nkind: Service\nmetadata: {name: No_name}\nspec: {}\n"
    with pytest.raises(VimRefused) as refused:
        driver.install(order(tmp_path, bad, version="2", instance=one.instance_id))
    assert refused.value.code == "upgrade_refused"
    assert "No_name" in str(refused.value)
    runs_only(driver, one.instance_id, {"registry.example/web:1.0"})
    ended(driver, one)


def test_what_the_cluster_refuses_is_told_in_its_words_and_leaves_nothing(driver, tmp_path):
    bad = "apiVersion: v1\nkind: Service\nmetadata: {name: No_name}\nspec: {}\n"
    spec = order(tmp_path, bad)
    with pytest.raises(HelmRefused) as refused:
        driver.install(spec)
    assert "No_name" in refused.value.said
    assert not refused.value.retryable
    until(driver, spec.instance_id, Phase.ABSENT)
    assert not driver.carried()


def test_a_taken_node_port_names_who_holds_it(driver, tmp_path):
    holder = order(tmp_path, web(node_port=32391), name="etherpad")
    driver.install(holder)
    until(driver, holder.instance_id, Phase.READY)
    again = order(tmp_path, web(node_port=32391), name="etherpad")
    with pytest.raises(VimRefused) as refused:
        driver.install(again)
    assert str(refused.value) == (
        f"The node port 32391 is taken by “etherpad” ({holder.instance_id})."
    )
    stranger = order(tmp_path, web(node_port=32391), tenant_id=OTHER_TENANT)
    with pytest.raises(VimRefused) as refused:
        driver.install(stranger)
    assert str(refused.value) == "The node port 32391 is taken by an instance of another tenant."
    for one in (again, stranger):
        assert driver.status(one.instance_id).phase in (Phase.REMOVING, Phase.ABSENT)
    ended(driver, holder)


def test_two_tenants_run_one_package_side_by_side(driver, tmp_path):
    mine, theirs = order(tmp_path), order(tmp_path, tenant_id=OTHER_TENANT)
    for one in (mine, theirs):
        driver.install(one)
    scopes = {until(driver, one.instance_id, Phase.READY).scope for one in (mine, theirs)}
    assert len(scopes) == 2
    ended(driver, mine, theirs)


def test_objects_for_another_namespace_are_refused_before_anything_is_sent(driver, tmp_path):
    spec = order(tmp_path, ELSEWHERE)
    with pytest.raises(PolicyRefused) as refused:
        driver.install(spec)
    assert refused.value.code == "policy_namespace"
    assert driver.status(spec.instance_id).phase is Phase.ABSENT


def test_what_was_allowed_elsewhere_goes_with_the_instance(cluster, host_id, driver, tmp_path):
    allowing = driver_of(cluster.kubeconfig, host_id, allowance=Allowance(namespaces=("default",)))
    spec = order(tmp_path, ELSEWHERE)
    allowing.install(spec)
    stray = [one for one in allowing.carried() if one.name == "stray"]
    assert [one.namespace for one in stray] == ["default"]
    ended(allowing, spec)


def test_a_kind_that_the_cluster_keeps_without_namespaces_is_refused(driver, tmp_path):
    bad = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: mine}\nspec: {}\n"
    with pytest.raises(PolicyRefused) as refused:
        driver.install(order(tmp_path, bad))
    assert refused.value.code == "policy_cluster_kind"


def _halve(api, spec, status):
    """Make the newest revision look as when Helm died in the middle of it."""
    place = f"/api/v1/namespaces/{names.namespace_of(spec.instance_id)}/secrets"
    found = api.get(place, params={"labelSelector": "owner=helm"}).json()["items"]
    newest = max(found, key=lambda one: int(one["metadata"]["labels"]["version"]))
    packed = base64.b64decode(base64.b64decode(newest["data"]["release"]))
    release = json.loads(gzip.decompress(packed))
    release["info"]["status"] = status
    text = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    body = {
        "metadata": {"labels": {"status": status}},
        "data": {"release": base64.b64encode(text).decode()},
    }
    api.patch(
        f"{place}/{newest['metadata']['name']}",
        json=body,
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()


@pytest.mark.parametrize("status", ["pending-install", "failed"])
def test_an_installation_that_died_half_way_is_done_again(driver, api, tmp_path, status):
    spec = order(tmp_path)
    driver.install(spec)
    until(driver, spec.instance_id, Phase.READY)
    _halve(api, spec, status)
    assert driver.status(spec.instance_id).phase in (Phase.INSTALLING, Phase.FAILED)
    driver.install(spec)
    until(driver, spec.instance_id, Phase.READY)
    ended(driver, spec)


def test_an_upgrade_that_died_half_way_is_brought_to_its_end(driver, api, tmp_path):
    one = order(tmp_path)
    driver.install(one)
    until(driver, one.instance_id, Phase.READY)
    two = order(tmp_path, web("web:2"), version="2", instance=one.instance_id)
    driver.install(two)
    _halve(api, two, "pending-upgrade")
    driver.install(two)
    runs_only(driver, one.instance_id, {"web:2"})
    ended(driver, one)


def test_a_removal_that_died_half_way_is_brought_to_its_end(driver, api, tmp_path):
    spec = order(tmp_path)
    driver.install(spec)
    until(driver, spec.instance_id, Phase.READY)
    _halve(api, spec, "uninstalling")
    assert driver.status(spec.instance_id).phase is Phase.REMOVING
    ended(driver, spec)


def test_a_namespace_that_does_not_go_says_what_it_waits_for(driver, api, tmp_path):
    spec = order(tmp_path)
    driver.install(spec)
    space = names.namespace_of(spec.instance_id)
    path = f"/api/v1/namespaces/{space}/configmaps"
    body = {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}}
    api.post(path, json=body).raise_for_status()
    driver.uninstall(spec.instance_id)
    soon(lambda: driver.status(spec.instance_id).reason, 30)
    found = driver.status(spec.instance_id)
    assert (found.phase, found.reason.code) == (Phase.REMOVING, "removal_hangs")
    assert "configmaps" in str(found.reason) or "example.org/hold" in str(found.reason)
    with pytest.raises(VimRefused) as refused:
        driver.install(spec)
    assert refused.value.retryable
    api.patch(
        f"{path}/held",
        json={"metadata": {"finalizers": None}},
        headers={"Content-Type": "application/merge-patch+json"},
    ).raise_for_status()
    until(driver, spec.instance_id, Phase.ABSENT)


def test_what_all_pods_may_ask_for_together_is_held(driver, tmp_path):
    spec = order(tmp_path, web(replicas=2), limits=Limits(vcpus=0.1))
    driver.install(spec)
    found = until(driver, spec.instance_id, Phase.FAILED)
    assert "exceeded quota" in str(found.reason)
    ended(driver, spec)


def test_images_of_a_closed_registry_are_pulled_with_its_password(cluster, host_id, tmp_path):
    registry = Registry("registry.example/mec", "puller", "s3cret")
    driver = driver_of(cluster.kubeconfig, host_id, registry=registry)
    spec = order(tmp_path, web("registry.example/mec/private-web:1"))
    driver.install(spec)
    until(driver, spec.instance_id, Phase.READY)
    ended(driver, spec)


def test_a_crash_loop_is_told_with_its_restarts_and_its_former_log(driver, tmp_path):
    spec = order(tmp_path, web("crash-web:1", replicas=1))
    driver.install(spec)
    found = until(driver, spec.instance_id, Phase.FAILED, seconds=60)
    assert found.reason.code == "CrashLoopBackOff"
    pod = found.pods[0]
    assert pod.containers[0].restarts >= 1
    page = driver.logs(spec.instance_id, LogQuery(pod.name, previous=True))
    assert page.ended
    assert any(one.reason == "BackOff" for one in driver.events(spec.instance_id))
    ended(driver, spec)


def test_a_log_goes_on_from_its_cursor_without_loss_or_doubles(driver, tmp_path):
    spec = order(tmp_path, web(replicas=1))
    driver.install(spec)
    pod = until(driver, spec.instance_id, Phase.READY).pods[0].name
    seen, cursor = [], ""
    for _ in range(8):
        page = driver.logs(spec.instance_id, LogQuery(pod, after=cursor))
        seen.extend(page.lines)
        cursor = page.cursor
        soon(lambda c=cursor: driver.logs(spec.instance_id, LogQuery(pod, after=c)).lines, 10)
    whole = driver.logs(spec.instance_id, LogQuery(pod, tail=2000)).lines
    assert list(whole[: len(seen)]) == seen
    with pytest.raises(NotFound):
        driver.logs(spec.instance_id, LogQuery("no-such-pod"))
    with pytest.raises(NotFound):
        driver.logs(spec.instance_id, LogQuery(pod, container="other"))
    ended(driver, spec)


def test_few_rights_are_named_and_refused_in_the_servers_words(plane, host_id, tmp_path):
    limited = driver_of(plane.limited_kubeconfig, host_id)
    notes = [str(one) for one in limited.probe().notes]
    assert "The credentials may not create namespaces." in notes
    with pytest.raises(VimRefused) as refused:
        limited.install(order(tmp_path))
    assert refused.value.code == "vim_forbidden"
    strange = driver_of(plane.refused_kubeconfig, host_id)
    with pytest.raises(VimRefused) as refused:
        strange.probe()
    assert refused.value.code == "vim_unauthorized"


def test_a_cluster_that_vanishes_is_unreachable_and_then_as_it_was(plane, host_id, tmp_path):
    driver = driver_of(plane.kubeconfig, host_id)
    spec = order(tmp_path)
    driver.install(spec)
    until(driver, spec.instance_id, Phase.READY)
    plane.pause()
    try:
        for call in (driver.probe, lambda: driver.status(spec.instance_id)):
            with pytest.raises(VimUnreachable) as lost:
                call()
            assert lost.value.retryable
    finally:
        plane.resume()
    until(driver, spec.instance_id, Phase.READY)
    ended(driver, spec)
