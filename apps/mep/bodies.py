"""Request bodies: JSON into the types of MEC 011, or an error that names the field."""

from __future__ import annotations

import re
import threading
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http.request import UnreadablePostError
from django.utils.translation import gettext_noop as N_
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.common.errors import DomainError, Invalid
from apps.common.words import Reason

MOST_BYTES = 64 * 1024
# Free-form members are kept and handed on, so what breaks somebody's decoder must not get in.
MOST_LEVELS = 32
T = TypeVar("T", bound=msgspec.Struct)
_MEDIA_TYPE = re.compile(r"\s*(?:\*/\*|application/(?:[\w.+-]+\+)?json)\s*(?:;|$)", re.IGNORECASE)
_WHERE = re.compile(r"^(?P<said>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
# A NUL cannot be stored by every database; one that is written with an even number of backslashes
# before it is text.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_TEXT_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_FLOAT_FOR_INT = re.compile(r"Expected `int[^`]*`, got `float`")
_MOST_EXACT = 2.0**53  # beyond it floats and integers part
_SAYINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Object missing required field `(?P<field>.+)`"), N_("is missing")),
    (
        re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`"),
        N_("must be of the type %(expected)s and is %(got)s"),
    ),
    (re.compile(r"Invalid enum value (?P<got>.+)"), N_("cannot be %(got)s")),
    (
        re.compile(r"Expected `\w+` (?P<least>>=|<=) (?P<number>-?\d+)"),
        N_("must be %(least)s %(number)s"),
    ),
    (
        re.compile(r"Expected `\w+` of length (?P<least>>=|<=) (?P<number>\d+)"),
        N_("must have a length %(least)s %(number)s"),
    ),
    (re.compile(r"Expected `\w+` matching regex .*"), N_("must not contain control characters")),
)


class BodyTooLarge(DomainError):
    """The body is larger than any document of MEC 011 needs to be."""

    status = 413
    title = N_("Too large")
    default_code = "too_large"


def read(request: Request, kind: type[T], *, most: int = MOST_BYTES) -> T:
    """The body as ``kind``, bare or wrapped in a member of its name (MEC 011 v3's YAML)."""
    return decode(raw(request, most), kind)


def raw(request: Request, most: int = MOST_BYTES) -> bytes:
    """The bytes of a JSON body; clients that state no media type, or any, are taken at that."""
    stated = request.content_type or ""
    if stated and not _MEDIA_TYPE.match(stated):
        raise UnsupportedMediaType(stated)
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        body: bytes = b"" if length > most else request._request.body
    except RequestDataTooBig:
        length, body = most + 1, b""
    except (UnreadablePostError, ValueError):
        raise Invalid(N_("The body could not be read to its end."), code="malformed") from None
    if length > most or len(body) > most:
        raise BodyTooLarge(
            N_("The body is larger than %(most)s bytes."), code="too_large", most=most
        )
    return body


def decode(body: bytes, kind: type[T]) -> T:
    """The document in ``body``; Invalid says which member is wrong and what would be right."""
    if _NUL.search(body):
        raise Invalid(N_("The body has a NUL character in it."), code="malformed")
    if _is_deep(body):
        raise Invalid(
            N_("The body is nested deeper than %(most)s levels."), code="malformed",
            most=MOST_LEVELS,
        )
    try:
        return _decoded(_bare(body, kind.__name__), kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(N_("The body is not well-formed JSON."), code="malformed") from None


def _decoded(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """The document; 1.0 is a whole number as well (JSON Schema 2020-12, validation 6.1.1)."""
    decoder = _decoder(kind)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        if not _FLOAT_FOR_INT.match(str(error)):
            raise
    return decoder.decode(msgspec.json.encode(_whole(msgspec.json.decode(body))))


def _whole(value: Any) -> Any:
    """The same with integers in the place of floats that have no fraction."""
    if isinstance(value, dict):
        return {name: _whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_whole(member) for member in value]
    exact = isinstance(value, float) and value.is_integer() and abs(value) <= _MOST_EXACT
    return int(value) if exact else value


def as_plain(value: Any) -> Any:
    """A document as JSON-able data, absent members left out."""
    return msgspec.to_builtins(value)


def _is_deep(body: bytes) -> bool:
    """Whether brackets that are not within text are nested too deep; cheap for what is usual."""
    if body.count(b"[") + body.count(b"{") <= MOST_LEVELS:
        return False
    level = 0
    for found in _TEXT_OR_BRACKET.finditer(body):
        first = found[0][:1]
        if first in b"[{":
            level += 1
            if level > MOST_LEVELS:
                return True
        elif first != b'"':
            level -= 1
    return False


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder of a type.  Two threads that make decoders at once bring msgspec 0.22 down."""
    found = _decoders.get(kind)
    if found is None:
        with _making:
            found = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    return found


_decoders: dict[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _bare(body: bytes, name: str) -> bytes | msgspec.Raw:
    """What is in the wrapper of that name, where it is the only member."""
    if name.encode() not in body:
        return body
    try:
        outer = _envelope.decode(body)
    except msgspec.DecodeError:
        return body
    return outer[name] if len(outer) == 1 and name in outer else body


def _invalid(said: str) -> Invalid:
    match = _WHERE.match(said)
    text, path = (match["said"], match["path"] or "") if match else (said, "")
    path = path.replace("[...]", "[]")
    reason = Reason(text.replace("%", "%%"), "invalid")
    for pattern, sentence in _SAYINGS:
        found = pattern.fullmatch(text)
        if found:
            params = found.groupdict()
            field = params.pop("field", "")
            path = ".".join(part for part in (path, field) if part)
            reason = Reason(sentence, "invalid", params)
            break
    return Invalid(
        N_("The request is not valid."),
        fields={path or "body": reason},
        message="input validation failed",
    )
