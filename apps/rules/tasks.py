"""Jobs that hand rules over, and the news that starts them at once instead of at the next sweep."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.journal.fanout import Event
from apps.rules import work

SWEEP_SECONDS = 4


@shared_task
def hand_over(task_id: str) -> dict[str, float | None]:
    """Work on one task, and come back when it wants to be tried again."""
    seconds = work.work_on(uuid.UUID(task_id))
    if seconds is not None:
        hand_over.apply_async((task_id,), countdown=seconds)
    return {"again_in": seconds}


@shared_task
def sweep() -> dict[str, int]:
    """Pick up what is due, also what a dead worker or a lost message left behind."""
    waiting = work.due()
    for task_id in waiting:
        hand_over.apply_async((str(task_id),), expires=SWEEP_SECONDS)
    return {"due": len(waiting)}


@shared_task
def purge() -> dict[str, int]:
    """Keep finished tasks within their retention."""
    return {"deleted": work.purge()}


def on_task_created(event: Event) -> None:
    """Rules were ordered: hand them over."""
    hand_over.delay(event.subject_id)


def on_instance_running(event: Event) -> None:
    """An instance runs now: its rules wait no longer."""
    for task_id in work.nudge(instance_id=uuid.UUID(event.subject_id)):
        hand_over.delay(str(task_id))


def on_edge_reachable(event: Event) -> None:
    """An edge answers again: give it the rules that it missed."""
    for task_id in work.nudge(instance__host__applcm_id=uuid.UUID(event.subject_id)):
        hand_over.delay(str(task_id))
