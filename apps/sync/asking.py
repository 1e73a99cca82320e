"""Synchronizations that somebody asks for.  They are done by the same pulls as all others."""

from __future__ import annotations

import time
import uuid

from django.db import transaction

from apps.hosts.models import AppLcm
from apps.sync import runs
from apps.sync.models import SyncRun
from apps.sync.selectors import edges_of
from apps.sync.tasks import pull_edge
from apps.tenants.actors import Actor

# How often it is looked whether a run has ended, and how many times.
LOOK_SECONDS, LOOKS = 0.1, 100


def ask_edge(*, actor: Actor, edge: AppLcm, tenant_id: uuid.UUID | None = None) -> SyncRun:
    """Ask for one edge's news; Conflict for an edge that is shut out."""
    with transaction.atomic():
        run = runs.start(actor=actor, edge=edge, tenant_id=tenant_id)
        transaction.on_commit(lambda: pull_edge.delay(str(edge.pk)))
    return run


def ask_all(*, actor: Actor, tenant_id: uuid.UUID | None) -> list[SyncRun]:
    """Ask every edge where a tenant may have something, all edges for None; each by itself."""
    return [
        ask_edge(actor=actor, edge=edge, tenant_id=tenant_id) for edge in edges_of(tenant_id)
    ]


def wait(run: SyncRun) -> SyncRun:
    """The run as it ended, or as it is when it takes longer than anybody should wait."""
    for _ in range(LOOKS):
        run = SyncRun.objects.select_related("edge").get(pk=run.pk)
        if run.is_over:
            break
        pause(LOOK_SECONDS)
    return run


def pause(seconds: float) -> None:
    """Let the workers work."""
    time.sleep(seconds)
