"""AK/SK signed token requests: who may have a token, and who has tried too often.

Failures are counted per access key and source address together, so that a stranger who guesses
locks out nobody but themselves; a source that guesses across many keys is told to wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Denied, Invalid, TooManyFailures, Unauthenticated
from apps.mep import signature
from apps.mep.models import Application, Credential
from apps.tenants import tokens

P = ParamSpec("P")
T = TypeVar("T")
FAILURES_ALLOWED, SOURCE_FAILURES_ALLOWED = 3, 60
WINDOW_SECONDS, LOCK_SECONDS = 300, 900


def sign_in(message: signature.Message, authorization: str, *, address: str) -> Application:
    """The application that signed a request.

    Invalid for a malformed signature, Unauthenticated for none, an unknown key, a wrong signature
    or one that was seen before, Denied for a wrong one while the key is locked for this address.
    """
    if not authorization.strip().startswith(signature.ALGORITHM):
        raise Unauthenticated(N_("The request is not signed."))
    signed = _readable(signature.parse_authorization, authorization)
    pair = _name("mep-ak", f"{signed.access_key}\0{address}")
    source = _name("mep-source", address)
    row = Credential.objects.select_related("application").filter(
        access_key=signed.access_key
    ).first()
    # A signature is computed either way, so that the time taken tells nothing about the key.
    secret = row.secret_key.reveal() if row else "0" * 64
    try:
        nonce = _readable(signature.verify, signed, secret, message, clock.now())
    except signature.Stale:
        raise Unauthenticated(N_("x-sdk-date is more than 15 minutes from now."), code="stale")
    except signature.WrongSignature:
        row = None
    if row is None:
        # A right signature passes all the same: others may share the address of whoever guesses.
        if cache.get(f"{pair}:locked"):
            raise Denied(N_("This access key is locked for your address; wait 15 minutes."))
        _note_failure(pair, source)
        if cache.get(source, 0) > SOURCE_FAILURES_ALLOWED:
            raise TooManyFailures(N_("Too many wrong attempts; try again in five minutes."))
        raise Unauthenticated(N_("The access key or the signature is not right."))
    if not cache.add(_name("mep-nonce", nonce), 1, signature.NONCE_SECONDS):
        raise Unauthenticated(N_("This signed request was used before; sign a new one."))
    cache.delete(pair)
    return row.application


def issue(application: Application, *, address: str) -> dict[str, object]:
    """A token that speaks for ``application``, as the original's endpoint answers it."""
    mep = settings.MEP
    seconds = int(mep["token_seconds"])
    token = tokens.application_token(
        application.pk,
        stamp=application.stamp,
        lifetime=timedelta(seconds=seconds),
        extra={"clientip": address or "UNKNOWN_IP"},
    )
    return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}


def _readable(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` returns; Invalid for a request whose form it refuses."""
    try:
        return work(*args, **kwargs)
    except ValueError as error:
        raise Invalid(
            N_("The signature cannot be read: %(why)s."), why=str(error), code="signature"
        ) from None


def _note_failure(pair: str, source: str) -> None:
    _count(source)
    if _count(pair) >= FAILURES_ALLOWED:
        cache.set(f"{pair}:locked", 1, LOCK_SECONDS)
        cache.delete(pair)


def _count(counter: str) -> int:
    """One more failure; a counter that was dropped meanwhile begins anew."""
    cache.add(counter, 0, WINDOW_SECONDS)
    try:
        return cache.incr(counter)
    except ValueError:
        cache.set(counter, 1, WINDOW_SECONDS)
        return 1


def _name(kind: str, text: str) -> str:
    """Hashed, because not every character of a client's text may stand in the key of a cache."""
    return f"{kind}:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()}"
