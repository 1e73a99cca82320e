"""Load as ``metrics.k8s.io`` and Prometheus tell it, in the words of the contract.

What nobody measures is None with a reason, never zero.  Nodes, pods and measurements are objects of
Kubernetes as JSON; everything but :func:`usage` is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Upstream
from apps.common.words import Reason
from apps.vim.errors import VimUnreachable
from apps.vim.kubernetes import prometheus
from apps.vim.kubernetes.cluster import Cluster, Object, Refused, list_if_allowed
from apps.vim.kubernetes.kinds import label, name_of, namespace_name
from apps.vim.kubernetes.names import INSTANCE
from apps.vim.kubernetes.probing import METRICS, NO_METRICS
from apps.vim.kubernetes.quantities import MIB, measured, total
from apps.vim.usages import ContainerUsage, InstanceUsage, Meter, Usage

SOURCE: Final = "metrics.k8s.io"
# Resource, and the unit in which the contract tells it.
CPU: Final = ("cpu", 1.0)
MEMORY: Final = ("memory", float(MIB))
NO_SOURCE: Final = Reason(NO_METRICS, "no_metrics")
SILENT: Final = N_("The metrics API of the cluster does not answer: %(said)s")
NOT_MEASURED: Final = N_("The metrics API has no measurement of this yet.")
SITE_ONLY: Final = N_("Prometheus tells the load of the host only; there is no metrics API.")
ABSENT: Final = N_("Nothing of this instance runs on this site.")

Key = tuple[str, str]
# What each node has of each resource.
Rooms = Mapping[str, Mapping[str, float | None]]


def usage(cluster: Cluster, prometheus_url: str, instance_id: UUID | None) -> Usage:
    """The load of the cluster with all our containers, or of one instance.

    The metrics API comes first; Prometheus, where one is configured, tells what that does not.
    Raises VimUnreachable only where the cluster itself does not answer.
    """
    wanted = INSTANCE if instance_id is None else f"{INSTANCE}={instance_id}"
    nodes = list_if_allowed(cluster, "/api/v1/nodes")
    pods = list_if_allowed(cluster, "/api/v1/pods", labelSelector=wanted) or []
    if instance_id is not None and not pods:
        return Usage(as_of=clock.now(), reason=Reason(ABSENT, "absent"))
    try:
        found = usage_from_metrics(
            nodes,
            pods,
            cluster.list(f"{METRICS}/nodes")[0] if instance_id is None else [],
            cluster.list(f"{METRICS}/pods", labelSelector=wanted)[0],
            of_instance=instance_id is not None,
        )
    except Refused as refusal:
        why = NO_SOURCE if refusal.answered == 404 else _silent(refusal)
        found = Usage(as_of=clock.now(), reason=why)
    except VimUnreachable as error:
        # The API server was there a moment ago; it is what stands behind this one API that is not.
        found = Usage(as_of=clock.now(), reason=_silent(error))
    if not prometheus_url:
        return found
    if instance_id is not None:
        return found if found.source else replace(found, reason=Reason(SITE_ONLY, "no_metrics"))
    try:
        with prometheus.Client(prometheus_url) as client:
            return combined(found, usage_from_prometheus(client.query))
    except Upstream as error:
        return found if found.source else replace(found, reason=error.reason)


usage_from_prometheus = prometheus.usage_from_prometheus


def combined(first: Usage, second: Usage) -> Usage:
    """``first``, and of ``second`` what ``first`` does not know; ``source`` names both then."""
    if not first.source:
        return replace(second, containers=first.containers, instances=first.instances)
    filled = {
        name: getattr(second, name)
        for name in ("cpu", "memory", "storage")
        if getattr(first, name).used is None and getattr(second, name).used is not None
    }
    if not filled:
        return first
    sources = f"{first.source}, {second.source}"
    return replace(first, source=sources, as_of=min(first.as_of, second.as_of), **filled)


def usage_from_metrics(
    nodes: Sequence[Object] | None,
    pods: Sequence[Object],
    node_metrics: Sequence[Object],
    pod_metrics: Sequence[Object],
    *,
    of_instance: bool = False,
) -> Usage:
    """What v1beta1 measured: the sum of the nodes against what they have, or of one instance.

    ``pods`` are ours; measurements of other pods are left out.  ``nodes`` is None where the
    credentials may not list them.  metrics-server does not measure storage.
    """
    has = {name_of(node): _allocatable(node) for node in nodes or ()}
    known = {(namespace_name(pod), name_of(pod)): pod for pod in pods}
    rows = [one for one in pod_metrics if (namespace_name(one), name_of(one)) in known]
    containers = tuple(_containers(rows, known, has))
    times = _times(rows if of_instance else node_metrics)
    if not times:
        why = Reason(NOT_MEASURED, "not_measured")
        return Usage(as_of=clock.now(), reason=why, containers=containers)
    instances: tuple[InstanceUsage, ...] = ()
    if of_instance:
        cpu, memory = (_of_rows(rows, known, has, resource) for resource in (CPU, MEMORY))
    else:
        cpu, memory = (_of_nodes(node_metrics, has, resource) for resource in (CPU, MEMORY))
        instances = tuple(_instances(rows, known, has))
    return Usage(
        min(times), cpu, memory, source=SOURCE, containers=containers, instances=instances
    )


def _silent(error: Upstream) -> Reason:
    return Reason(SILENT, "metrics_silent", {"said": str(error.reason)})


def _times(rows: Iterable[Object]) -> list[datetime]:
    """When each was measured; what is no time is left out."""
    found = []
    for row in rows:
        try:
            at = datetime.fromisoformat(str(row.get("timestamp") or ""))
        except ValueError:
            continue
        if at.tzinfo is not None:
            found.append(at)
    return found


def _allocatable(node: Object) -> Mapping[str, float | None]:
    has = (node.get("status") or {}).get("allocatable") or {}
    return {name: measured(has.get(name), unit) for name, unit in (CPU, MEMORY)}


def _used(one: Object, resource: tuple[str, float]) -> float | None:
    name, unit = resource
    return measured((one.get("usage") or {}).get(name), unit)


def _of_nodes(
    rows: Iterable[Object], has: Rooms,
    resource: tuple[str, float],
) -> Meter:
    """Used out of total of the nodes that are measured: a silent node must not dilute the rest."""
    used = {name_of(row): _used(row, resource) for row in rows}
    used = {name: value for name, value in used.items() if value is not None}
    totals = [has.get(name, {}).get(resource[0]) for name in used]
    return Meter(total(used.values()), None if None in totals else total(totals))


def _containers(
    rows: Iterable[Object], pods: Mapping[Key, Object],
    has: Rooms,
) -> Iterable[ContainerUsage]:
    for row in rows:
        pod = pods[(namespace_name(row), name_of(row))]
        node = has.get(_node_of(pod), {})
        for one in row.get("containers") or ():
            name = str(one.get("name") or "")
            limits = _limits(pod, name)
            cpu, memory = (
                Meter(_used(one, resource), _first(limits[resource[0]], node.get(resource[0])))
                for resource in (CPU, MEMORY)
            )
            yield ContainerUsage(
                name_of(row), name, cpu, memory, Meter(), instance=label(pod, INSTANCE)
            )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _node_of(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _limits(pod: Object, container: str) -> dict[str, float | None]:
    """The limits of a container; a restartable init container is measured as any other."""
    spec = pod.get("spec") or {}
    rows = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    found: Object = next((row for row in rows if row.get("name") == container), {})
    limits = (found.get("resources") or {}).get("limits") or {}
    return {name: measured(limits.get(name), unit) for name, unit in (CPU, MEMORY)}


def _instances(
    rows: Iterable[Object], pods: Mapping[Key, Object], has: Rooms
) -> Iterable[InstanceUsage]:
    grouped: dict[str, list[Object]] = {}
    for row in rows:
        whose = label(pods[(namespace_name(row), name_of(row))], INSTANCE)
        grouped.setdefault(whose, []).append(row)
    for instance, its in grouped.items():
        cpu, memory = (_of_rows(its, pods, has, resource) for resource in (CPU, MEMORY))
        yield InstanceUsage(instance, cpu, memory, Meter())


def _of_rows(
    rows: Sequence[Object], pods: Mapping[Key, Object], has: Rooms, resource: tuple[str, float]
) -> Meter:
    """What these pods use together, out of the most that they may."""
    used = total(_used(one, resource) for row in rows for one in row.get("containers") or ())
    return Meter(used, _most(rows, pods, has, resource))


def _most(
    rows: Iterable[Object], pods: Mapping[Key, Object],
    has: Rooms, resource: tuple[str, float],
) -> float | None:
    """What an instance may use at most: its limits, and for containers without one their nodes.

    A node counts once, however many containers it has, and all together never exceed the nodes.
    """
    name = resource[0]
    limited: list[float] = []
    open_nodes: set[str] = set()
    every_node: set[str] = set()
    for row in rows:
        pod = pods[(namespace_name(row), name_of(row))]
        every_node.add(_node_of(pod))
        for one in row.get("containers") or ():
            limit = _limits(pod, str(one.get("name") or ""))[name]
            if limit is None:
                open_nodes.add(_node_of(pod))
            else:
                limited.append(limit)
    if not open_nodes:
        return total(limited)
    rooms = [has.get(node, {}).get(name) for node in open_nodes]
    ceilings = [has.get(node, {}).get(name) for node in every_node]
    if None in rooms or None in ceilings:
        return None
    return min((total(rooms) or 0) + sum(limited), total(ceilings) or 0)
