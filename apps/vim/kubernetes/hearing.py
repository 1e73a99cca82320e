"""Events and logs of an instance's pods."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound
from apps.vim.errors import VimRefused
from apps.vim.kubernetes import names
from apps.vim.kubernetes.cluster import Cluster, Object, Refused
from apps.vim.kubernetes.kinds import label
from apps.vim.kubernetes.trouble import moment
from apps.vim.voices import MOST_LINES, LogLine, LogPage, LogQuery, WorkloadEvent

MOST_EVENTS: Final = 500
MOST_BYTES: Final = 4 * 1024 * 1024
LINE: Final = re.compile(rb"(\S+) ?(.*)", re.DOTALL)


def events(cluster: Cluster, instance_id: UUID) -> tuple[WorkloadEvent, ...]:
    """What happened to the objects of an instance, oldest first."""
    path = f"/api/v1/namespaces/{names.namespace_of(instance_id)}/events"
    rows, _ = cluster.list(path)
    found = [_event(one) for one in rows]
    found.sort(key=lambda one: one.last_at.timestamp() if one.last_at else 0.0)
    return tuple(found[-MOST_EVENTS:])


def _event(one: Object) -> WorkloadEvent:
    about, series = one.get("involvedObject") or {}, one.get("series") or {}
    first = one.get("firstTimestamp") or one.get("eventTime")
    last = series.get("lastObservedTime") or one.get("lastTimestamp") or one.get("eventTime")
    return WorkloadEvent(
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        type=str(one.get("type") or "Normal"),
        reason=str(one.get("reason") or ""),
        message=str(one.get("message") or ""),
        count=int(series.get("count") or one.get("count") or 1),
        first_at=moment(first),
        last_at=moment(last or first),
    )


def logs(cluster: Cluster, instance_id: UUID, query: LogQuery) -> LogPage:
    """One page of a container's log; see the promise."""
    path = f"/api/v1/namespaces/{names.namespace_of(instance_id)}/pods/{query.pod}"
    pod = cluster.find(path)
    if pod is None or label(pod, names.INSTANCE) != str(instance_id):
        raise NotFound(N_("The instance has no pod “%(name)s”."), name=query.pod)
    container = _container(pod, query.container)
    at, seen = _cursor(query.after)
    asked = {
        "container": container,
        "timestamps": "true",
        "previous": "true" if query.previous else "",
        "limitBytes": MOST_BYTES,
    }
    since = at or (query.since.isoformat() if query.since else "")
    if since:
        asked["sinceTime"] = _second(since)
    if not at:
        asked["tailLines"] = max(1, query.tail)
    try:
        text = cluster.text(f"{path}/log", **asked)
    except Refused as refusal:
        raise _why(refusal, container, previous=query.previous) from refusal
    lines = _lines(text, at, seen)
    page = tuple(lines[:MOST_LINES])
    return LogPage(
        lines=page,
        cursor=_next(page, at, seen),
        more=len(lines) > MOST_LINES,
        ended=query.previous or _has_ended(pod, container),
    )


def _container(pod: Object, wanted: str) -> str:
    spec = pod.get("spec") or {}
    kinds = ("containers", "initContainers")
    known = [str(one.get("name")) for kind in kinds for one in spec.get(kind) or ()]
    if wanted and wanted not in known:
        raise NotFound(N_("The pod has no container “%(name)s”."), name=wanted)
    return wanted or known[0]


def _lines(text: bytes, at: str, seen: int) -> list[LogLine]:
    """The lines after a cursor: ``seen`` lines of the moment ``at`` are known already."""
    found: list[LogLine] = []
    skipped = 0
    whole = text if text.endswith(b"\n") else text[: text.rfind(b"\n") + 1]
    for raw in whole.splitlines():
        match = LINE.match(raw)
        if match is None:
            continue
        stamp = match[1].decode("ascii", "replace")
        if at and (_order(stamp) < _order(at)):
            continue
        if at and stamp == at and skipped < seen:
            skipped += 1
            continue
        found.append(LogLine(stamp, match[2].decode("utf-8", "replace")))
    return found


def _cursor(after: str) -> tuple[str, int]:
    """The moment of the last line that is known, and how many lines of that moment are."""
    stamp, _, count = after.partition("~")
    return (stamp, int(count)) if count.isdigit() else ("", 0)


def _next(page: tuple[LogLine, ...], at: str, seen: int) -> str:
    if not page:
        return f"{at}~{seen}" if at else ""
    last = page[-1].at
    alike = sum(1 for line in page if line.at == last)
    return f"{last}~{alike + (seen if last == at else 0)}"


def _order(stamp: str) -> tuple[str, str]:
    """A time with nanoseconds so that it sorts; trailing zeros are not written by Go."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return whole, rest.ljust(9, "0")


def _second(stamp: str) -> str:
    """The time for ``sinceTime``, whose parts of a second servers leave out."""
    if stamp.endswith("Z"):
        return f"{stamp[:19]}Z"
    return datetime.fromisoformat(stamp).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status(pod: Object, container: str) -> Object:
    status = pod.get("status") or {}
    rows = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    return next((row for row in rows if row.get("name") == container), {})


def _has_ended(pod: Object, container: str) -> bool:
    """Whether the container has stopped for good."""
    if "terminated" not in (_status(pod, container).get("state") or {}):
        return False
    policy = (pod.get("spec") or {}).get("restartPolicy")
    return policy != "Always" or bool(pod["metadata"].get("deletionTimestamp"))


def _why(refusal: Refused, container: str, *, previous: bool) -> Exception:
    if previous and refusal.answered in (400, 404):
        return NotFound(N_("“%(name)s” has not run before."), name=container, code="no_previous")
    if refusal.answered == 400:
        return VimRefused(
            N_("“%(name)s” has not started yet."), name=container, code="not_started",
            retryable=True,
        )
    return refusal
