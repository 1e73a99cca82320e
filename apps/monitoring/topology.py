"""The estate as one graph, as far as somebody may see it: site, edges, hosts, instances, workloads.

Ids are the same in every reading, so that whoever draws the graph finds the differences itself.
The number of queries does not depend on what there is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, ngettext

from apps.common import clock
from apps.common.models import current_version
from apps.hosts.models import AppLcm, MecHost
from apps.hosts.selectors import applcms, hosts_for
from apps.instances.models import AppInstance
from apps.instances.selectors import instances_for
from apps.monitoring import marks
from apps.monitoring.marks import FAILING, OK, Mark
from apps.tenants.actors import Actor
from apps.tenants.policies import may

MOST_ELEMENTS = 1500
SITE = "site"
_INSTANCE_FIELDS = (
    "app_name", "state", "health", "health_reason", "operation_info", "workload", "observed_at",
    "host_id", "package__name", "package__package_version", "tenant__name",
)


@dataclass(slots=True)
class Node:
    """One thing of the graph; ``parent`` is what it hangs below, empty for the site itself.

    ``stale`` says that what stands between it and us does not answer: then it was so ``as_of``.
    """

    id: str
    kind: str
    label: str
    state: str
    state_text: str
    tone: str
    detail: str
    parent: str = ""
    url: str = ""
    as_of: str = ""
    stale: bool = False
    simulated: bool = False
    folded: int = 0
    depth: int = 0


def graph_for(actor: Actor) -> dict[str, Any]:
    """Nodes and edges that ``actor`` may see, with the version that they are at least of.

    Nodes come nested: each, with its ``depth`` from 0, before what hangs below it.
    With more than ``MOST_ELEMENTS`` of both, workloads that are well fold into their instances,
    then instances that are well into their hosts; ``notice`` says so.
    """
    version = current_version()
    nodes = list(_nodes(actor))
    kept, notice = _folded(nodes)
    found = _nested(kept)
    return {
        "version": version,
        "as_of": clock.now().isoformat(),
        "notice": notice,
        "total": len(nodes),
        "nodes": [asdict(node) for node in found],
        "edges": [
            {
                "id": f"{node.parent}>{node.id}",
                "source": node.parent,
                "target": node.id,
                "kind": f"{node.parent.partition(':')[0]}-{node.kind}",
            }
            for node in found
            if node.parent
        ],
    }


def _nested(nodes: Iterable[Node]) -> list[Node]:
    """The nodes in the order of a nested table: each before what hangs below it."""
    below: dict[str, list[Node]] = {}
    for node in nodes:
        below.setdefault(node.parent, []).append(node)
    rows: list[Node] = []
    stack = below.get("", [])[::-1]
    while stack:
        node = stack.pop()
        rows.append(node)
        for child in reversed(below.get(node.id, [])):
            child.depth = node.depth + 1
            stack.append(child)
    return rows


# --- what there is -------------------------------------------------------------------------------
def _nodes(actor: Actor) -> Iterator[Node]:
    hosts = list(hosts_for(actor).select_related("applcm__peer").order_by("name", "ip", "pk"))
    edges = _edges_of(actor, hosts)
    yield _site_node()
    for edge in edges:
        yield _edge_node(edge, linked=bool(may(actor, "systems.read")))
    below: dict[uuid.UUID, Node] = {}
    for host in hosts:
        below[host.pk] = _host_node(host)
        yield below[host.pk]
    shown = {host.pk: host for host in hosts}
    for instance in _instances_of(actor):
        if instance.host_id in shown:
            instance.host = shown[instance.host_id]  # read already, with its edge
        yield from _instance_nodes(instance, below.get(instance.host_id), actor)


def _edges_of(actor: Actor, hosts: Sequence[MecHost]) -> list[AppLcm]:
    """Every edge for those who see the systems; for others the edges of the hosts they see."""
    if may(actor, "systems.read"):
        return list(applcms().select_related("peer").order_by("name", "ip", "pk"))
    found = {host.applcm.pk: host.applcm for host in hosts if host.applcm is not None}
    return sorted(found.values(), key=lambda edge: (edge.name, edge.ip))


def _instances_of(actor: Actor) -> Iterable[AppInstance]:
    rows = instances_for(actor).select_related(None).select_related("package", "tenant")
    return rows.only(*_INSTANCE_FIELDS).order_by("app_name", "created_at", "pk")


def _site_node() -> Node:
    words = gettext(settings.ROLE.label)
    return Node(
        id=SITE, kind="site", label=settings.SITE_NAME, state="Online",
        state_text=gettext("Online"), tone=OK,
        detail=gettext("This site: %(role)s") % {"role": words}, url="/",
        as_of=_time(clock.now()),
    )


def _edge_node(edge: AppLcm, *, linked: bool) -> Node:
    return _node(
        f"edge:{edge.pk}", "edge", edge.name, marks.edge_mark(edge), parent=SITE,
        url="/systems/" if linked else "", as_of=_time(edge.last_seen),
    )


def _host_node(host: MecHost) -> Node:
    return _node(
        f"host:{host.pk}", "host", host.name, marks.host_mark(host),
        parent=f"edge:{host.applcm_id}" if host.applcm_id else SITE, url=f"/hosts/{host.pk}/",
        as_of=_time(host.observed_at), simulated=host.simulated,
    )


def _instance_nodes(instance: AppInstance, host: Node | None, actor: Actor) -> Iterator[Node]:
    """An instance and its workloads; it hangs below the site when its host is not shown."""
    seen = marks.seen_of(instance)
    mark = marks.life_mark(instance, seen)
    what = f"{instance.package.name} {instance.package.package_version}"
    parts = [str(mark.detail), what, instance.tenant.name if actor.is_admin else ""]
    stale = host is not None and (host.stale or host.state == "Offline")
    node = _node(
        f"instance:{instance.pk}", "instance", instance.app_name, mark,
        parent=host.id if host else SITE, url=f"/instances/{instance.pk}/",
        as_of=_time(instance.known_at if host else instance.observed_at), stale=stale,
        simulated=bool((seen and seen.simulated) or (host and host.simulated)),
    )
    node.detail = " · ".join(part for part in parts if part)
    yield node
    if seen is None:
        return
    found = [(f"pod:{pod.name}", pod.name, marks.pod_mark(pod)) for pod in seen.pods]
    found += [(f"vm:{vm.id}", vm.name, marks.server_mark(vm)) for vm in seen.servers]
    for key, label, mark in sorted(found, key=lambda one: one[:2]):
        yield _node(
            f"workload:{instance.pk}:{key}", "workload", label, mark, parent=node.id, url=node.url,
            as_of=_time(seen.as_of), stale=stale, simulated=seen.simulated,
        )


def _node(
    key: str, kind: str, label: str, mark: Mark, *, stale: bool = False, **more: Any
) -> Node:
    return Node(
        id=key, kind=kind, label=label, state=mark.state, state_text=str(mark.label),
        tone=mark.tone, detail=str(mark.detail), stale=stale or mark.stale, **more,
    )


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


# --- too much of it ------------------------------------------------------------------------------
def _folded(nodes: list[Node]) -> tuple[list[Node], str]:
    """At most ``MOST_ELEMENTS`` of nodes and edges: what is well folds, what fails stays."""
    if _elements(nodes) <= MOST_ELEMENTS:
        return nodes, ""
    nodes = _fold(nodes, "workload")
    notice = gettext("There is too much to show at once: workloads that are well are folded.")
    if _elements(nodes) <= MOST_ELEMENTS:
        return nodes, notice
    nodes = _fold(nodes, "instance")
    notice = gettext("There is too much to show at once: instances that are well are folded.")
    if _elements(nodes) > MOST_ELEMENTS:
        nodes, left = _cut(nodes)
        notice += " " + ngettext(
            "%(number)s more element is not shown.", "%(number)s more elements are not shown.", left
        ) % {"number": left}
    return nodes, notice


def _elements(nodes: Sequence[Node]) -> int:
    return 2 * len(nodes) - 1  # every node but the site has one edge to what it hangs below


def _fold(nodes: list[Node], kind: str) -> list[Node]:
    """Take away what is well of one kind, counted at what it hangs below."""
    needed = {node.parent for node in nodes if node.tone in FAILING}
    by_id = {node.id: node for node in nodes}
    kept: list[Node] = []
    for node in nodes:
        if node.kind != kind or node.tone in FAILING or node.id in needed:
            kept.append(node)
        elif node.parent in by_id:
            by_id[node.parent].folded += 1 + node.folded
    return kept


def _cut(nodes: list[Node]) -> tuple[list[Node], int]:
    """The first of the failing ones that fit, with the paths to them."""
    room = (MOST_ELEMENTS + 1) // 2
    path = [node for node in nodes if node.kind in ("site", "edge", "host")]
    rest = [node for node in nodes if node.kind == "instance"]
    rest += [node for node in nodes if node.kind == "workload"]
    kept = {node.id for node in (path + rest)[:room]}
    # A workload needs its instance; instances come first, so a kept workload always has it.
    found = [node for node in nodes if node.id in kept]
    return found, len(nodes) - len(found)
