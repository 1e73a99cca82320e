"""Log lines that nobody can forge and that tell no secret, whoever wrote the text in them."""

from __future__ import annotations

import logging
import re

MASK = "•••"
# Line separators of every kind, and what moves a terminal's cursor.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_SECRETS = (
    re.compile(r"\beyJ[\w-]{4,}\.[\w-]{4,}\.[\w-]*"),  # a JSON Web Token
    re.compile(r"(?i)(?<=bearer )[^\s\"',;]+"),
    re.compile(r"(?i)(?<=basic )[A-Za-z0-9+/=_-]{8,}"),
    re.compile(r"(?i)(?<=signature=)[0-9a-f]{16,}"),
    re.compile(r"(?i)(?<=://)[^/\s@:]+:[^/\s@]+(?=@)"),  # credentials in an address
    re.compile(
        r"(?i)(?:secret_?key|password|access_token|client_secret|\bsk)[\"']?\s*[:=]\s*[\"']?"
        r"(?P<value>[^\s\"',;&}]+)"
    ),
    re.compile(r"(?i)[?&](?:token|key|secret|sig|signature|password|code)=(?P<value>[^\s&\"']+)"),
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
    value = found.groupdict().get("value")
    return found[0].replace(value, MASK) if value else MASK


class OneLineFormatter(logging.Formatter):
    """One line per message; a stack below it is indented, so that it cannot pass for lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line itself."""
        record.message = one_line(record.message)
        return masked(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's own name
        """The stack, each line of it marked."""
        text = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"    {one_line(masked(line))}" for line in text.split("\n"))
