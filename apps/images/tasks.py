"""Jobs of images: each fetches by id, calls a service, and returns a small dictionary."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.images import work
from apps.journal.fanout import Event

# What a sweep asked for and nobody took until the next one is asked for again.
SWEEP_SECONDS = 4


@shared_task
def work_on_image(image_id: str) -> dict[str, str]:
    """Move one image on."""
    return {"came": work.work_on(uuid.UUID(image_id))}


@shared_task
def sweep_images() -> dict[str, int]:
    """Pick up what is due, also what a dead worker or a lost message left behind."""
    waiting = work.due()
    for image_id in waiting:
        work_on_image.apply_async((str(image_id),), expires=SWEEP_SECONDS)
    return {"due": len(waiting)}


def on_event(event: Event) -> None:
    """Start at once what the sweep would find in its next round.

    Whoever orders a snapshot takes its first step, and hears at once of a refusal.
    """
    if event.verb == "images.image.ordered" and "instance_id" in event.data:
        return
    work_on_image.delay(event.subject_id)
