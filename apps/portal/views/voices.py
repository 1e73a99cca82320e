"""What an instance's workload says: its events, and the logs of its containers as they grow."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.common import clock
from apps.common.errors import Conflict, DomainError, NotFound, Upstream
from apps.common.words import Text, say
from apps.instances.models import AppInstance
from apps.instances.selectors import access_instance
from apps.monitoring.marks import seen_of
from apps.orchestration import voices
from apps.orchestration.api_voices import as_file
from apps.portal.event_words import told
from apps.portal.http import actor_of, show, signed_in
from apps.portal.server_view import console_of
from apps.portal.templatetags.portal import query_url
from apps.tenants.actors import Actor
from apps.tenants.policies import may, require
from apps.vim.voices import LogQuery

TAILS = (100, 500, 2000)
USUAL_TAIL = 500
WHOLE_TAIL = 100_000
SINCE: tuple[tuple[str, Text], ...] = (
    ("", _("the beginning")),
    ("5", _("5 minutes ago")),
    ("60", _("an hour ago")),
    ("1440", _("a day ago")),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form of the page asks for; ``of`` is ``pod/container``."""

    of: str
    previous: bool
    tail: int
    since: str

    @classmethod
    def read(cls, given: QueryDict, first: str) -> Choice:
        """From an address; what makes no sense is as if it were not given."""
        tail, since = given.get("tail", ""), given.get("since", "")
        return cls(
            of=given.get("of", "")[:510] or first,
            previous=given.get("previous") == "1",
            tail=int(tail) if tail in map(str, TAILS) else USUAL_TAIL,
            since=since if since in dict(SINCE) else "",
        )

    def query(self, after: str = "") -> LogQuery:
        """The question to the workload; a cursor alone says where to read on."""
        pod, __, container = self.of.partition("/")
        # “5 minutes ago” moves on: after a long break it would leave out what was written in it.
        since = None if after else self._begin()
        return LogQuery(pod, container, self.previous, self.tail, since, after)

    def _begin(self) -> datetime | None:
        return clock.now() - timedelta(minutes=int(self.since)) if self.since else None

    def address(self, name: str, instance: AppInstance) -> str:
        """A view of this log with the same question."""
        previous = "1" if self.previous else ""
        given = {"of": self.of, "previous": previous, "tail": self.tail, "since": self.since}
        return query_url(reverse(name, args=[instance.pk]), **given)


@signed_in
@require_GET
def events(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """What happened to its objects, the newest first."""
    actor, instance = _found(request, instance_id)
    rows, trouble = [], ""
    try:
        rows = [told(one) for one in reversed(voices.events_of(instance, actor=actor))]
    except DomainError as error:
        trouble = say(error.reason)
    warnings = [row for row in rows if row.is_warning]
    only = request.GET.get("only") == "warnings"
    context = {
        "instance": instance,
        "tab": "events",
        "rows": warnings if only else rows,
        "every": len(rows),
        "warnings": len(warnings),
        "only_warnings": only,
        "trouble": trouble,
    }
    return show(
        request, "portal/instances/events.html", context, part="portal/instances/_events.html"
    )


@signed_in
@require_GET
def logs(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """The last lines of one container; a script reads on from there."""
    actor, instance = _found(request, instance_id)
    boxes = _boxes(instance)
    choice = Choice.read(request.GET, next((boxes[pod][0] for pod in boxes), ""))
    context = {
        "instance": instance,
        "tab": "logs",
        "boxes": boxes,
        "known": any(choice.of in names for names in boxes.values()),
        "choice": choice,
        "tails": TAILS,
        "since": SINCE,
        "page": _heard(instance, choice.query(), actor) if choice.of else None,
        "lines_url": choice.address("instance_log_lines", instance),
        "file_url": choice.address("instance_log_file", instance),
    }
    return show(request, "portal/instances/logs.html", context)


@signed_in
@require_GET
def log_lines(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """What was written after the cursor ``after``, as JSON, with the state of the log in words."""
    actor, instance = _found(request, instance_id)
    choice = Choice.read(request.GET, "")
    query = choice.query(request.GET.get("after", "")[:256])
    return JsonResponse(_heard(instance, query, actor))


@signed_in
@require_GET
def log_file(request: HttpRequest, instance_id: uuid.UUID) -> HttpResponseBase:
    """The whole of it as a text file."""
    actor, instance = _found(request, instance_id)
    choice = Choice.read(request.GET, "")
    return as_file(instance, replace(choice.query(), tail=WHOLE_TAIL), actor=actor)


def _found(request: HttpRequest, instance_id: uuid.UUID) -> tuple[Actor, AppInstance]:
    actor = actor_of(request)
    require(may(actor, "instances.read"))
    return actor, access_instance(actor, instance_id)


def _boxes(instance: AppInstance) -> dict[str, list[str]]:
    """The containers that were seen, as ``pod/container``, by pod; and the consoles of servers."""
    seen = seen_of(instance)
    if seen is None:
        return {}
    boxes = {pod.name: [f"{pod.name}/{box.name}" for box in pod.containers] for pod in seen.pods
             if pod.containers}
    return boxes | {server.name: [console_of(server)] for server in seen.servers}


def _heard(instance: AppInstance, query: LogQuery, actor: Actor) -> dict[str, Any]:
    """A page of the log with its state; where there is none, the state and why."""
    try:
        page = voices.log_of(instance, query, actor=actor)
    except DomainError as error:
        nothing = {"lines": [], "cursor": query.after, "more": False, "ended": False}
        return nothing | {"state": _state_of(error), "why": say(error.reason)}
    return page.as_json() | {"state": "ended" if page.ended else "running", "why": ""}


def _state_of(error: DomainError) -> str:
    """What a refusal means for a reader: wait, it is not there, the link is lost, or never."""
    if isinstance(error, Conflict):
        return "waiting"
    if isinstance(error, NotFound):
        return "gone"
    return "lost" if isinstance(error, Upstream) and error.retryable else "refused"
