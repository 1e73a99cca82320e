"""Composition root: settings, roles, URLs, ASGI, Celery.  No domain logic lives here."""

from mecm_portal.celery import app as celery_app

__all__ = ["celery_app"]
