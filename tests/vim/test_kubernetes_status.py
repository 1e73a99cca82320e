"""From objects to the truth about an instance.  The objects are as real API servers tell them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from apps.vim.kubernetes import names
from apps.vim.kubernetes.kinds import COLLECTIONS
from apps.vim.kubernetes.status import status_of
from apps.vim.kubernetes_vim import read
from apps.vim.results import Phase, WorkloadStatus

NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
SPACE = "mecm-00000000-0000-0000-0000-000000000001"


def ago(seconds):
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def space(*, deleting=False, conditions=(), **notes):
    metadata = {"name": SPACE, "annotations": notes} | (
        {"deletionTimestamp": ago(5)} if deleting else {}
    )
    return {"metadata": metadata, "status": {"conditions": list(conditions)}}


def release(status="deployed", version=1):
    labels = {"status": status, "version": str(version)}
    return {"metadata": {"name": f"v{version}", "namespace": SPACE, "labels": labels}}


def deployment(*, ready=2, total=2, updated=None, complete=True, conditions=(), generation=1):
    progress = "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": SPACE, "generation": generation},
        "spec": {"replicas": total},
        "status": {
            "observedGeneration": 1,
            "replicas": total,
            "updatedReplicas": total if updated is None else updated,
            "readyReplicas": ready,
            "conditions": [
                {"type": "Progressing", "status": "True", "reason": progress},
                *conditions,
            ],
        },
    }


def pod(name="web-1", *, ready=False, waiting="", owner=True, phase="Running", age=5, **more):
    waits = {"waiting": {"reason": waiting, "message": "it says so"}}
    state = waits if waiting else {"running": {}}
    owners = [{"kind": "ReplicaSet", "name": "web-abc", "controller": True}] if owner else []
    return {
        "metadata": {
            "name": name,
            "namespace": SPACE,
            "creationTimestamp": ago(age),
            "labels": {"pod-template-hash": "abc"} if owner else {},
            "ownerReferences": owners,
        },
        "spec": {"containers": [{"name": "web", "image": "web:1"}], "nodeName": "n1"},
        "status": {
            "phase": phase,
            "conditions": [
                {"type": "Ready", "status": str(ready)},
                *more.get("conditions", ()),
            ],
            "containerStatuses": [
                {"name": "web", "image": "web:1", "restartCount": 3, "state": state}
                | more.get("container", {})
            ],
        },
    }


def status(**found):
    found = {"namespaces": [space()], "releases": [release()]} | found
    return status_of({key: rows for key, rows in found.items() if rows is not None}, NOW)


def test_nothing_there_is_absent():
    assert status_of({}, NOW).phase is Phase.ABSENT


def test_a_namespace_without_a_release_is_still_installing():
    assert status(releases=None).phase is Phase.INSTALLING
    assert status(releases=[release("pending-install")]).phase is Phase.INSTALLING


def test_everything_ready_is_ready_with_its_pods_and_services():
    service = {
        "metadata": {"name": "web", "namespace": SPACE},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.0.0.9",
            "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080}],
        },
    }
    claim = {
        "metadata": {"name": "data", "namespace": SPACE},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound"},
    }
    found = status(
        deployments=[deployment()],
        pods=[pod("web-2", ready=True), pod("web-1", ready=True)],
        services=[service],
        persistentvolumeclaims=[claim],
    )
    assert (found.phase, found.ready, found.total, found.reason) == (Phase.READY, 2, 2, None)
    assert [one.name for one in found.pods] == ["web-1", "web-2"]
    assert found.pods[0].kind == "Deployment"
    assert found.pods[0].containers[0].restarts == 3
    assert found.services[0].ports[0].node_port == 30080
    assert [(one.kind, one.state) for one in found.objects] == [
        ("Deployment", "2/2"),
        ("PersistentVolumeClaim", "Bound"),
    ]
    assert found.scope == SPACE
    assert WorkloadStatus.from_json(found.as_json()) == found


def test_a_package_without_workloads_is_ready_once_it_is_there():
    assert status().phase is Phase.READY


@pytest.mark.parametrize(
    "rollout",
    [
        deployment(ready=1, complete=False),
        deployment(updated=1, complete=False),
        deployment(generation=2),
    ],
    ids=["not ready", "old pods are left", "not looked at yet"],
)
def test_what_is_not_there_yet_is_installing(rollout):
    assert status(deployments=[rollout]).phase is Phase.INSTALLING


@pytest.mark.parametrize(
    "word, sentence",
    [
        ("ImagePullBackOff", "The image web:1 of web-1 cannot be pulled."),
        ("ErrImagePull", "The image web:1 of web-1 cannot be pulled."),
        ("CrashLoopBackOff", "web-1 starts and stops again and again."),
        ("InvalidImageName", "“web:1”, the image of web-1, is not the name of an image."),
    ],
)
def test_a_first_start_that_fails_is_failed_with_its_reason(word, sentence):
    rollout = deployment(ready=1, complete=False)
    found = status(deployments=[rollout], pods=[pod(waiting=word), pod("web-2", ready=True)])
    assert (found.phase, str(found.reason)) == (Phase.FAILED, sentence)


@pytest.mark.parametrize("seconds, phase", [(5, Phase.INSTALLING), (60, Phase.FAILED)])
def test_no_node_fits_is_a_failure_when_it_has_lasted(seconds, phase):
    row = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/2 nodes are available: 2 Insufficient cpu.",
        "lastTransitionTime": ago(seconds),
    }
    found = status(
        deployments=[deployment(ready=0, complete=False)],
        pods=[pod(phase="Pending", conditions=[row])],
    )
    assert found.phase is phase
    said = "No node fits web-1: 0/2 nodes are available: 2 Insufficient cpu."
    assert str(found.reason) == said


@pytest.mark.parametrize("ready, phase", [(1, Phase.DEGRADED), (0, Phase.FAILED)])
def test_later_trouble_degrades_what_was_up(ready, phase):
    found = status(deployments=[deployment(ready=ready)], pods=[pod(waiting="CrashLoopBackOff")])
    assert found.phase is phase
    assert found.reason.code == "CrashLoopBackOff"


def test_memory_is_named_as_the_cause_of_a_crash_loop():
    last = {"lastState": {"terminated": {"reason": "OOMKilled"}}}
    last["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    found = status(deployments=[deployment(ready=1)], pods=[pod(container=last)])
    assert str(found.reason) == "web-1 was stopped because it used more memory than it may."


def test_a_pod_that_is_only_replaced_degrades_without_alarm():
    found = status(deployments=[deployment(ready=1)], pods=[pod("web-2", ready=True)])
    assert (found.phase, str(found.reason)) == (Phase.DEGRADED, "1 of 2 are ready.")


def test_pods_that_cannot_be_made_are_told_by_their_owner():
    row = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    found = status(deployments=[deployment(ready=0, complete=False, conditions=[row])])
    assert (found.phase, str(found.reason)) == (
        Phase.FAILED,
        "Pods of web cannot be made: exceeded quota",
    )


def test_a_bare_pod_counts_as_a_workload():
    found = status(pods=[pod("alone", ready=True, owner=False)])
    assert (found.phase, found.ready, found.total) == (Phase.READY, 1, 1)
    found = status(pods=[pod("alone", owner=False, phase="Failed")])
    assert found.phase is Phase.FAILED


def job(**said):
    return {"metadata": {"name": "load", "namespace": SPACE}, "spec": {}, "status": said}


def test_a_job_is_well_while_it_works_and_when_it_is_done():
    done = [{"type": "Complete", "status": "True"}]
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
    assert status(jobs=[job()]).phase is Phase.INSTALLING
    assert status(jobs=[job(ready=1)]).phase is Phase.READY
    assert status(jobs=[job(conditions=done)]).phase is Phase.READY
    assert status(jobs=[job(conditions=failed)]).phase is Phase.FAILED


def test_hooks_are_not_part_of_the_workload():
    hook = job(conditions=[{"type": "Failed", "status": "True"}])
    hook["metadata"]["annotations"] = {"helm.sh/hook": "post-install"}
    assert status(jobs=[hook]).phase is Phase.READY


def test_the_newest_revision_decides():
    rows = [release("superseded", 9), release("pending-upgrade", 10)]
    assert status(releases=rows, deployments=[deployment()]).phase is Phase.INSTALLING
    assert status(releases=[release("failed", 2), release()]).phase is Phase.FAILED


def test_what_is_going_is_removing_and_says_what_it_waits_for():
    marked = space(**{names.REMOVING: "2026-05-04"})
    assert status(namespaces=[marked], deployments=[deployment()]).phase is Phase.REMOVING
    waits = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "has finalizers"}
    found = status(namespaces=[space(deleting=True, conditions=[waits])])
    assert (found.phase, str(found.reason)) == (
        Phase.REMOVING,
        "The removal waits: has finalizers",
    )


class ComesUp:
    """A cluster whose two pods run, and whose Deployment says so, from one call on."""

    def __init__(self, call):
        self.left = call

    def list(self, path, **_query):
        self.left -= 1
        up = self.left < 0
        rows = {
            "/api/v1/namespaces": [space()],
            "/api/v1/secrets": [release()],
            "/apis/apps/v1/deployments": [deployment(ready=2 if up else 0, complete=up)],
            "/api/v1/pods": [
                pod(name, ready=up, waiting="" if up else "ContainerCreating")
                for name in ("web-1", "web-2")
            ],
        }
        return rows.get(path, []), "1"


def test_what_is_ready_has_no_pods_that_are_not():
    """The collections are read one after the other, and anything may happen in between."""
    told = [status_of(read(ComesUp(call), uuid4()), NOW) for call in range(len(COLLECTIONS) + 1)]
    ready = [one for one in told if one.phase is Phase.READY]
    assert ready
    assert all(box.state == "running" for one in ready for p in one.pods for box in p.containers)
