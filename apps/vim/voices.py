"""What a workload says of itself: events and logs.  The promise, its values, and who keeps it.

A driver may offer these beside the five methods of :class:`apps.vim.contract.VimDriver`; one that
does not is asked nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, Protocol, Self, runtime_checkable
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.vim.results import plain

MOST_LINES = 2000


@dataclass(frozen=True, slots=True)
class WorkloadEvent:
    """One thing that happened to an object of a workload, in the VIM's own words.

    ``kind`` and ``name`` say to which object; ``type`` is Normal or Warning.
    """

    kind: str
    name: str
    type: str
    reason: str
    message: str
    count: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The event as plain data."""
        data: dict[str, Any] = plain(self)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The event that ``as_json`` wrote; nonsense is Invalid."""
        try:
            return cls(
                **{name: str(data.get(name) or "") for name in _EVENT_TEXTS},
                count=int(data.get("count") or 1),
                first_at=_moment(data.get("first_at")),
                last_at=_moment(data.get("last_at")),
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise Invalid(N_("This is not an event of a workload.")) from error


_EVENT_TEXTS = ("kind", "name", "type", "reason", "message")


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines of which container.

    ``container`` may be empty where the pod has one.  ``previous`` asks for the run before the last
    restart.  ``tail`` is how many of the last lines are wanted at most, ``since`` the time of the
    oldest.  ``after`` is the cursor of an earlier page: only what was written since then comes.
    """

    pod: str
    container: str = ""
    previous: bool = False
    tail: int = 500
    since: datetime | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a container wrote, with the time at which its node took it, in UTC."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines in the order in which they were written, at most MOST_LINES.

    ``cursor`` continues after the last of them, also when a link broke in between; ``more`` says
    that there is more to be had at once.  ``ended`` says that this container writes no more.
    """

    lines: tuple[LogLine, ...]
    cursor: str
    more: bool = False
    ended: bool = False

    def as_json(self) -> dict[str, Any]:
        """The page as plain data for a message between sites."""
        return {
            "lines": [{"at": line.at, "text": line.text} for line in self.lines],
            "cursor": self.cursor,
            "more": self.more,
            "ended": self.ended,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The page that ``as_json`` wrote; nonsense is Invalid."""
        try:
            lines = tuple(LogLine(str(one["at"]), str(one["text"])) for one in data["lines"])
            more, ended = bool(data.get("more")), bool(data.get("ended"))
            return cls(lines, str(data["cursor"]), more, ended)
        except (KeyError, TypeError, AttributeError) as error:
            raise Invalid(N_("This is not a page of a log.")) from error


@runtime_checkable
class Voices(Protocol):
    """What a driver offers where its workloads can be heard."""

    def events(self, instance_id: UUID) -> tuple[WorkloadEvent, ...]:
        """What happened to the instance's objects, oldest first; empty for unknown ids.

        Raises VimUnreachable and VimRefused as every method of a driver.
        """

    def logs(self, instance_id: UUID, query: LogQuery) -> LogPage:
        """One page of a container's log.

        NotFound where the instance has no such pod or container; VimRefused, retryable, while the
        container has not started.
        """


@runtime_checkable
class Follows(Protocol):
    """What a driver offers where the VIM tells of changes by itself."""

    def follow(self, changed: Callable[[UUID], None], stop: Event) -> None:
        """Call ``changed`` with an instance's id whenever its status may have become another one.

        Blocks until ``stop`` is set; raises VimUnreachable or VimRefused when the VIM is lost.  The
        number of open watches does not grow with the instances.  While it runs, ``status`` is
        answered from what it has seen.
        """


