"""The feed as a long poll: waits on the event loop, so that a waiting center costs no thread."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from channels.db import database_sync_to_async

from apps.common.errors import Unauthenticated
from apps.common.problem import CONTENT_TYPE, as_domain_error, body_of
from apps.monitoring.hub import hub
from apps.sync import feed
from apps.sync.api import QuerySerializer
from apps.tenants import tokens
from apps.tenants.policies import may, require

PATH = "/sync/v1/changes"
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def feed_application(scope: Scope, receive: Receive, send: Send) -> None:
    """``GET /sync/v1/changes?after=&limit=&wait=``: now or when there is news."""
    try:
        status, content_type, body = 200, "application/json", await _answer(scope)
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


async def _answer(scope: Scope) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    asked = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    query = await database_sync_to_async(_checked)(headers, asked)
    found = await _page(query)
    if found["newest"] <= query["after"] and query["wait"]:
        await hub.wait("feed", timeout=query["wait"])
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
        raise Unauthenticated("A valid access token is needed.")
    require(may(tokens.read(token), "feed.read"))
    query = QuerySerializer(data=asked)
    query.is_valid(raise_exception=True)
    data: dict[str, Any] = query.validated_data
    return data
