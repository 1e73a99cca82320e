"""The record of synchronizations: those that did something, and those that a person asked for."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.words import Reason
from apps.hosts.models import AppLcm
from apps.journal import services as journal
from apps.sync.models import SyncRun
from apps.sync.taking import Taken
from apps.tenants.actors import SYSTEM, Actor

KEPT = timedelta(days=30)
_State = SyncRun.State


def shut_out(edge: AppLcm) -> Reason:
    """Why an edge that was revoked is not synchronized."""
    text = N_("“%(name)s” is shut out: nothing is asked there.")
    return Reason(text, "revoked", {"name": edge.name})


@transaction.atomic
def start(*, actor: Actor, edge: AppLcm, tenant_id: uuid.UUID | None = None) -> SyncRun:
    """Ask for a synchronization of an edge; the caller has it pulled after the commit.

    Who asks again before it has begun asks for the same.  Conflict for one that is shut out.
    """
    if edge.revoked_at is not None:
        why = shut_out(edge)
        raise Conflict(why.text, code=why.code, **why.params)
    AppLcm.objects.select_for_update().get(pk=edge.pk)  # for two who ask at once
    queued = SyncRun.objects.filter(edge=edge, tenant_id=tenant_id, state=_State.QUEUED).first()
    if queued is not None:
        return queued
    run = SyncRun.objects.create(edge=edge, tenant_id=tenant_id, actor_name=actor.actor_name)
    _tell("asked", run, actor=actor, quiet=False)
    return run


@transaction.atomic
def begin(edge: AppLcm) -> None:
    """A pull begins: what was asked for until now is what it does."""
    for run in asked(edge.pk).select_for_update():
        _write(run, "running", state=_State.RUNNING, started_at=clock.now())


def asked(edge_id: uuid.UUID | OuterRef) -> QuerySet[SyncRun]:
    """What was asked for of an edge and has not begun."""
    return SyncRun.objects.filter(edge_id=edge_id, state=_State.QUEUED)


def is_asked(edge_id: uuid.UUID) -> bool:
    """Whether somebody asked while a pull was going on, which may have missed what they mean."""
    return asked(edge_id).exists()


def done(edge: AppLcm, taken: Taken) -> bool:
    """A pull went well: what was asked for is done, and what came unasked is kept as well.

    Whether somebody asked once more meanwhile.
    """
    return _end(edge, _State.DONE, taken, {})


def failed(edge: AppLcm, taken: Taken, reason: Reason) -> None:
    """A pull failed: what was asked for has failed; the next one goes on where it stopped."""
    _end(edge, _State.FAILED, taken, reason.as_json())


@transaction.atomic
def _end(edge: AppLcm, state: _State, taken: Taken, reason: dict[str, Any]) -> bool:
    rows = SyncRun.objects.select_for_update().filter(edge=edge)
    unfinished = list(rows.filter(state__in=(_State.QUEUED, _State.RUNNING)))
    asked = [run for run in unfinished if run.state == _State.RUNNING]
    fields = {
        "state": state,
        "full": taken.full,
        "reason": reason,
        "finished_at": clock.now(),
        "log": taken.log,
    }
    for run in asked:
        # A tenant is told of its own things only, although all came.
        _write(run, str(state), counts=taken.as_json(run.tenant_id), **fields)
    # That a full copy was read is worth knowing also where it brought nothing.
    if not asked and (taken.changed or (taken.full and state == _State.DONE)):
        run = SyncRun(edge=edge, created_at=taken.since, started_at=taken.since, **fields)
        run.counts = taken.as_json()
        run.save(force_insert=True)
        _tell(str(state), run, actor=SYSTEM, quiet=True)
    return len(unfinished) > len(asked)


def _write(run: SyncRun, verb: str, **fields: Any) -> None:
    SyncRun.objects.filter(pk=run.pk).update(**fields)
    _tell(verb, run, actor=SYSTEM, quiet=True)


def _tell(verb: str, run: SyncRun, *, actor: Actor, quiet: bool) -> None:
    about = {"edge": run.edge.name, "edge_id": str(run.edge_id)}
    journal.record(
        f"sync.run.{verb}", run, actor=actor, tenant_id=run.tenant_id, data=about, quiet=quiet
    )


def purge() -> int:
    """Forget runs after their retention."""
    return SyncRun.objects.filter(created_at__lt=clock.now() - KEPT).delete()[0]
