"""The readers of what the center remembers about following its edges."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.hosts.models import AppLcm, MecHost
from apps.hosts.selectors import hosts_for, open_to
from apps.instances.models import AppInstance
from apps.packages.models import Package
from apps.rules.models import AppdConfiguration
from apps.sync.models import HeldRow, Peer, SyncRun
from apps.tenants.actors import Actor


@dataclass(frozen=True, slots=True)
class Held:
    """A row of an edge that has to wait here; ``name`` is empty where the row does not say it."""

    kind: str
    id: str
    name: str = ""


def troubled_peers() -> QuerySet[Peer]:
    """The edges of whose news some waits, or whose last pull failed, by name.

    ``waits`` says which of the two.
    """
    waiting = Exists(HeldRow.objects.filter(edge_id=OuterRef("edge_id")))
    rows = Peer.objects.select_related("edge").annotate(waits=waiting)
    return rows.filter(Q(waits=True) | ~Q(fault={})).order_by("edge__name")


def holding_peers() -> QuerySet[Peer]:
    """The edges of whose news some waits here, by name."""
    holding = HeldRow.objects.values("edge_id")
    return Peer.objects.select_related("edge").filter(edge_id__in=holding).order_by("edge__name")


def held_of(peer: Peer) -> list[Held]:
    """What waits of an edge's news, as it came."""
    return [
        Held(row.kind, str(row.subject_id), row.name)
        for row in HeldRow.objects.filter(edge_id=peer.edge_id).order_by("id")
    ]


def edges_for(actor: Actor) -> QuerySet[AppLcm]:
    """The edges that an actor may see, with their peers: all, or those of the hosts that they see.

    ``held`` counts the rows of each that have to wait here, and ``contested`` the things of the
    actor's there of which a person has to choose.
    """
    rules = AppdConfiguration.objects.exclude(contested={})
    if not actor.is_admin:
        rules = rules.filter(tenant_id=actor.wall)
    contested = _per_edge(rules, "instance__host__applcm")
    if actor.is_admin:
        contested += _per_edge(MecHost.objects.exclude(contested={}), "applcm")
    held = _per_edge(HeldRow.objects.all(), "edge")
    rows = AppLcm.objects.select_related("peer").annotate(held=held, contested=contested)
    return rows if actor.is_admin else rows.filter(pk__in=hosts_for(actor).values("applcm"))


def _per_edge(rows: QuerySet[Any], edge: str) -> Combinable:
    """How many of ``rows`` an edge has; ``edge`` is the way to it."""
    mine = rows.filter(**{edge: OuterRef("pk")}).order_by().values(edge)
    return Coalesce(Subquery(mine.annotate(n=Count("pk")).values("n")), 0)


def access_edge(actor: Actor, edge_id: uuid.UUID) -> AppLcm:
    """One of them, or NotFound."""
    found = edges_for(actor).filter(pk=edge_id).first()
    if found is None:
        raise NotFound(N_("There is no such edge."), message="Record not found")
    return found


def held_rows(edge: AppLcm) -> QuerySet[HeldRow]:
    """The rows of an edge that have to wait here, what waits longest first."""
    return HeldRow.objects.filter(edge=edge).order_by("since", "id")


def runs_for(actor: Actor) -> QuerySet[SyncRun]:
    """The synchronizations that an actor may see, newest first: their tenant's, or all."""
    rows = SyncRun.objects.select_related("edge")
    return rows if actor.is_admin else rows.filter(tenant_id=actor.wall)


def access_run(actor: Actor, run_id: uuid.UUID) -> SyncRun:
    """One of them, or NotFound."""
    found = runs_for(actor).filter(pk=run_id).first()
    if found is None:
        raise NotFound(N_("There is no such synchronization."), message="Record not found")
    return found


def edges_of(tenant_id: uuid.UUID | None) -> QuerySet[AppLcm]:
    """The edges where a tenant may have something, by name; all that are not shut out for None."""
    rows = AppLcm.objects.filter(revoked_at__isnull=True)
    if tenant_id is None:
        return rows
    usable = MecHost.objects.filter(open_to(tenant_id), applcm__isnull=False)
    running = AppInstance.objects.filter(tenant_id=tenant_id, host__applcm__isnull=False)
    uploaded = Package.objects.filter(tenant_id=tenant_id, edge__isnull=False)
    return rows.filter(
        Q(pk__in=usable.values("applcm"))
        | Q(pk__in=running.values("host__applcm"))
        | Q(pk__in=uploaded.values("edge"))
    )
