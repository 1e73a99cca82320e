"""What lies between the two sites: it is cut, loses, delays, repeats and lets time pass.

The messages are those of the real link, carried to the edge's own addresses and views.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from random import Random

import httpx
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest

from mecm_portal.simulation.site import Site, SiteDied

MOST_LATE = 12


@dataclass(frozen=True)
class Mood:
    """How the wire is for a while: shares of requests to which something happens."""

    lost_request: float = 0.0
    lost_reply: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    meanwhile: float = 0.0
    down: bool = False


CALM = Mood()
USUAL = Mood(0.01, 0.02, 0.01, 0.02, 0.08)
BAD = Mood(0.1, 0.1, 0.1, 0.1, 0.1)
HALF_OPEN = Mood(lost_reply=1.0)
DOWN = Mood(down=True)
MOODS = (USUAL, USUAL, USUAL, USUAL, BAD, HALF_OPEN, DOWN)


class Wire(httpx.BaseTransport):
    """The transport of the center's HTTP client."""

    def __init__(self, edge: Site, tally: Counter[str]) -> None:
        self.edge, self.tally = edge, tally
        self.dice = Random(0)  # noqa: S311 - dice
        self.mood = CALM
        # Each with how many others had arrived when it was held up.
        self.late: list[tuple[int, httpx.Request]] = []
        self.arrived = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.trace: Callable[[str], None] = lambda line: None
        # The addresses of this process are those of its own role: made before it plays an edge.
        import_module(settings.ROOT_URLCONF)
        self._handler = BaseHandler()
        self._handler.load_middleware()

    def reset(self, dice: Random) -> None:
        """Begin another run."""
        self.dice, self.mood = dice, CALM
        self.late.clear()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request to the edge and its answer back, or not."""
        mood, dice = self.mood, self.dice
        request.read()
        if mood is CALM:
            return self._delivered(request)
        if mood.down:
            self.tally["drops"] += 1
            raise httpx.ConnectError("Connection refused", request=request)
        if dice.random() < mood.meanwhile:
            self.meanwhile()
        fate = dice.random()
        if fate < mood.lost_request:
            raise self._lost("lost", request)
        fate -= mood.lost_request
        if fate < mood.late:
            self.tally["delays"] += 1
            self._hold_up(request)
            raise self._lost("late", request)
        fate -= mood.late
        if fate < mood.twice:
            self.tally["duplicates"] += 1
            self.trace(f"    twice {request.method} {request.url.path}")
            self._delivered(request)
            if dice.random() < 0.5:
                self._hold_up(request)
        answer = self._delivered(request)
        if dice.random() < mood.meanwhile:
            # The answer is on its way, and tells of what was.
            self.meanwhile()
        if dice.random() < mood.lost_reply:
            raise self._lost("unanswered", request)
        return answer

    def deliver_late(self) -> str:
        """Let one request that was held up arrive now; nobody waits for its answer any more."""
        before, request = self.late.pop(self.dice.randrange(len(self.late)))
        self.tally["reorderings"] += self.arrived > before
        try:
            answer = self._delivered(request)
        except httpx.RemoteProtocolError:
            return "died"
        return f"{request.method} {request.url.path} → {answer.status_code}"

    def _hold_up(self, request: httpx.Request) -> None:
        self.late = [*self.late, (self.arrived, request)][-MOST_LATE:]

    def _lost(self, how: str, request: httpx.Request) -> httpx.ReadTimeout:
        self.tally["drops"] += 1
        self.trace(f"    {how} {request.method} {request.url.path}")
        return httpx.ReadTimeout("timed out", request=request)

    def _delivered(self, request: httpx.Request) -> httpx.Response:
        self.tally["requests"] += 1
        self.arrived += 1
        try:
            answer = self._answer(request)
        except SiteDied as died:
            self.trace(f"    {died.site.name} died at {request.method} {request.url.path}")
            died.site.restart()
            raise httpx.RemoteProtocolError("Server disconnected", request=request) from None
        self.trace(f"    {request.method} {request.url.raw_path.decode()} {answer.status_code}")
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """What the edge's own addresses and views answer."""
        body = request.content
        environ = {
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.url.path,
            "QUERY_STRING": request.url.query.decode("ascii"),
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        for name in ("authorization", "x-request-id", "x-order", "x-based-on"):
            if name in request.headers:
                environ["HTTP_" + name.upper().replace("-", "_")] = request.headers[name]
        with self.edge.inside():
            response = self._handler.get_response(WSGIRequest(environ))
        response.close()
        headers = {name: value for name, value in response.items() if name != "Content-Length"}
        return httpx.Response(response.status_code, headers=headers, content=response.getvalue())
