"""What a cluster is and offers, and what the credentials may do there.  Changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.words import Reason
from apps.vim.kubernetes.cluster import Cluster, Object, list_if_allowed
from apps.vim.kubernetes.kinds import condition, name_of
from apps.vim.kubernetes.quantities import GIB, MIB, measured
from apps.vim.results import Capacity, Node, ProbeResult

ARCHITECTURES: Final = {"amd64": "X86", "386": "X86", "arm64": "ARM64", "arm": "ARM32"}
RIGHTS_SECONDS: Final = 600.0
MOST_KNOWN: Final = 64
NO_METRICS: Final = N_("There is no metrics source on this site.")
METRICS: Final = "/apis/metrics.k8s.io/v1beta1"
# What the driver does: verb, group, resource, subresource.
NEEDED: Final = (
    ("create", "", "namespaces", ""),
    ("delete", "", "namespaces", ""),
    ("patch", "", "namespaces", ""),
    ("watch", "", "namespaces", ""),
    ("create", "", "secrets", ""),
    ("watch", "", "secrets", ""),
    ("create", "", "services", ""),
    ("watch", "", "services", ""),
    ("create", "", "configmaps", ""),
    ("watch", "", "pods", ""),
    ("get", "", "pods", "log"),
    ("list", "", "events", ""),
    ("create", "apps", "deployments", ""),
    ("watch", "apps", "deployments", ""),
    ("create", "apps", "statefulsets", ""),
    ("create", "batch", "jobs", ""),
    ("watch", "networking.k8s.io", "ingresses", ""),
)


def probe(cluster: Cluster, *, prometheus: bool) -> ProbeResult:
    """The cluster's version, nodes and capacity, and notes on what cannot be done there."""
    version = str(cluster.get("/version").get("gitVersion") or "")
    notes = list(_rights(cluster))
    nodes = list_if_allowed(cluster, "/api/v1/nodes")
    if nodes is None:
        notes.append(Reason(N_("The credentials may not list nodes."), "no_nodes"))
    if not prometheus and cluster.find(METRICS) is None:
        notes.append(Reason(NO_METRICS, "no_metrics"))
    pods = list_if_allowed(cluster, "/api/v1/pods")
    return ProbeResult(
        kind="kubernetes",
        version=version,
        as_of=clock.now(),
        nodes=None if nodes is None else tuple(_node(one) for one in nodes),
        capacity=_capacity(nodes, pods),
        architecture=_architecture(nodes or []),
        capabilities=tuple(sorted(_capabilities(nodes or []))),
        notes=tuple(notes),
    )


def _amount(value: Any, unit: float = 1.0) -> float:
    """A quantity in ``unit``s; what is not said asks for nothing."""
    return measured(value, unit) or 0.0


def _node(one: Object) -> Node:
    has = (one.get("status") or {}).get("allocatable") or {}
    return Node(
        name=name_of(one),
        ready=condition(one, "Ready").get("status") == "True",
        cpus=_amount(has.get("cpu")),
        memory_mb=_amount(has.get("memory"), MIB),
        storage_gb=_amount(has.get("ephemeral-storage"), GIB),
    )


def _capacity(nodes: list[Object] | None, pods: list[Object] | None) -> Capacity:
    """What nodes have for pods, and what living pods have asked for."""
    if nodes is None:
        return Capacity()
    has = [_node(one) for one in nodes]
    total = Capacity(
        cpus=sum(one.cpus or 0 for one in has),
        memory_mb=sum(one.memory_mb or 0 for one in has),
        storage_gb=sum(one.storage_gb or 0 for one in has),
    )
    if pods is None:
        return total
    asked = [_requests(pod) for pod in pods if _is_alive(pod)]
    return Capacity(
        total.cpus, total.memory_mb, total.storage_gb,
        cpus_used=sum(one[0] for one in asked),
        memory_mb_used=sum(one[1] for one in asked),
        storage_gb_used=sum(one[2] for one in asked),
    )


def _is_alive(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _requests(pod: Object) -> tuple[float, float, float]:
    sums = [0.0, 0.0, 0.0]
    for one in (pod.get("spec") or {}).get("containers") or ():
        asked = (one.get("resources") or {}).get("requests") or {}
        for at, (name, unit) in enumerate(
            (("cpu", 1.0), ("memory", MIB), ("ephemeral-storage", GIB))
        ):
            sums[at] += _amount(asked.get(name), unit)
    return sums[0], sums[1], sums[2]


def _architecture(nodes: list[Object]) -> str:
    """The architecture of all nodes; empty where they differ or are not known."""
    found = {((one.get("status") or {}).get("nodeInfo") or {}).get("architecture") for one in nodes}
    return ARCHITECTURES.get(str(found.pop()), "") if len(found) == 1 else ""


def _capabilities(nodes: list[Object]) -> set[str]:
    """What nodes offer beyond processors and memory: GPUs and other devices, by resource name."""
    found = set()
    for one in nodes:
        for name, value in ((one.get("status") or {}).get("allocatable") or {}).items():
            if "/" in name and _amount(value):
                found.add("GPU" if name.endswith("/gpu") else name)
    return found


_rights_known: dict[str, tuple[float, list[Reason]]] = {}
_lock = threading.Lock()


def _rights(cluster: Cluster) -> list[Reason]:
    """What the credentials lack of what the driver does; asked again every ten minutes.

    Where something is missing it is asked each time: somebody may just have granted it.
    """
    now = clock.now().timestamp()
    with _lock:
        at, known = _rights_known.get(cluster.kubeconfig, (0.0, []))
    if known or now - at > RIGHTS_SECONDS:
        known = list(_missing(cluster))
        with _lock:
            if len(_rights_known) > MOST_KNOWN:
                _rights_known.clear()
            _rights_known[cluster.kubeconfig] = (now, known)
    return known


def _missing(cluster: Cluster) -> Iterator[Reason]:
    for verb, group, resource, sub in NEEDED:
        asked = {"verb": verb, "group": group, "resource": resource, "subresource": sub}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        if not (answer.get("status") or {}).get("allowed"):
            name = f"{resource}/{sub}" if sub else resource
            text = N_("The credentials may not %(verb)s %(resource)s.")
            yield Reason(text, "right_missing", {"verb": verb, "resource": name})
