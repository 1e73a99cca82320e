"""Jobs of the MEC platform."""

from celery import shared_task

from apps.mep import calls
from apps.mep.notify import queue


@shared_task
def purge() -> dict[str, int]:
    """Keep deliveries, events and call counts within their retention."""
    return queue.purge() | {"counts": calls.purge()}
