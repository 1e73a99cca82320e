"""Emptying a host: each instance goes elsewhere where its strategy allows, or stays and says why.

The rows are the truth: a drain goes on from them whatever dies.  An instance moves by a new one
that comes up on another host; the old one is ended only when the new one has got as far as it.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.words import Reason
from apps.hosts.cordon import set_cordoned
from apps.hosts.models import MecHost
from apps.hosts.policies import may_configure
from apps.instances.models import AppInstance
from apps.instances.specs import CreateSpec
from apps.instances.states import InstanceState
from apps.journal import services as journal
from apps.orchestration import services
from apps.orchestration.decisions import choose, keep
from apps.orchestration.deployments import placed_by
from apps.orchestration.gathering import Thing
from apps.orchestration.models import (
    DrainMove,
    DrainState,
    HostDrain,
    MoveState,
    PlacedInstance,
    Purpose,
)
from apps.orchestration.placement.facts import Strategy
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.policies import require

OPEN_MOVES = (MoveState.WAITING, MoveState.MOVING)
_FAILED = (InstanceState.CREATE_FAILED, InstanceState.INSTANTIATION_FAILED)
RETENTION_DAYS = 90
_log = logging.getLogger("mecm.orchestration")

NAMED = Reason(
    N_("It was put on this host by name; no strategy says that it may go elsewhere."), "named"
)
ONLY_HERE = Reason(N_("Its strategy names this host and no other."), "only_here")
NOWHERE = Reason(N_("No other host can take it; the decision says why of each."), "nowhere")
ENDED = Reason(N_("It has ended by itself."), "ended")
NEW_ENDED = Reason(N_("The new instance was ended before it took over."), "new_ended")
STOPPED = Reason(N_("The draining was ended before its turn."), "stopped")


def drain(*, actor: Actor, host_id: uuid.UUID, move_named: bool = False) -> HostDrain:
    """Cordon a host and begin to move off what is on it; a drain that runs is answered again.

    ``move_named``: also what was created on this host by name goes to the least loaded host.
    """
    require(may_configure(actor))
    with transaction.atomic():
        host = set_cordoned(actor=actor, host_id=host_id, cordoned=True)
        running = HostDrain.objects.filter(host_id=host_id, state=DrainState.RUNNING).first()
        if running is not None:
            return running
        made = HostDrain.objects.create(
            host_id=host_id, move_named=move_named, actor=actor.as_json()
        )
        rows = AppInstance.objects.filter(host_id=host_id)
        DrainMove.objects.bulk_create(
            DrainMove(drain=made, instance_id=one.pk, tenant_id=one.tenant_id,
                      app_name=one.app_name)
            for one in rows.exclude(state=InstanceState.TERMINATING).order_by("app_name", "pk")
        )
        journal.record("hosts.host.draining", host, actor=actor,
                       data={"instances": made.moves.count()})
        _finish_if_done(made)
    return made


@transaction.atomic
def uncordon(*, actor: Actor, host_id: uuid.UUID) -> MecHost:
    """Open a host to new instances; a drain ends, and only what is under way goes on."""
    host = set_cordoned(actor=actor, host_id=host_id, cordoned=False)
    for running in HostDrain.objects.select_for_update().filter(
        host_id=host_id, state=DrainState.RUNNING
    ):
        running.state, running.finished_at = DrainState.STOPPED, clock.now()
        running.save(update_fields=["state", "finished_at"])
        running.moves.filter(state=MoveState.WAITING).update(
            state=MoveState.STAYS, reason=STOPPED.as_json()
        )
        journal.record("hosts.host.drain_stopped", host, actor=actor)
    return host


def advance() -> int:
    """Take every move that is not at its end one step on; how many there were."""
    moves = list(DrainMove.objects.filter(state__in=OPEN_MOVES).values_list("pk", flat=True))
    for key in moves:
        try:
            step(key)
        except Exception:
            # One that cannot be moved on now must not hold up the others.
            _log.exception("move %s of a drain could not go on", key)
    return len(moves)


def purge() -> int:
    """Delete drains that ended before their retention."""
    before = clock.now() - timedelta(days=RETENTION_DAYS)
    return HostDrain.objects.filter(finished_at__lt=before).delete()[0]


@transaction.atomic
def step(move_id: int) -> None:
    """One step of one move, under a lock of its row."""
    move = DrainMove.objects.select_for_update().select_related("drain").filter(
        pk=move_id, state__in=OPEN_MOVES
    ).first()
    if move is None:
        return
    old = AppInstance.objects.select_related("package", "host").filter(pk=move.instance_id).first()
    if old is None or old.state == InstanceState.TERMINATING:
        _end(move, MoveState.MOVED, ENDED if move.state == MoveState.WAITING else Reason(""))
    elif move.state == MoveState.WAITING:
        _begin(move, old)
    else:
        _follow(move, old)
    move.save()
    _finish_if_done(move.drain)


def _begin(move: DrainMove, old: AppInstance) -> None:
    """Place the instance elsewhere and order it there."""
    actor = Actor.from_json(move.drain.actor)
    strategy = _strategy(move, old)
    if isinstance(strategy, Reason):
        return _end(move, MoveState.STAYS, strategy)
    thing = Thing(old.tenant_id, old.package, old.app_name)
    kept = keep(choose(actor, thing, strategy), actor=actor, purpose=Purpose.DRAIN)
    move.decision = kept
    if not kept.chosen:
        return _end(move, MoveState.STAYS, NOWHERE)
    host = kept.chosen[0]
    placed = PlacedInstance(decision=kept, position=0, host_id=uuid.UUID(host["id"]),
                            host_name=host["name"], host_ip=host["ip"])
    try:
        with transaction.atomic():
            placed.instance_id = _order(actor, old, placed.host_id)
        move.new_instance_id, move.new_host_name = placed.instance_id, placed.host_name
        move.state = MoveState.MOVING
    except DomainError as error:
        placed.fault = error.reason.as_json()
        _end(move, MoveState.STAYS, error.reason)
    placed.save()
    return None


def _strategy(move: DrainMove, old: AppInstance) -> Strategy | Reason:
    """Where the instance may go instead, or why it may not."""
    decision = placed_by(old.pk)
    if decision is None:
        return Strategy(exclude=(old.host.ip,)) if move.drain.move_named else NAMED
    strategy = decision.asked.strategy
    here = {old.host.ip, old.host.name, str(old.host_id)}
    if strategy.hosts and not set(strategy.hosts) - here:
        return ONLY_HERE
    return replace(strategy, count=1, exclude=(*strategy.exclude, old.host.ip))


def _order(actor: Actor, old: AppInstance, host_id: uuid.UUID) -> uuid.UUID:
    """A new instance like the old one, started where the old one was meant to run."""
    made = services.create_instance(
        actor=actor,
        tenant_id=old.tenant_id,
        spec=CreateSpec(
            package_id=old.package_id,
            host_id=host_id,
            app_name=old.app_name,
            description=old.description,
            capabilities=tuple(old.capabilities),
            parameters=dict(old.parameters),
            allow_missing=old.allow_missing,
        ),
    )
    if old.wanted == InstanceState.INSTANTIATED:
        services.instantiate(actor=actor, instance_id=made.pk)
    return made.pk


def _follow(move: DrainMove, old: AppInstance) -> None:
    """End the old instance once the new one has taken over; give up when it failed."""
    actor = Actor.from_json(move.drain.actor)
    key = move.new_instance_id
    new = AppInstance.objects.filter(pk=key).first() if key else None
    if new is None or new.state == InstanceState.TERMINATING:
        return _end(move, MoveState.STAYS, NEW_ENDED)
    if new.state in _FAILED:
        services.terminate(actor=actor, instance_id=new.pk)
        return _end(move, MoveState.STAYS, new.info)
    if new.state == new.wanted:
        return _replace(move, old, new, actor)
    return None


def _replace(move: DrainMove, old: AppInstance, new: AppInstance, actor: Actor) -> None:
    """End the old instance; where others need it there, it stays and the new one ends."""
    try:
        with transaction.atomic():
            services.terminate(actor=actor, instance_id=old.pk)
    except DomainError as error:
        services.terminate(actor=actor, instance_id=new.pk)
        return _end(move, MoveState.STAYS, error.reason)
    return _end(move, MoveState.MOVED, Reason(""))


def _end(move: DrainMove, state: MoveState, reason: Reason) -> None:
    move.state, move.reason = state, reason.as_json() if reason else {}


def _finish_if_done(made: HostDrain) -> None:
    if made.moves.filter(state__in=OPEN_MOVES).exists():
        return
    done = HostDrain.objects.filter(pk=made.pk, state=DrainState.RUNNING)
    if done.update(state=DrainState.FINISHED, finished_at=clock.now()):
        made.refresh_from_db()
        host = MecHost.objects.filter(pk=made.host_id).first()
        if host is not None:
            stays = made.moves.filter(state=MoveState.STAYS).count()
            journal.record("hosts.host.drained", host, actor=SYSTEM, data={"stays": stays})


def drain_of(host_id: uuid.UUID) -> HostDrain | None:
    """The last drain of a host with its instances; None when there was none."""
    rows = HostDrain.objects.prefetch_related("moves").filter(host_id=host_id)
    return rows.first()
