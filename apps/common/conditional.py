"""ETag and If-Match: a change of what is still as it was read (RFC 9110 clauses 8.8.3, 13.1.1)."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext_noop as N_

from apps.common.errors import PreconditionFailed


def etag(version: int) -> str:
    """The tag of a row in this version."""
    return f'"{version}"'


def check_match(given: str, present: Iterable[str]) -> None:
    """PreconditionFailed when an If-Match names none of the tags that are ``present``, nor any."""
    if not {"*", *present} & {tag.strip() for tag in given.split(",")}:
        raise PreconditionFailed(
            N_("If-Match names another state of the resource; read it again."),
            message="Precondition failed",
        )
