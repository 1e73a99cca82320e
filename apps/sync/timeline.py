"""Marks in the history of a site, by which a reader knows it again.

A mark is set whenever the process starts.  A site that was restored from a backup starts too, and
sets a mark that no reader of the lost history has seen below the version up to which it read.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.models import next_version
from apps.sync.models import Mark

MOST_TOLD = 100


class Forked(Conflict):
    """The reader read another history of this site; ``extra["marks"]`` has those of this one."""

    default_code = "forked"


@transaction.atomic
def set_mark() -> Mark:
    """A new mark at a version of its own; done once when the site starts."""
    return Mark.objects.create(version=next_version(), mark=uuid.uuid4(), at=clock.now())


def mark_at(version: int) -> uuid.UUID | None:
    """The last mark that a reader up to ``version`` has passed; None before the first."""
    rows = Mark.objects.filter(version__lte=version).order_by("-version")
    return rows.values_list("mark", flat=True).first()


def marks() -> list[list[Any]]:
    """``[version, mark]`` of the latest marks, oldest first."""
    rows = Mark.objects.order_by("-version").values_list("version", "mark")[:MOST_TOLD]
    return [[version, str(mark)] for version, mark in reversed(rows)]


def check(after: int, mark: uuid.UUID | None) -> None:
    """Refuse a reader whose place ``after`` is not in this history; raises Forked.

    A reader without a mark, or at the very beginning, has read nothing that could be lost.
    """
    if mark is None or after == 0:
        return
    if mark_at(after) != mark:
        raise Forked(
            N_("This site was set back: what was read up to %(after)s is not its history."),
            after=after,
            extra={"marks": marks()},
        )


def starts_over() -> Forked:
    """The refusal of a reader that was away for so long that it missed what is gone."""
    return Forked(N_("You were away for too long; begin with a full copy."), code="start_over")


def forked_at(known: list[str], told: list[list[Any]]) -> int:
    """The version of the first mark that the reader does not know; 1 when it knows none."""
    for version, mark in told:
        if mark not in known:
            return int(version)
    return int(told[-1][0]) + 1 if told else 1
