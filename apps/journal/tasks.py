"""Jobs of the record."""

from celery import shared_task
from django.core.management import call_command

from apps.journal import services


@shared_task
def purge() -> dict[str, int]:
    """Keep the record within its retention, and sessions that are over out of the database."""
    call_command("clearsessions")
    return services.purge()
