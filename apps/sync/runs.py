"""The record of synchronizations: those that did something, and those that a person asked for."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction

from apps.common import clock
from apps.common.words import Reason
from apps.hosts.models import AppLcm
from apps.sync.models import SyncRun
from apps.sync.taking import Taken
from apps.tenants.actors import Actor

KEPT = timedelta(days=30)
_State = SyncRun.State


@transaction.atomic
def start(*, actor: Actor, edge: AppLcm, tenant_id: uuid.UUID | None = None) -> SyncRun:
    """Ask for a synchronization of an edge; the caller has it pulled after the commit.

    Who asks again before it has begun asks for the same.
    """
    AppLcm.objects.select_for_update().get(pk=edge.pk)  # for two who ask at once
    queued = SyncRun.objects.filter(edge=edge, tenant_id=tenant_id, state=_State.QUEUED).first()
    return queued or SyncRun.objects.create(
        edge=edge, tenant_id=tenant_id, actor_name=actor.actor_name
    )


def begin(edge: AppLcm) -> None:
    """A pull begins: what was asked for until now is what it does."""
    SyncRun.objects.filter(edge=edge, state=_State.QUEUED).update(state=_State.RUNNING)


def is_asked(edge_id: uuid.UUID) -> bool:
    """Whether somebody asked while a pull was going on, which may have missed what they mean."""
    return SyncRun.objects.filter(edge_id=edge_id, state=_State.QUEUED).exists()


def done(edge: AppLcm, taken: Taken) -> None:
    """A pull went well: what was asked for is done, and what came unasked is kept as well."""
    _end(edge, _State.DONE, taken, {})


def failed(edge: AppLcm, taken: Taken, reason: Reason) -> None:
    """A pull failed: what was asked for has failed; the next one goes on where it stopped."""
    _end(edge, _State.FAILED, taken, reason.as_json())


def _end(edge: AppLcm, state: _State, taken: Taken, reason: dict[str, Any]) -> None:
    asked = list(SyncRun.objects.filter(edge=edge, state=_State.RUNNING))
    if not asked and taken.changed:
        asked = [SyncRun.objects.create(edge=edge, state=_State.RUNNING)]
    for run in asked:
        run.state, run.reason, run.finished_at = state, reason, clock.now()
        # A tenant is told of its own things only, although all came.
        run.counts = taken.as_json(run.tenant_id)
        run.save(update_fields=["state", "reason", "finished_at", "counts"])


def purge() -> int:
    """Forget runs after their retention."""
    return SyncRun.objects.filter(created_at__lt=clock.now() - KEPT).delete()[0]
