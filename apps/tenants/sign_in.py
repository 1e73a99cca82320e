"""Signing in with a name and a password: local accounts first, then those of the center."""

from __future__ import annotations

import hashlib

from django.core.cache import cache
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Denied, TooManyFailures, Unauthenticated
from apps.tenants.cached import visitor
from apps.tenants.models import User
from apps.tenants.roles import Role

FAILURES_ALLOWED = 10
FAILURE_WINDOW_SECONDS = 300


def sign_in(*, username: str, password: str, address: str) -> User:
    """The user with this name and password; the refusal never says which of the two is wrong."""
    # Hashed, because not every character of a name may stand in the key of a cache.
    who = hashlib.sha256(f"{username.lower()}\0{address}".encode()).hexdigest()
    counter = f"sign-in-failures:{who}"
    if cache.get(counter, 0) >= FAILURES_ALLOWED:
        raise TooManyFailures(N_("Too many wrong attempts; try again in five minutes."))
    user = _found(username, password)
    if user is None or not user.is_active:
        cache.add(counter, 0, FAILURE_WINDOW_SECONDS)
        cache.incr(counter)
        raise Unauthenticated(N_("The user name or the password is not right."), code="sign_in")
    if not user.is_let_in:
        if user.role == Role.GUEST:
            raise Denied(N_("Guest access is switched off at this site."))
        raise Denied(N_("Administrators of the center may not sign in at this edge."))
    cache.delete(counter)
    return user


def _found(username: str, password: str) -> User | None:
    """The account of that name if the password is right, here or at the center."""
    user = User.objects.select_related("tenant").filter(username__iexact=username).first()
    if user is not None and not user.is_cached:
        return user if user.check_password(password) else None
    if user is None:
        # A password is hashed either way, so that the time taken tells nothing about the name.
        User().set_password(password)
    return visitor(user, username, password)
