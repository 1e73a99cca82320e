"""Marks in the history of a site, by which a reader knows it again.

A mark is set whenever the process starts, and the versions go on after a gap of chance.  A site
that was restored from a backup starts too: what it told after that backup was taken is in the gap,
so that no version of the lost history is ever given out again.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict
from apps.common.models import next_version
from apps.sync.models import Forgotten, Mark

MOST_TOLD = 100
# More than most sites change between two starts; for more starts than any sees, all of it stays
# below 2**53, which is exact in every JSON.
GAP = 2**20
# A mark as it is told: the first version that is not of the history before it, the mark, its own.
Told = list[list[Any]]


class Forked(Conflict):
    """The reader read another history of this site; ``extra["marks"]`` has those of this one."""

    default_code = "forked"


@transaction.atomic
def set_mark() -> Mark:
    """A new mark at a version of its own; done once when the site starts."""
    gap = GAP + secrets.randbelow(GAP)
    # Under the lock of the counter: what is committed until then is before the gap.
    version = next_version(gap)
    return Mark.objects.create(
        version=version, former=version - gap, mark=uuid.uuid4(), at=clock.now()
    )


def mark_at(version: int) -> uuid.UUID | None:
    """The last mark that a reader up to ``version`` has passed; None before the first."""
    rows = Mark.objects.filter(version__lte=version).order_by("-version")
    return rows.values_list("mark", flat=True).first()


def marks() -> Told:
    """The latest marks, oldest first."""
    rows = Mark.objects.order_by("-version").values_list("former", "mark", "version")[:MOST_TOLD]
    return [[former + 1, str(mark), version] for former, mark, version in reversed(rows)]


def gaps(known: Collection[str], told: Told) -> list[tuple[int, int]]:
    """Before each mark that the reader does not know: the first version of the gap, and the one
    after its last.  What the reader heard of in there is of a lost history."""
    return [(since, version) for since, mark, version in told if mark not in known]


def check(after: int, mark: uuid.UUID | None) -> None:
    """Refuse a reader whose place ``after`` is not in this history, or before what this site has
    forgotten; raises Forked.

    A reader without a mark, or at the very beginning, has read nothing that could be lost.
    """
    if mark is None or after == 0:
        return
    passed = Mark.objects.filter(version__gt=after).order_by("version")
    following = passed.values_list("former", flat=True).first()
    if mark_at(after) != mark or (following is not None and after > following):
        raise Forked(
            N_("This site was set back: what was read up to %(after)s is not its history."),
            after=after,
            extra={"marks": marks()},
        )
    if Forgotten.objects.filter(upto__gt=after).exists():
        raise Forked(
            N_("What was removed after version %(after)s is forgotten here; begin with a full"
               " copy."),
            code="start_over", after=after,
        )


def forked_at(known: Collection[str], told: Told) -> int:
    """The first version that may be of another history than the reader's; 1 when all may."""
    unknown = gaps(known, told)
    if unknown:
        return unknown[0][0]
    return int(told[-1][2]) + 1 if told else 1
