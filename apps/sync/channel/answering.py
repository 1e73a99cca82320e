"""The edge's side of a line: what the center asks is handed to the site's own application."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop as N_

from apps.common.errors import NotFound, Upstream
from apps.common.problem import as_domain_error
from apps.edgelink.frames import AnswerHead
from apps.edgelink.line import Broken, Exchange
from apps.sync.channel import problems

# What a center asks of an edge; its pages and the platform of its applications are not among it.
PATHS = ("/sync/v1/", "/lcmcontroller/v1/", "/apprulemgr/v1/")
MOST_AT_ONCE = 64
_log = logging.getLogger("mecm.link")
Message = MutableMapping[str, Any]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], problems.Send], Awaitable[Any]
]


class Answering:
    """Hands exchanges to the application of this process, a bounded number at once."""

    def __init__(self, application: Application | None = None) -> None:
        self._application = application
        self._busy = 0

    def attach(self, application: Application) -> None:
        """From now on ``application`` answers; it does so as over a connection of its own."""
        self._application = application

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one exchange; raises Broken when nobody waits for the answer any more."""
        talk = _Talk(exchange)
        path = unquote(urlsplit(exchange.request.target).path)
        if not path.startswith(PATHS) or ".." in path.split("/"):
            await problems.say(talk.send, NotFound(N_("There is nothing here by that name.")), path)
        elif self._application is None or self._busy >= MOST_AT_ONCE:
            busy = Upstream(N_("Too much is asked at once; ask again."), code="busy")
            await problems.say(talk.send, busy, path)
        else:
            self._busy += 1
            try:
                await self._application(_scope(exchange, path), talk.receive, talk.send)
            except Broken:
                raise
            except Exception as error:
                _log.exception("%s failed", path)
                if talk.begun:
                    raise Broken("the answer broke off") from error
                await problems.say(talk.send, as_domain_error(error), path)
            finally:
                self._busy -= 1


class _Talk:
    """One exchange as ASGI has it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._asked = False  # the request's body was received whole
        self.begun = False

    async def receive(self) -> Message:
        """The next piece of the request, then the end of the exchange."""
        if self._asked:
            await self._exchange.gone()
            return {"type": "http.disconnect"}
        try:
            piece = await self._exchange.receive()
        except Broken:
            return {"type": "http.disconnect"}
        self._asked = not piece
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    async def send(self, message: Message) -> None:
        """Begin the answer, or go on with it; raises Broken when the other side has gone."""
        if message["type"] == "http.response.start":
            self.begun = True
            head = AnswerHead(message["status"], tuple(message.get("headers", ())))
            await self._exchange.answer_with(head)
        elif message["type"] == "http.response.body":
            await self._exchange.send(message.get("body", b""))
            if not message.get("more_body"):
                await self._exchange.end()


def _scope(exchange: Exchange, path: str) -> dict[str, Any]:
    request = exchange.request
    parts = urlsplit(request.target)
    here = urlsplit(settings.SITE_URL)
    host = (b"host", here.netloc.encode())
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": here.scheme,
        "path": path,
        "raw_path": parts.path.encode("latin-1"),
        "query_string": parts.query.encode("latin-1"),
        "root_path": "",
        "headers": [host, *((key.lower(), value) for key, value in request.headers)],
        "server": (here.hostname or "", here.port or (443 if here.scheme == "https" else 80)),
        "client": ("127.0.0.1", 0),
    }


answering = Answering()
