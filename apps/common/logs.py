"""Log lines that nobody can forge and that tell no secret, whoever wrote the text in them."""

from __future__ import annotations

import logging
import re

MASK = "•••"
# Line separators of every kind, what moves a terminal's cursor or turns its writing around, and
# halves of surrogate pairs, which no stream can write.
_CONTROL = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_NAME = r"(?:secret|token|password|passwd|signature|credentials?|(?:secret|access|api)[_-]?key)"
_VALUE = r"(?P<value>(?<=\")[^\"]+|(?<=')[^']+|[^\s\"',;&}\\]+)"
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*",  # a JSON Web Token
        r"\bbearer\s+(?P<value>[^\s\"',;]+)",
        r"\bbasic\s+(?P<value>[A-Za-z0-9+/=_-]{8,})",
        # User and password in an address; a token may be either.
        r"://(?P<value>[^/\s@]+)(?=@)",
        # A member of a document, a header or an assignment, with any quotes around either side.
        rf"(?:{_NAME}|\bsk)[\\\"']*\s*[:=]\s*(?:\\?[\"'])?{_VALUE}",
        # A parameter of an address, which may itself be written within another.
        rf"(?:[?&;#]|%3F|%26)[\w.-]*(?:{_NAME}|key|sig|code|auth)(?:=|%3D)(?P<value>[^\s&\"'%]+)",
    )
)


def one_line(text: str) -> str:
    """``text`` with control characters written out, so that it stays one line."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def masked(text: str) -> str:
    """``text`` without tokens, keys and signatures."""
    for pattern in _SECRETS:
        text = pattern.sub(_mask, text)
    return text


def _mask(found: re.Match[str]) -> str:
    if "value" not in found.re.groupindex:
        return MASK
    start, end = (place - found.start() for place in found.span("value"))
    return found[0][:start] + MASK + found[0][end:]


class OneLineFormatter(logging.Formatter):
    """One line per message; a stack below it is indented, so that it cannot pass for lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The record; what another formatter made of its exception is not taken over."""
        kept = record.exc_text
        record.exc_text = None if record.exc_info or not kept else _indented(kept)
        try:
            return super().format(record)
        finally:
            record.exc_text = kept

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line itself."""
        record.message = one_line(record.message)
        return masked(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's own name
        """The stack, each line of it marked."""
        return _indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's own name
        """The same for a stack without an exception."""
        return _indented(stack_info)


def _indented(text: str) -> str:
    return "\n".join(f"    {one_line(masked(line))}" for line in text.split("\n"))
