"""Jobs that span contexts, and the news that starts them at once instead of at the next sweep."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.hosts.selectors import local_hosts, owes_delivery, undelivered
from apps.instances import operations
from apps.instances.models import AppInstance
from apps.instances.rollouts import of_operation, unfinished
from apps.instances.states import InstanceState
from apps.journal.fanout import Event
from apps.orchestration import decisions, delivery, draining, engine, following, images, rollouts

# What a sweep asked for and nobody took until the next one is asked for again.
SWEEP_SECONDS = 4


@shared_task
def run_operation(operation_id: str) -> dict[str, float | None]:
    """Work on an operation and come back when it wants to go on."""
    seconds = engine.run(uuid.UUID(operation_id))
    if seconds is not None:
        run_operation.apply_async((operation_id,), countdown=seconds)
    return {"again_in": seconds}


@shared_task
def sweep_operations() -> dict[str, int]:
    """Pick up what is due, also what a dead worker or a lost message left behind."""
    waiting = operations.due()
    for operation_id in waiting:
        run_operation.apply_async((str(operation_id),), expires=SWEEP_SECONDS)
    return {"due": len(waiting)}


@shared_task
def advance_rollout(rollout_id: str) -> dict[str, bool]:
    """Do what is due in one rollout."""
    return {"moved": rollouts.advance(uuid.UUID(rollout_id))}


@shared_task
def sweep_rollouts() -> dict[str, int]:
    """Pick up rollouts whose last news was lost."""
    waiting = unfinished()
    for rollout_id in waiting:
        advance_rollout.apply_async((str(rollout_id),), expires=SWEEP_SECONDS)
    return {"unfinished": len(waiting)}


@shared_task
def purge_operations() -> dict[str, int]:
    """Keep finished operations within their retention."""
    return {"deleted": operations.purge() + decisions.purge() + draining.purge()}


@shared_task
def advance_drains() -> dict[str, int]:
    """Move what is on drained hosts one step on."""
    return {"moves": draining.advance()}


@shared_task
def watch_workloads() -> dict[str, int]:
    """Look at what runs on the hosts of this site."""
    return following.watch()


@shared_task
def probe_hosts() -> dict[str, int]:
    """Probe the hosts of this site and deliver what other edges still lack."""
    local = list(local_hosts().values_list("pk", flat=True))
    for host_id in local:
        probe_host.apply_async((str(host_id),), expires=SWEEP_SECONDS)
    owed = undelivered()
    for host in owed:
        deliver_host.apply_async((str(host.pk),), expires=SWEEP_SECONDS)
    return {"local": len(local), "owed": len(owed)}


@shared_task
def probe_host(host_id: str) -> dict[str, int]:
    """Probe one host of this site."""
    return {"news": sum(delivery.probe(host) for host in local_hosts().filter(pk=host_id))}


@shared_task
def deliver_host(host_id: str) -> dict[str, str]:
    """Bring one host's configuration to its edge.

    The job of a change that was made meanwhile found the delivery taken and ended: go on for it.
    """
    came = delivery.deliver(uuid.UUID(host_id))
    if came == "delivered" and owes_delivery(uuid.UUID(host_id)):
        deliver_host.delay(host_id)
    return {"came": came}


def on_operation_queued(event: Event) -> None:
    """An operation was queued: start it."""
    run_operation.delay(event.subject_id)


def on_operation_ended(event: Event) -> None:
    """An operation ended: the rollout that it is part of goes on."""
    for rollout_id in of_operation(uuid.UUID(event.subject_id)):
        advance_rollout.delay(str(rollout_id))


def on_instance_observed(event: Event) -> None:
    """An edge told something new of one instance or of many: what waits for it goes on."""
    if not event.data.get("awaited", True):
        return
    ids = event.data.get("ids") or [event.subject_id]
    for operation_id in operations.nudge(*map(uuid.UUID, ids)):
        run_operation.delay(str(operation_id))


def on_host_configured(event: Event) -> None:
    """A host was configured: deliver it, or probe it when it is ours."""
    deliver_host.delay(event.subject_id)
    probe_host.delay(event.subject_id)


def on_host_draining(event: Event) -> None:
    """A drain was ordered: begin it."""
    advance_drains.delay()


def on_edge_reachable(event: Event) -> None:
    """An edge answers again: give it what it missed."""
    for host in undelivered(edge_id=uuid.UUID(event.subject_id)):
        deliver_host.delay(str(host.pk))


@shared_task
def release_images() -> dict[str, int]:
    """Take images off hosts that their packages have left."""
    return {"released": images.release_unused()}


def on_package_withdrawn(event: Event) -> None:
    """A package has left a host: what it had there in images goes too."""
    release_images.delay()


def on_package_arrived(event: Event) -> None:
    """A package, or an image for one, arrived at a host: instances that wait for it go on."""
    if "package_id" not in event.data:
        return
    waiting = AppInstance.objects.filter(
        package_id=event.data["package_id"],
        host_id=event.data["host_id"],
        state__in=(InstanceState.CREATED, InstanceState.INSTANTIATING),
    )
    for instance_id in waiting.values_list("pk", flat=True):
        for operation_id in operations.nudge(instance_id):
            run_operation.delay(str(operation_id))
