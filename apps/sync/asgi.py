"""The feed as a long poll: waits on the event loop, so that a waiting center costs no thread."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Unauthenticated
from apps.common.problem import CONTENT_TYPE, as_domain_error, body_of
from apps.sync import feed
from apps.sync.api import QuerySerializer
from apps.tenants import tokens
from apps.tenants.policies import may, require

PATH = "/sync/v1/changes"
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
        try:
            status, content_type, body = 200, "application/json", await self._answer(scope)
        except Exception as error:
            problem = as_domain_error(error)
            status, content_type, body = problem.status, CONTENT_TYPE, body_of(problem, PATH)
        payload = json.dumps(body, default=str).encode()
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(payload)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": payload})

    async def _answer(self, scope: Scope) -> dict[str, Any]:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        query = await database_sync_to_async(_checked)(headers, asked)
        # Taken before reading, so that a commit between reading and waiting is not slept through.
        ticket = self.news.ticket()
        found = await _page(query)
        if found["newest"] <= query["after"] and query["wait"]:
            await self.news.wait("feed", timeout=query["wait"], after=ticket)
            found = await _page(query)
        return found


async def _page(query: dict[str, Any]) -> dict[str, Any]:
    page: dict[str, Any] = await database_sync_to_async(feed.page)(
        after=query["after"], limit=query["limit"]
    )
    return page


def _checked(headers: dict[str, str], asked: dict[str, str]) -> dict[str, Any]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = headers.get("access_token", "")
    if not token:
        raise Unauthenticated(N_("A valid access token is needed."))
    require(may(tokens.read(token), "feed.read"))
    query = QuerySerializer(data=asked)
    query.is_valid(raise_exception=True)
    data: dict[str, Any] = query.validated_data
    return data
