"""The objects that a control plane of ours begins with, and what is asked of them."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import httpx
import yaml

METRICS_HOST = "metrics.kube-system.svc"
METRICS_NODES = "/apis/metrics.k8s.io/v1beta1/nodes"
RBAC = "rbac.authorization.k8s.io"
FRESH = datetime.timedelta(seconds=8)
_PLACES = {
    "ClusterRole": f"/apis/{RBAC}/v1/clusterroles",
    "ClusterRoleBinding": f"/apis/{RBAC}/v1/clusterrolebindings",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "Service": "/api/v1/namespaces/kube-system/services",
}
Object = dict[str, Any]


def kubeconfig(url: str, authority: bytes, user: str, token: str) -> str:
    """The text of a kubeconfig that needs no other file."""
    ca = base64.b64encode(authority).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "test", "cluster": {"server": url, "certificate-authority-data": ca}}
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    }
    return yaml.safe_dump(content, sort_keys=False)


def limited_rights() -> list[Object]:
    """The user ``limited`` may look at nodes and namespaces, and at nothing else."""
    rules = [{"apiGroups": [""], "resources": ["nodes", "namespaces"], "verbs": ["get", "list"]}]
    return [
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "limited"},
            "rules": rules,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "limited"},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "limited"},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "limited"}],
        },
    ]


def metrics_api(port: int, authority: bytes) -> list[Object]:
    """metrics.k8s.io, answered by the kubelet's stand-in on loopback."""
    name, namespace = METRICS_HOST.split(".")[:2]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            # The one kind of Service that the API server follows to loopback.
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode(authority).decode(),
                "service": {"name": name, "namespace": namespace, "port": port},
            },
        },
    ]


def create_all(client: httpx.Client, wanted: list[Object]) -> None:
    """Create what is not there yet; raises httpx.HTTPStatusError."""
    for one in wanted:
        answer = client.post(_PLACES[one["kind"]], json=one)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()


def delete_all(client: httpx.Client, unwanted: list[Object]) -> None:
    """Delete what is there; raises httpx.HTTPStatusError."""
    for one in reversed(unwanted):
        answer = client.delete(f"{_PLACES[one['kind']]}/{one['metadata']['name']}")
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()


def ready_nodes(client: httpx.Client) -> int:
    """How many nodes take pods."""
    nodes = client.get("/api/v1/nodes").raise_for_status().json()["items"]
    return sum(_is_ready(node) and not node["spec"].get("taints") for node in nodes)


def _is_ready(node: Object) -> bool:
    conditions = node["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def fresh_leases(client: httpx.Client) -> int:
    """How many nodes have given a sign of life just now."""
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    leases = client.get(path).raise_for_status().json()["items"]
    now = datetime.datetime.now(datetime.UTC)
    times = [datetime.datetime.fromisoformat(lease["spec"]["renewTime"]) for lease in leases]
    return sum(now - time < FRESH for time in times)
