"""The Celery application; tasks are found in the ``tasks`` module of each app."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")

app = Celery("mecm_portal")
# The current application is a matter of each thread; tasks run and are sent in many.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_postrun.connect
def _keep_connections(*, sender: Any, **_: Any) -> None:
    """Close a connection that broke or grew old, as Django does after a request, and keep others.

    One of a task that is run in place is its caller's.
    """
    if not getattr(sender.request, "is_eager", False):
        close_old_connections()
