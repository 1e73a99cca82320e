"""metrics.k8s.io: what containers use, as their pods' annotations say.

``stand-in/cpu`` and ``stand-in/memory`` are quantities of one container.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tools.cluster.kubelet.behaviour import wishes
from tools.cluster.kubelet.events import now_text
from tools.cluster.kubelet.status import Pod

Object = dict[str, Any]
GROUP = "metrics.k8s.io/v1beta1"
WINDOW = "15s"
USUAL_CPU, USUAL_MEMORY = 0.005, 20 * 1024**2
NODE_CPU, NODE_MEMORY = 0.2, 512 * 1024**2  # of what is not a pod
_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9,
          "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}  # fmt: skip
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z]*)")
_REQUIREMENT = re.compile(
    r"\s*(?:(?P<no>!)?(?P<key>[^\s=!,()]+))\s*(?:(?P<op>==|=|!=|in\b|notin\b)\s*"
    r"(?:\((?P<set>[^)]*)\)|(?P<one>[^\s,]*)))?\s*(?:,|$)"
)


def resources() -> Object:
    """The discovery document of the group."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": GROUP,
        "resources": [
            _resource("nodes", "NodeMetrics", False),
            _resource("pods", "PodMetrics", True),
        ],
    }


def _resource(name: str, kind: str, namespaced: bool) -> Object:
    verbs = ["get", "list"]
    return {
        "name": name,
        "singularName": "",
        "namespaced": namespaced,
        "kind": kind,
        "verbs": verbs,
    }


def a_list(kind: str, items: list[Object]) -> Object:
    """A list as the API writes it."""
    return {"kind": f"{kind}List", "apiVersion": GROUP, "metadata": {}, "items": items}


def of_pod(pod: Pod) -> Object | None:
    """The use of one pod; None while nothing of it runs."""
    running = [one for one in [*pod.inits, *pod.containers] if one.running]
    if not running:
        return None
    meta = pod.object["metadata"]
    cpu, memory = _use(pod)
    return {
        **_head("PodMetrics", meta["name"], meta.get("labels") or {}),
        "metadata": {
            "name": meta["name"],
            "namespace": meta["namespace"],
            "labels": meta.get("labels") or {},
            "creationTimestamp": now_text(),
        },
        "containers": [{"name": one.name, "usage": _usage(cpu, memory)} for one in running],
    }


def of_node(name: str, pods: Iterable[Pod]) -> Object:
    """The use of one node: its pods', and its own."""
    cpu, memory = NODE_CPU, float(NODE_MEMORY)
    for pod in pods:
        running = sum(one.running for one in [*pod.inits, *pod.containers])
        one_cpu, one_memory = _use(pod)
        cpu, memory = cpu + running * one_cpu, memory + running * one_memory
    return {**_head("NodeMetrics", name, {}), "usage": _usage(cpu, memory)}


def selected(labels: dict[str, str], selector: str) -> bool:
    """Whether labels fit a label selector.  Raises ValueError for one that is none."""
    position = 0
    while position < len(selector):
        match = _REQUIREMENT.match(selector, position)
        if match is None or match.end() == position:
            raise ValueError(f"not a selector: {selector}")
        position = match.end()
        value = labels.get(match["key"])
        many = match["set"]
        values = {one.strip() for one in many.split(",")} if many is not None else {match["one"]}
        if match["op"] is None:
            fits = (value is None) == bool(match["no"])
        elif match["op"] in ("!=", "notin"):
            fits = value not in values
        else:
            fits = value in values
        if not fits:
            return False
    return True


def quantity(text: str, usual: float) -> float:
    """A quantity as a number; ``usual`` for what is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        return usual
    return float(match[1]) * _UNITS[match[2]]


def _use(pod: Pod) -> tuple[float, float]:
    said = wishes(pod.object)
    cpu = quantity(said.get("cpu", ""), USUAL_CPU)
    return cpu, quantity(said.get("memory", ""), USUAL_MEMORY)


def _head(kind: str, name: str, labels: dict[str, str]) -> Object:
    return {
        "kind": kind,
        "apiVersion": GROUP,
        "metadata": {"name": name, "labels": labels, "creationTimestamp": now_text()},
        "timestamp": now_text(),
        "window": WINDOW,
    }


def _usage(cpu: float, memory: float) -> Object:
    """In the units that the usual metrics server answers in."""
    return {"cpu": f"{round(cpu * 1e9)}n", "memory": f"{round(memory / 1024)}Ki"}
