"""The feed as a long poll: waits on the event loop, so that a waiting center costs no thread."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async
from django.http.request import HttpHeaders
from django.utils.translation import gettext_noop as N_
from rest_framework.exceptions import MethodNotAllowed

from apps.common.errors import Unauthenticated
from apps.common.middleware import sane_request_id
from apps.common.problem import CONTENT_TYPE, as_domain_error, body_of
from apps.sync import joining
from apps.sync.api import QuerySerializer, read
from apps.tenants import tokens
from apps.tenants.authentication import token_in
from apps.tenants.policies import may, require

PATH = "/sync/v1/changes"
_log = logging.getLogger("mecm.sync")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class News(Protocol):
    """What wakes a reader that waits; the site's live hub is one."""

    def ticket(self) -> int:
        """How much news there has been so far."""

    async def wait(self, topic: str, *, timeout: float, after: int | None = None) -> bool:
        """Return when there is news on ``topic`` since ``after``, or after ``timeout`` seconds."""


class FeedApplication:
    """``GET /sync/v1/changes?after=&limit=&wait=``: now or when there is news."""

    def __init__(self, news: News) -> None:
        self.news = news

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = HttpHeaders(
            {_environ(key): value.decode("latin-1") for key, value in scope["headers"]}
        )
        try:
            if scope["method"] != "GET":
                raise MethodNotAllowed(scope["method"])
            status, kind, body = 200, "application/json", await self._answer(scope, headers)
        except Exception as error:
            problem = as_domain_error(error)
            if problem.status >= 500:
                _log.exception("%s failed", PATH)
            status, kind, body = problem.status, CONTENT_TYPE, body_of(problem, PATH)
        payload = json.dumps(body, default=str).encode()
        answer = {
            "Content-Type": kind,
            "Content-Length": str(len(payload)),
            "Cache-Control": "no-store",
            "X-Request-ID": sane_request_id(headers.get("X-Request-ID", "")),
        } | ({"WWW-Authenticate": 'Bearer realm="mecm"'} if status == 401 else {})
        lines = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": payload})

    async def _answer(self, scope: Scope, headers: HttpHeaders) -> dict[str, Any]:
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        query = await database_sync_to_async(_checked)(headers, asked)
        # Taken before reading, so that a commit between reading and waiting is not slept through.
        ticket = self.news.ticket()
        found: dict[str, Any] = await database_sync_to_async(read)(query)
        if found["newest"] <= query["after"] and query["wait"]:
            await self.news.wait("feed", timeout=query["wait"], after=ticket)
            found = await database_sync_to_async(read)(query)
        return found


def _environ(name: bytes) -> str:
    """A header's name as WSGI spells it, which is what Django's reader of headers takes."""
    return f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"


def _checked(headers: HttpHeaders, asked: dict[str, str]) -> dict[str, Any]:
    token = token_in(headers)
    if not token:
        raise Unauthenticated(N_("A valid access token is needed."))
    actor = tokens.read(token)
    require(may(actor, "feed.read"))
    joining.note_heard(actor.site_id)
    query = QuerySerializer(data=asked)
    query.is_valid(raise_exception=True)
    asked_for: dict[str, Any] = query.validated_data
    return asked_for
