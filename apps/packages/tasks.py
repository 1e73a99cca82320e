"""Jobs of packages: each fetches by id, calls a service, and returns a small dictionary."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.journal.fanout import Event
from apps.packages import distribution_work, onboarding, services, store_work
from apps.packages.models import Package
from apps.tenants.actors import SYSTEM

# What a sweep asked for and nobody took until the next one is asked for again.
SWEEP_SECONDS = 4
NOT_DUE = "not due"


@shared_task
def work_on_distribution(distribution_id: str) -> dict[str, str]:
    """Move one distribution on, and let the next begin that had to wait for it."""
    came = distribution_work.work_on(uuid.UUID(distribution_id))
    if came != NOT_DUE:
        for waiting in distribution_work.due()[:1]:
            work_on_distribution.apply_async((str(waiting),), expires=SWEEP_SECONDS)
    return {"came": came}


@shared_task
def sweep_distributions() -> dict[str, int]:
    """Pick up what is due, also what a dead worker or a lost message left behind."""
    waiting = distribution_work.due()
    for distribution_id in waiting:
        work_on_distribution.apply_async((str(distribution_id),), expires=SWEEP_SECONDS)
    leaving = Package.objects.filter(removing=True).values_list("pk", flat=True)
    gone = [services.forget_when_gone(actor=SYSTEM, package_id=pk) for pk in leaving]
    return {"due": len(waiting), "forgotten": sum(gone)}


@shared_task
def sweep_orphans() -> dict[str, int]:
    """Delete package files that no row names."""
    return {"deleted": services.sweep_orphans()}


def on_event(event: Event) -> None:
    """Start at once what the sweep would find in its next round."""
    if event.verb == "packages.distribution.withdrawn":
        forget_package.delay(event.data["package_id"])
    else:
        work_on_distribution.delay(event.subject_id)


@shared_task
def forget_package(package_id: str) -> dict[str, bool]:
    """Delete a package that is being removed once it is nowhere any more."""
    key = uuid.UUID(package_id)
    return {"forgotten": services.forget_when_gone(actor=SYSTEM, package_id=key)}


@shared_task
def fetch_from_store(store_package_id: str) -> dict[str, str]:
    """Fetch one package from its application store, and let the next begin."""
    came = store_work.work_on(uuid.UUID(store_package_id))
    if came != NOT_DUE:
        for waiting in store_work.due()[:1]:
            fetch_from_store.apply_async((str(waiting),), expires=SWEEP_SECONDS)
    return {"came": came}


@shared_task
def sweep_fetches() -> dict[str, int]:
    """Pick up what is due, and what waits for a file that has come meanwhile."""
    waiting = store_work.due()
    for store_package_id in waiting:
        fetch_from_store.apply_async((str(store_package_id),), expires=SWEEP_SECONDS)
    return {"due": len(waiting), "settled": onboarding.settle_all()}


def on_store_event(event: Event) -> None:
    """Start at once what the sweep would find in its next round."""
    fetch_from_store.delay(event.subject_id)
