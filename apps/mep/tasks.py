"""Jobs of the MEC platform."""

from celery import shared_task

from apps.mep import calls, rules, termination
from apps.mep import mirror as mirroring
from apps.mep.notify import queue


@shared_task
def mirror() -> dict[str, int | str]:
    """Bring the copy at a service center up to date."""
    return mirroring.run()


@shared_task
def lapse() -> dict[str, int]:
    """Take back the announcements of ends that did not come."""
    return {"lapsed": termination.lapse()}


@shared_task
def purge() -> dict[str, int]:
    """Keep deliveries, events, call counts and tasks within their retention."""
    return queue.purge() | {"counts": calls.purge(), "tasks": rules.purge()}
