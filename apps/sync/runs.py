"""The record of synchronizations: those that did something, and those that a person asked for."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction

from apps.common import clock
from apps.common.words import Reason
from apps.hosts.models import AppLcm
from apps.sync.models import SyncRun
from apps.sync.taking import Taken
from apps.tenants.actors import Actor

KEPT = timedelta(days=30)
_State = SyncRun.State
WAITING = (_State.QUEUED, _State.RUNNING)


@transaction.atomic
def start(*, actor: Actor, edge: AppLcm, tenant_id: uuid.UUID | None = None) -> SyncRun:
    """Ask for a synchronization of an edge; the caller has it pulled after the commit."""
    return SyncRun.objects.create(edge=edge, tenant_id=tenant_id, actor_name=actor.actor_name)


def done(edge: AppLcm, taken: Taken) -> None:
    """A pull went well: what was asked for is done, and what came unasked is kept as well."""
    _end(edge, _State.DONE, taken, None)


def failed(edge: AppLcm, taken: Taken, reason: Reason) -> None:
    """A pull failed: what was asked for has failed; the next one goes on where it stopped."""
    _end(edge, _State.FAILED, taken, reason)


def _end(edge: AppLcm, state: _State, taken: Taken, reason: Reason | None) -> None:
    fields = {
        "state": state,
        "counts": taken.as_json(),
        "reason": reason.as_json() if reason else {},
        "finished_at": clock.now(),
    }
    asked = SyncRun.objects.filter(edge=edge, state__in=WAITING).update(**fields)
    if not asked and taken.changed:
        SyncRun.objects.create(edge=edge, **fields)


def purge() -> int:
    """Forget runs after their retention."""
    return SyncRun.objects.filter(created_at__lt=clock.now() - KEPT).delete()[0]
