"""Jobs of the record."""

from celery import shared_task

from apps.journal import services


@shared_task
def purge() -> dict[str, int]:
    """Keep the record within its retention."""
    return services.purge()
