"""SDK-HMAC-SHA256: the signature with which an application asks for its first token.

One stage of HMAC over method, path, query, some headers and the body, as the signers of the
EdgeGallery SDKs make it.  They check the form of the date only; here it has to be recent, and each
signed request is good for one use.  Pure: who has which key, and which requests were used, is known
to the caller.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

ALGORITHM = "SDK-HMAC-SHA256"
DATE_HEADER = "x-sdk-date"
WINDOW = timedelta(minutes=15)
# A request dated at the far end of the window stays good until its near end has passed.
NONCE_SECONDS = int(2 * WINDOW.total_seconds())

_DATE_FORM = "%Y%m%dT%H%M%SZ"
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_AUTHORIZATION = re.compile(
    ALGORITHM + r" +Access=(?P<access_key>[A-Za-z0-9_=+/]{20}), *"
    r"SignedHeaders=(?P<signed_headers>[a-z0-9-]+(?:;[a-z0-9-]+)*), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_LONGEST = 512


class WrongSignature(Exception):
    """Well formed, but not made with this key over this request: 401, and counted against it."""


class Stale(Exception):
    """Rightly signed, but too long ago or ahead: 401, though no attempt at guessing a key."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What the Authorization header says."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it was received.

    ``path`` is decoded and ``query`` is its decoded pairs.  ``headers`` are name and value in the
    order of arrival, a repeated one each time; among them ``host`` with its port, which is why a
    gateway in front has to keep it.
    """

    method: str
    path: str
    headers: Sequence[tuple[str, str]]
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        """The trimmed values of a header, whose name is given in lower case."""
        return [value.strip() for key, value in self.headers if key.lower() == name]


def parse_authorization(text: str) -> Signed:
    """Take the header apart; ValueError when it is not of this scheme or does not cover enough.

    Host and date have to be signed: without them a signature would do elsewhere and for ever.
    """
    found = _AUTHORIZATION.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError(f"not of the form {ALGORITHM} Access=…, SignedHeaders=…, Signature=…")
    names = found["signed_headers"].split(";")
    if len(set(names)) != len(names):
        raise ValueError("a header is named twice")
    if not {"host", DATE_HEADER} <= set(names):
        raise ValueError(f"host and {DATE_HEADER} have to be signed")
    return Signed(found["access_key"], tuple(sorted(names)), found["signature"])


def canonical_request(message: Message, signed_headers: Iterable[str]) -> str:
    """The request as both sides write it down; ValueError when a signed header is missing."""
    names = sorted(signed_headers)
    return "\n".join(
        [
            message.method.upper(),
            _canonical_path(message.path),
            "&".join(sorted(f"{_escaped(key)}={_escaped(value)}" for key, value in message.query)),
            "".join(f"{name}:{_canonical_value(message, name)}\n" for name in names),
            ";".join(names),
            hashlib.sha256(message.body).hexdigest(),
        ]
    )


def signature(secret_key: str, date: str, request: str) -> str:
    """The signature, in hex, over a canonical request at a date as the header writes it."""
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{date}\n{digest}"
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def verify(signed: Signed, secret_key: str, message: Message, now: datetime) -> str:
    """Check a request against the key of its sender and return the nonce of this one use.

    The caller stores the nonce for ``NONCE_SECONDS`` and refuses a request whose nonce it has.  For
    an unknown access key, call it with any secret, so that both cases take equally long.

    Raises ValueError (400) for a malformed request, WrongSignature, and Stale when only the date is
    wrong, so that a clock that is off does not lock a key.
    """
    date, at = _dated(message)
    expected = signature(secret_key, date, canonical_request(message, signed.signed_headers))
    if not hmac.compare_digest(expected, signed.signature):
        raise WrongSignature
    if abs(now - at) > WINDOW:
        raise Stale
    return f"{signed.access_key}:{date}:{expected}"


def _dated(message: Message) -> tuple[str, datetime]:
    values = message.values(DATE_HEADER)
    if len(values) != 1 or not _DATE.fullmatch(values[0]):
        raise ValueError(f"one {DATE_HEADER} of the form YYYYMMDDTHHMMSSZ is needed")
    return values[0], datetime.strptime(values[0], _DATE_FORM).replace(tzinfo=UTC)


def _canonical_path(path: str) -> str:
    segments = [_escaped(part) for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join(["", *segments, ""])


def _canonical_value(message: Message, name: str) -> str:
    values = message.values(name)
    if not values:
        raise ValueError(f"the signed header {name} is missing")
    return ",".join(sorted(values))


def _escaped(text: str) -> str:
    """As Go's QueryEscape: a space becomes a plus, only letters, digits and ``-_.~`` stay."""
    return quote_plus(text, safe="")
