"""The Celery application; tasks are found in the ``tasks`` module of each app."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecm_portal.settings")

app = Celery("mecm_portal")
# The current application is a matter of each thread; tasks run and are sent in many.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
