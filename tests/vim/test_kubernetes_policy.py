"""What the objects of a package may not do on a host.  Every rule once, allowed and not."""

from __future__ import annotations

import copy

import pytest

from apps.vim.kubernetes.objects import Thing, pod_templates
from apps.vim.kubernetes.policy import PolicyRefused, judge
from apps.vim.settings import Allowance

OWN = "mecm-00000000-0000-0000-0000-000000000001"


def pod(**spec):
    """A bare pod with one container, and more."""
    container = {"name": "web", "image": "web:1"} | spec.pop("container", {})
    return thing("Pod", spec={"containers": [container], **spec})


def thing(kind, *, api="v1", name="it", namespace="", **more):
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    data = {"apiVersion": api, "kind": kind, "metadata": metadata, **more}
    return Thing(data, "chart.tgz/chart/templates/it.yaml")


def codes(*things, **allowed):
    return [one.code for one in judge(things, Allowance(**allowed), own=OWN)]


def test_an_ordinary_workload_breaks_no_rule():
    others = thing("Service", spec={"ports": []}), thing("ConfigMap", namespace=OWN)
    assert codes(pod(), *others) == []


RULES = [
    ("namespace", thing("ConfigMap", namespace="default"), {"namespaces": ("default",)}),
    ("namespace_foreign", thing("ConfigMap", namespace="mecm-of-somebody"), None),
    ("namespace_foreign", thing("ConfigMap", namespace="kube-system"), None),
    (
        "cluster_kind",
        thing("CustomResourceDefinition", api="apiextensions.k8s.io/v1"),
        {"cluster_kinds": ("CustomResourceDefinition",)},
    ),
    ("cluster_kind_never", thing("ClusterRoleBinding", api="rbac.authorization.k8s.io/v1"), None),
    ("cluster_kind_never", thing("Namespace", name="mine"), None),
    ("cluster_kind_never", thing("MutatingWebhookConfiguration", api="a/v1"), None),
    ("privileged", pod(container={"securityContext": {"privileged": True}}), {"privileged": True}),
    ("host_path", pod(volumes=[{"name": "v", "hostPath": {"path": "/etc"}}]), {"host_path": True}),
    ("host_namespaces", pod(hostNetwork=True), {"host_namespaces": True}),
    ("host_namespaces", pod(hostPID=True), {"host_namespaces": True}),
    ("host_ports", pod(container={"ports": [{"hostPort": 80}]}), {"host_ports": True}),
    (
        "capabilities",
        pod(container={"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}),
        {"capabilities": ("NET_ADMIN",)},
    ),
    ("confinement", pod(securityContext={"seccompProfile": {"type": "Unconfined"}}), None),
    ("confinement", pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}]}), None),
    ("confinement", pod(container={"securityContext": {"procMount": "Unmasked"}}), None),
    ("external_ips", thing("Service", spec={"externalIPs": ["192.0.2.1"]}), None),
]
EVERYTHING = {
    "namespaces": ("mecm-of-somebody", "kube-system", "default"),
    "cluster_kinds": ("ClusterRoleBinding", "Namespace", "MutatingWebhookConfiguration"),
    "privileged": True,
    "host_path": True,
    "host_namespaces": True,
    "host_ports": True,
    "capabilities": ("NET_ADMIN",),
}


@pytest.mark.parametrize(("code", "it", "lifts"), RULES)
def test_a_rule_holds_until_the_host_lifts_it(code, it, lifts):
    assert codes(it) == [code]
    if lifts is not None:
        assert codes(it, **lifts) == []
    else:
        assert codes(it, **EVERYTHING) == [code]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda spec: thing("Deployment", api="apps/v1", spec={"template": {"spec": spec}}),
        lambda spec: thing("StatefulSet", api="apps/v1", spec={"template": {"spec": spec}}),
        lambda spec: thing("Job", api="batch/v1", spec={"template": {"spec": spec}}),
        lambda spec: thing(
            "CronJob", api="batch/v1", spec={"jobTemplate": {"spec": {"template": {"spec": spec}}}}
        ),
        lambda spec: thing("Rollout", api="example.org/v1", spec={"template": {"spec": spec}}),
    ],
)
def test_pods_are_judged_wherever_they_are_made(wrap):
    spec = pod(hostIPC=True).data["spec"]
    assert codes(wrap(spec)) == ["host_namespaces"]


def test_containers_that_run_before_the_others_are_judged_too():
    bad = {"name": "first", "securityContext": {"privileged": True}}
    assert codes(pod(initContainers=[bad])) == ["privileged"]


def test_a_kind_that_the_cluster_keeps_without_namespaces_is_refused():
    unknown = thing("Widget", api="example.org/v1")
    found = judge([unknown], Allowance(), own=OWN, namespaced=lambda api, kind: False)
    assert [one.code for one in found] == ["cluster_kind_never"]


def test_the_refusal_names_file_and_object_and_lists_every_violation():
    found = judge([pod(hostPID=True), thing("Namespace")], Allowance(), own=OWN)
    refused = PolicyRefused(found)
    assert str(refused) == (
        "“chart.tgz/chart/templates/it.yaml”: Pod “it” shares the node's hostPID, which the host "
        "has to allow."
    )
    assert len(refused.details) == 2
    assert not refused.retryable


def test_judging_changes_nothing():
    it = pod(hostPID=True)
    before = copy.deepcopy(it.data)
    judge([it], Allowance(), own=OWN)
    assert it.data == before


def test_a_pod_that_yaml_left_half_empty_is_no_crash():
    empty = thing("Deployment", api="apps/v1", spec={"template": {"metadata": None, "spec": {
        "containers": None, "volumes": None, "securityContext": None}}})
    assert codes(empty) == []
    assert len(list(pod_templates(empty.data))) == 1
