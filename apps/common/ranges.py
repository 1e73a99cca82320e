"""Parts of a representation: Range, If-Range, 206 and 416 (RFC 9110 clauses 13.1.5, 14 and 15)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotSatisfiable

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """So many bytes from ``start`` on."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """The header of a 206 about a representation of ``size`` bytes."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def asked_span(headers: Mapping[str, str], size: int, tag: str) -> Span | None:
    """The part that a request asks for; None for the whole.

    A Range that is no single range of bytes is ignored, as is one that was meant for another
    representation than that of ``tag``.  Raises NotSatisfiable for one that starts past the end.
    """
    found = _ONE.fullmatch(headers.get("Range", "").strip())
    if found is None or headers.get("If-Range", tag) != tag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        length = min(int(last), size)
        start = size - length
    else:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
        length = end - start + 1
    if length <= 0:
        raise NotSatisfiable(
            N_("There are only %(size)s bytes."), headers={"Content-Range": f"bytes */{size}"},
            size=size,
        )
    return Span(start, length)
