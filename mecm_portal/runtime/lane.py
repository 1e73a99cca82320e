"""The heartbeat lane inside uvicorn's HTTP protocol: no task, no scope, no thread per heartbeat.

Only for uvicorn's httptools protocol of the pinned version.  A request that the lane declines is
handed to uvicorn as if it had just come; ``apps.mep.liveness.asgi`` is the same lane for any other
server, and one test holds both to the same answers.
"""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from apps.common import clock
from apps.mep.liveness import lane
from apps.mep.liveness.asgi import PLAIN_TYPES

IDLE_SECONDS = 75.0  # longer than the usual interval, so that a producer keeps its connection
_Protocol: Any = HttpToolsProtocol  # uvicorn's protocol ships no usable types for subclasses


class LaneProtocol(_Protocol):
    """uvicorn's protocol with a lane for PATCH and PUT of ``…/liveness``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._authorization: bytes | None = None  # None: this request is not in the lane
        self._body = b""
        self._seen = 0.0
        self._idle_check: TimerHandle | None = None

    def on_message_begin(self) -> None:
        """Take a request without what only uvicorn needs for it."""
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Keep a request in the lane, or let uvicorn begin with it."""
        self._authorization = None
        if self.url.endswith(lane.ENDING) and self.parser.get_method() in lane.METHODS:
            self._authorization = self._judge()
            self._body = b""
        if self._authorization is None:
            self._begin()

    def on_body(self, body: bytes) -> None:
        """Gather the little that a heartbeat has."""
        if self._authorization is None:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > lane.MOST_BODY:
            self._hand_over()

    def on_message_complete(self) -> None:
        """Answer the heartbeat."""
        if self._authorization is None:
            super().on_message_complete()
            return
        now = clock.monotonic()
        outcome = lane.beat(self.url, self._authorization, self._body, now)
        if outcome == lane.DECLINED:
            self._hand_over()
            super().on_message_complete()
            return
        self._authorization = None
        self._answer(outcome, now)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        if self._idle_check is not None:
            self._idle_check.cancel()
        super().connection_lost(exc)

    def _judge(self) -> bytes | None:
        """The Authorization of a request that the lane may answer; None for any other."""
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.pipeline or self.expect_100_continue or self.flow.write_paused:
            return None
        if self.parser.get_http_version() != "1.1":
            return None
        found = None
        for name, value in self.headers:
            if name == b"authorization":
                if found is not None:
                    return None
                found = value
            elif name in _UNUSUAL or (name == b"content-type" and value not in PLAIN_TYPES):
                return None
        return found

    def _begin(self) -> None:
        """Do what uvicorn would have done at the request's first byte, then go on with it."""
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)  # the list that is in the scope
        super().on_headers_complete()

    def _hand_over(self) -> None:
        """Let uvicorn have the request after all, with what has come of it."""
        body, self._body, self._authorization = self._body, b"", None
        self._begin()
        if body:
            super().on_body(body)

    def _answer(self, outcome: int, now: float) -> None:
        self._seen = now
        self.server_state.total_requests += 1
        rest = _dated(self.server_state.default_headers)
        if not self.parser.should_keep_alive():
            self.transport.write(_HEADS[outcome] + b"connection: close\r\n" + rest)
            self.transport.close()
            return
        self.transport.write(_HEADS[outcome] + rest)
        if outcome == lane.FLOODED:
            # Whoever floods is read no further until the second is over: that costs us nothing.
            self.flow.pause_reading()
            self.loop.call_later(1.0 - now % 1.0, self._read_on)
        if self._idle_check is None:
            self._idle_check = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def _read_on(self) -> None:
        if not self.transport.is_closing() and not self.pipeline:
            self.flow.resume_reading()

    def _close_if_idle(self) -> None:
        """One timer per connection and not per heartbeat."""
        self._idle_check = None
        busy = self.cycle is not None and not self.cycle.response_complete
        rest = self._seen + IDLE_SECONDS - clock.monotonic()
        if busy or rest > 0:
            self._idle_check = self.loop.call_later(max(rest, 1.0), self._close_if_idle)
        elif not self.transport.is_closing():
            self.transport.close()


_UNUSUAL = frozenset({b"if-match", b"transfer-encoding", b"upgrade", b"access-token"})
_HEADS = {
    lane.BEATEN: b"HTTP/1.1 204 No Content\r\n",
    lane.FLOODED: b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n",
}
_last: tuple[list[tuple[bytes, bytes]] | None, bytes] = (None, b"\r\n")


def _dated(default_headers: list[tuple[bytes, bytes]]) -> bytes:
    """uvicorn's headers of this second, put together once for all answers in it."""
    global _last
    if _last[0] is not default_headers:
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in default_headers)
        _last = default_headers, lines + b"\r\n"
    return _last[1]
