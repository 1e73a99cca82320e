"""The versioned feed of a site: what has a version greater than the asked one.

Reading it changes nothing.  Versions are given out in commit order, so a cursor never steps over a
late row, and the cost grows with the changes and not with the rows.  Who has read nothing yet, or
another history, reads a full copy first: kind by kind in the order of ids, then the dead.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from apps.common import clock
from apps.common.models import current_version
from apps.hosts import adoption as host_adoption
from apps.journal.models import Tombstone
from apps.journal.selectors import tombstones_after
from apps.sync import timeline
from apps.sync.kinds import KINDS, NAMES, Kind
from apps.tenants.keys import this_site

MOST = 500
MOST_LEFT = 1000
# After the kinds, a full copy tells of what is gone.
DEAD = "gone"
COPIED = (*NAMES, DEAD)


def page(*, after: int, limit: int, mark: uuid.UUID | None = None) -> dict[str, Any]:
    """At most ``limit`` changes after version ``after``, in version order, and how far that is.

    ``upto`` is the version to ask from next; ``more`` says that there is more already.  ``mark`` is
    the last mark that the reader has passed; raises Forked when it is not of this history.
    """
    timeline.check(after, mark)
    limit = max(0, min(limit, MOST))
    newest = current_version()
    changes = sorted(_changes(after, newest, limit), key=lambda row: int(row["version"]))
    taken = changes[:limit]
    more = len(changes) > limit
    upto = taken[-1]["version"] if more and taken else max(newest, after)
    passed = timeline.mark_at(upto)
    return _head(newest) | {
        "after": after,
        "upto": upto,
        "mark": _text(passed),
        # This site started since: what else the reader heard of may be of a lost history.
        "marks": timeline.marks() if mark not in (None, passed) else [],
        "more": more,
        "left": _left(upto, newest) if more else 0,
        "rows": taken,
        # When each host was probed last: true to the minute without a new version each time.
        "looks": host_adoption.looks() if limit else {},
    }


def copy_page(*, kind: str, after: str, limit: int) -> dict[str, Any]:
    """At most ``limit`` rows of one kind whose id is greater than ``after``; "" for its first.

    ``next`` is the kind and id to ask with next; None after the last kind.
    """
    limit = max(1, min(limit, MOST))
    newest = current_version()
    found = list(_dead(after, limit) if kind == DEAD else _living(kind, after, limit))
    rows, more = found[:limit], len(found) > limit
    following = [kind, str(rows[-1].pop("at", rows[-1]["id"]))] if more else _after(kind)
    return _head(newest) | {
        "rows": rows,
        "next": following,
        "mark": _text(timeline.mark_at(newest)),
        "marks": timeline.marks(),
    }


def digest() -> dict[str, Any]:
    """How many rows of each kind there are, and a digest of their ids and versions."""
    newest = current_version()
    kinds = {}
    for kind in KINDS:
        rows = kind.rows().filter(version__lte=newest).values_list("pk", "version")
        kinds[kind.name] = digest_of((kind.name, pk, version) for pk, version in rows)
    return _head(newest) | {"kinds": kinds}


def digest_of(rows: Iterable[tuple[str, uuid.UUID, int]]) -> dict[str, Any]:
    """``{"count", "digest"}`` of ``(kind, id, version)`` in any order."""
    count, total = 0, 0
    for kind, pk, version in rows:
        line = hashlib.sha256(f"{kind} {pk} {version}".encode()).digest()
        count, total = count + 1, (total + int.from_bytes(line[:8], "big")) % 2**64
    return {"count": count, "digest": f"{total:016x}"}


def _head(newest: int) -> dict[str, Any]:
    return {
        "site_id": str(this_site().site_id),
        "as_of": clock.now().isoformat(),
        "newest": newest,
    }


def _changes(after: int, newest: int, limit: int) -> Iterator[dict[str, Any]]:
    """Up to one more than ``limit`` changes of each kind, so that the merged page is complete.

    What is committed while the kinds are read one after the other waits for the next page: a later
    kind would show its newest row when an earlier one does not, and the cursor would pass that.
    """
    if not limit or newest <= after:
        return
    for kind in KINDS:
        fresh = kind.rows().filter(version__gt=after, version__lte=newest)
        for row in fresh.order_by("version")[: limit + 1]:
            yield _told(kind, row)
    stones = tombstones_after(after).filter(kind__in=NAMES, version__lte=newest)
    for stone in stones[: limit + 1]:
        yield _stone(stone)


def _left(upto: int, newest: int) -> int:
    """How many changes there are after a page; of each kind, ``MOST_LEFT`` at most are counted."""
    counts = [kind.rows().filter(version__gt=upto, version__lte=newest) for kind in KINDS]
    stones = tombstones_after(upto).filter(kind__in=NAMES, version__lte=newest)
    return sum(rows[:MOST_LEFT].count() for rows in (stones, *counts))


def _living(name: str, after: str, limit: int) -> Iterator[dict[str, Any]]:
    kind = next(one for one in KINDS if one.name == name)
    rows = kind.rows().order_by("pk")
    for row in (rows.filter(pk__gt=after) if after else rows)[: limit + 1]:
        yield _told(kind, row)


def _dead(after: str, limit: int) -> Iterator[dict[str, Any]]:
    # By their own numbers: an instance and its rules have the same id.
    stones = Tombstone.objects.filter(kind__in=NAMES, pk__gt=int(after or 0)).order_by("pk")
    for stone in stones[: limit + 1]:
        yield _stone(stone) | {"at": stone.pk}


def _told(kind: Kind, row: Any) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "id": str(row.pk),
        "version": row.version,
        "data": kind.export(row),
    }


def _stone(stone: Tombstone) -> dict[str, Any]:
    # Under which ids the reader may know it that has not heard of it from here.
    pair = {name: stone.data[name] for name in ("package_id", "host_id") if name in stone.data}
    return {
        "kind": stone.kind,
        "id": str(stone.subject_id),
        "version": stone.version,
        "gone": True,
        "tenant_id": str(stone.tenant_id) if stone.tenant_id else None,
    } | ({"of": pair} if len(pair) == 2 else {})


def _after(kind: str) -> list[str] | None:
    position = COPIED.index(kind) + 1
    return [COPIED[position], ""] if position < len(COPIED) else None


def _text(mark: uuid.UUID | None) -> str | None:
    return str(mark) if mark else None
