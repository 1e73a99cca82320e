"""Secrets that are sealed at rest and masked everywhere else.  Not for passwords of people."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    # What is read is a Secret; what may be written is a Secret or text.
    _TextField = models.TextField["Secret | str", "Secret"]
else:
    _TextField = models.TextField


class Secret:
    """A value whose ``repr`` and ``str`` are masked; ``reveal`` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)" if self._value else "Secret()"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@lru_cache(maxsize=4)
def _box(key: str) -> Fernet:
    digest = hashlib.sha256(b"mecm sealed field\0" + key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def seal(value: str) -> str:
    """Encrypt and authenticate ``value`` under the site's key."""
    return _box(settings.SECRET_KEY).encrypt(value.encode()).decode()


def unseal(token: str) -> str:
    """What was sealed; ValueError when this site's key did not seal it."""
    try:
        return _box(settings.SECRET_KEY).decrypt(token.encode()).decode()
    except InvalidToken:
        raise ValueError("This value was sealed with another site key.") from None


class SealedField(_TextField):
    """A text column that holds a :class:`Secret`, encrypted with the site's key."""

    def from_db_value(self, value: str | None, *_: object) -> Secret:
        """A Secret from the stored token; an empty column is an empty Secret."""
        return Secret(unseal(value) if value else "")

    def to_python(self, value: Any) -> Secret:
        """Accept a Secret or plain text."""
        return value if isinstance(value, Secret) else Secret(value or "")

    def get_prep_value(self, value: Any) -> str:
        """The sealed form that is written."""
        secret = self.to_python(value)
        return seal(secret.reveal()) if secret else ""
