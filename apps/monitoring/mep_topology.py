"""The MEC platform as one graph: the platform, its applications, their services, who subscribed.

The same form as the estate's graph, so that one script draws both.  The number of queries does not
depend on what there is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, ngettext

from apps.common import clock
from apps.common.models import current_version
from apps.mep.governance import relations
from apps.mep.models import Application, MecService
from apps.mep.selectors import applications_for, services_for
from apps.monitoring import marks
from apps.monitoring.marks import FAILING, INFO, OK, UNKNOWN
from apps.monitoring.topology import Node
from apps.tenants.actors import Actor

MOST_APPLICATIONS, MOST_SERVICES, MOST_LINES = 200, 400, 600
# Who subscribed to all of at least so many services is drawn with one line, to the platform.
MANY = 8
PLATFORM = "platform"


def service_graph(actor: Actor) -> dict[str, Any]:
    """Nodes and edges that ``actor`` may see; ``notice`` says what is left out.

    Edges are of the kinds ``offers`` and ``subscribes``.  ``subscribed`` tells per application what
    it subscribed to in words, all of it: the table beside the graph leaves nothing out.
    """
    version = current_version()
    here = services_for(actor).filter(application__site_id__isnull=True)
    services = list(here.defer("transport", "category", "application__info", "application__appd"))
    applications = list(applications_for(actor).defer("info", "appd"))
    pairs = relations(actor)
    kept, told = _kept(applications, services, pairs)
    nodes = [_platform(len(services))]
    for application, offered, left in kept:
        nodes.append(_application(application, actor, left))
        nodes += [_service(one) for one in offered]
    lines, cut = _lines(nodes, kept, pairs, len(services))
    if cut:
        told.append(ngettext("%(n)s subscription is not drawn.",
                             "%(n)s subscriptions are not drawn.", cut) % {"n": cut})
    return {
        "version": version,
        "as_of": clock.now().isoformat(),
        "notice": " ".join(told),
        "total": 1 + len(applications) + len(services),
        "nodes": [asdict(node) for node in nodes],
        "edges": lines,
        "subscribed": _subscribed(kept, pairs, services),
    }


Kept = list[tuple[Application, list[MecService], int]]


def _kept(
    applications: list[Application], services: list[MecService],
    pairs: Mapping[uuid.UUID, set[uuid.UUID]],
) -> tuple[Kept, list[str]]:
    """What there is room for, what fails first, and what is left out in words."""
    room = sorted(services, key=_importance)[:MOST_SERVICES]
    shown: dict[uuid.UUID, list[MecService]] = {}
    for one in sorted(room, key=lambda row: (row.ser_name, str(row.pk))):
        shown.setdefault(one.application_id, []).append(one)
    # Those that offer or want something are what the graph is about.
    ranked = sorted(applications, key=lambda row: (
        row.pk not in shown, row.pk not in pairs, row.name, str(row.pk)))
    chosen = {row.pk for row in ranked[:MOST_APPLICATIONS]}
    kept: Kept = []
    for row in sorted(applications, key=lambda one: (one.name, str(one.pk))):
        if row.pk in chosen:
            offered = shown.get(row.pk, [])
            kept.append((row, offered, row.service_count - len(offered)))  # type: ignore[attr-defined]
    told = []
    left = len(services) - sum(len(offered) for _, offered, _ in kept)
    if left > 0:
        told.append(ngettext(
            "There is too much to show at once: %(n)s service is left out.",
            "There is too much to show at once: %(n)s services are left out, those that are"
            " well first.", left) % {"n": left})
    if len(applications) > len(kept):
        left = len(applications) - len(kept)
        told.append(ngettext("%(n)s application is left out.", "%(n)s applications are left out.",
                             left) % {"n": left})
    return kept, told


def _importance(row: MecService) -> tuple[bool, str, str]:
    return (marks.service_mark(row).tone not in FAILING, row.ser_name, str(row.pk))


def _lines(
    nodes: list[Node], kept: Kept, pairs: Mapping[uuid.UUID, set[uuid.UUID]], total: int
) -> tuple[list[dict[str, str]], int]:
    """The edges, and how many subscriptions found no room."""
    drawn = {node.id for node in nodes}
    found = [_line("offers", node.parent, node.id) for node in nodes if node.parent]
    wanted: list[dict[str, str]] = []
    for application, _, _ in kept:
        ids = pairs.get(application.pk, set())
        source = f"app:{application.pk}"
        if len(ids) == total and total >= MANY:
            wanted.append(_line("subscribes", source, PLATFORM))
            continue
        targets = sorted(f"service:{key}" for key in ids)
        wanted += [_line("subscribes", source, one) for one in targets if one in drawn]
    return found + wanted[:MOST_LINES], max(0, len(wanted) - MOST_LINES)


def _line(kind: str, source: str, target: str) -> dict[str, str]:
    return {"id": f"{kind}:{source}>{target}", "source": source, "target": target, "kind": kind}


def _subscribed(
    kept: Kept, pairs: Mapping[uuid.UUID, set[uuid.UUID]], services: list[MecService]
) -> dict[str, str]:
    names = {one.pk: one.ser_name for one in services}
    found = {}
    for application, _, _ in kept:
        ids = pairs.get(application.pk)
        if ids is None:
            continue
        if ids and len(ids) == len(services) and len(ids) >= MANY:
            found[f"app:{application.pk}"] = gettext("all services")
        else:
            told = _distinct(names[key] for key in ids if key in names)
            found[f"app:{application.pk}"] = ", ".join(told) or gettext("none that is there now")
    return found


def _distinct(names: Iterable[str]) -> list[str]:
    return sorted(set(names))


# --- nodes ---------------------------------------------------------------------------------------
def _platform(count: int) -> Node:
    detail = ngettext("%(n)s service", "%(n)s services", count) % {"n": count}
    return Node(
        id=PLATFORM, kind="platform", label=settings.SITE_NAME, state="Online",
        state_text=gettext("Online"), tone=OK, detail=detail, url="/platform/",
        as_of=clock.now().isoformat(),
    )


def _application(row: Application, actor: Actor, left: int) -> Node:
    tenant = row.tenant.name if actor.is_admin and row.tenant else ""
    if row.pending_action:
        state, text, tone = "Ending", gettext("Ending"), marks.BUSY
    elif row.ready_at:
        state, text, tone = "Ready", gettext("Ready"), INFO
    else:
        state, text, tone = "Unknown", gettext("Readiness unknown"), UNKNOWN
    return Node(
        id=f"app:{row.pk}", kind="application", label=str(row), state=state, state_text=text,
        tone=tone, detail=tenant, parent=PLATFORM, url=f"/platform/applications/{row.pk}/",
        as_of=row.ready_at.isoformat() if row.ready_at else "", folded=left, depth=1,
    )


def _service(row: MecService) -> Node:
    mark = marks.service_mark(row)
    heartbeat = gettext("without heartbeat")
    if row.liveness_interval is not None:
        heartbeat = gettext("heartbeat every %(s)s s") % {"s": row.liveness_interval}
    return Node(
        id=f"service:{row.pk}", kind="service", label=row.ser_name, state=mark.state,
        state_text=str(mark.label), tone=mark.tone, detail=f"{row.ser_version} · {heartbeat}",
        parent=f"app:{row.application_id}", url=f"/platform/services/{row.pk}/",
        as_of=row.state_since.isoformat(), depth=2,
    )
