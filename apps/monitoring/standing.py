"""Whether the person behind a socket is still signed in.  A page asks this by itself; a socket asks
again from time to time."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from apps.tenants.actors import Actor
from apps.tenants.models import User

_store: Any = import_module(settings.SESSION_ENGINE).SessionStore


def standing(session_key: str | None) -> Actor | None:
    """Who the session belongs to now; None after sign-out, lock-out or another password."""
    if not session_key:
        return None
    session = _store(session_key)
    key, proof = session.get(SESSION_KEY), session.get(HASH_SESSION_KEY, "")
    user = User.objects.filter(pk=key, is_active=True).first() if key else None
    if user is None or not constant_time_compare(proof, user.get_session_auth_hash()):
        return None
    return user.actor if user.is_let_in else None
