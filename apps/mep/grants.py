"""Tokens of applications that were verified before: what the heartbeat lane asks instead of a key.

In memory and by the whole Authorization value.  A grant ends with its token, and at once when the
application or its credentials do.
"""

from __future__ import annotations

import threading
import uuid

from django.conf import settings

from apps.common import clock
from apps.mep.liveness.book import Producer, book
from apps.mep.models import Application

MOST = 200_000
MOST_EACH = 8  # tokens of one application; its oldest is verified again when it comes
SHARED_SECONDS = 30.0


class Grant:
    """A verified token: for which application, and until when (seconds since the epoch)."""

    __slots__ = ("application", "expires", "producer")

    def __init__(self, application: Application, expires: float) -> None:
        self.application = application
        self.producer: Producer = book.producer(application.pk)
        self.expires = expires


_grants: dict[bytes, Grant] = {}
_revocations = 0
_lock = threading.RLock()
_of: dict[uuid.UUID, dict[bytes, None]] = {}


def find(authorization: bytes, now: float | None = None) -> Grant | None:
    """The grant of an Authorization value that still holds (``now``: seconds since the epoch)."""
    grant = _grants.get(authorization)
    if grant is not None and grant.expires <= (clock.wall() if now is None else now):
        _drop(authorization, grant)
        return None
    return grant


def mark() -> int:
    """To be taken before a token is verified, and shown with ``remember``."""
    return _revocations


def remember(authorization: bytes, application: Application, expires: float, marked: int) -> None:
    """Keep what was verified, unless something was revoked since ``marked``.

    With it the row of the application: whoever changes that revokes.
    """
    if settings.REDIS_URL:  # what another process revokes is noticed when it is verified again
        expires = min(expires, clock.wall() + SHARED_SECONDS)
    with _lock:
        if marked != _revocations:
            return
        if len(_grants) >= MOST:
            _drop_expired()
        _grants[authorization] = Grant(application, expires)
        own = _of.setdefault(application.pk, {})
        own[authorization] = None
        if len(own) > MOST_EACH:
            oldest = next(iter(own))
            _drop(oldest, _grants[oldest])


def revoke(application_id: uuid.UUID) -> None:
    """End every grant of an application."""
    global _revocations
    with _lock:
        _revocations += 1
        for authorization in _of.pop(application_id, ()):
            _grants.pop(authorization, None)


def clear() -> None:
    """Forget all, as at the start of a process."""
    _grants.clear()
    _of.clear()


def _drop(authorization: bytes, grant: Grant) -> None:
    with _lock:
        _grants.pop(authorization, None)
        _of.get(grant.producer.id, {}).pop(authorization, None)


def _drop_expired() -> None:
    now = clock.wall()
    for authorization, grant in list(_grants.items()):
        if grant.expires <= now:
            _drop(authorization, grant)
    if len(_grants) >= MOST:  # all of them hold: they are verified again when they come
        clear()
