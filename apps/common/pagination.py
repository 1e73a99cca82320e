"""One paging style for every list: ``?limit=&offset=``; without them, the whole list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as N_
from rest_framework.request import Request

from apps.common.errors import Invalid
from apps.common.words import Reason

MOST, FURTHEST = 500, 10**9


def page(request: Request, rows: QuerySet[Any] | Sequence[Any]) -> Sequence[Any]:
    """The asked slice of ``rows``; Invalid when ``limit`` or ``offset`` is not a sane number."""
    limit = _number(request, "limit", least=1, most=MOST)
    offset = _number(request, "offset", least=0, most=FURTHEST) or 0
    if limit is None:
        return list(rows[offset:])
    return list(rows[offset : offset + limit])


def _number(request: Request, name: str, *, least: int, most: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not digits or not least <= int(text) <= most:
        reason = Reason(
            N_("must be a whole number from %(least)s to %(most)s"),
            params={"least": least, "most": most},
        )
        raise Invalid(N_("The request is not valid."), fields={name: reason})
    return int(text)
