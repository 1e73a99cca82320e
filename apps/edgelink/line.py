"""One end of a line that an edge opened: HTTP exchanges side by side over one connection.

Both ends are the same class: the center's opens exchanges, the edge's answers them.  Reading never
waits for anybody who is slow, since what was not asked for does not come (``frames.WINDOW``), and
whoever writes does so in turn, a piece at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from apps.edgelink import frames
from apps.edgelink.frames import AnswerHead, Frame, Kind, Malformed, RequestHead

_log = logging.getLogger("mecm.link")


class Broken(ConnectionError):
    """The line ended, or one side gave the exchange up."""


@dataclass(frozen=True)
class Pace:
    """Seconds between two pings, and after which a silent other side counts as gone."""

    ping: float = 4.0
    silence: float = 10.0


class Exchange:
    """One request and its answer: a head and a body each way."""

    def __init__(self, line: Line, number: int, request: RequestHead) -> None:
        self.number = number
        self.request = request
        self._line = line
        self._unread: deque[bytes] = deque()
        self._unread_size = self._owed = 0
        self._answer: AnswerHead | None = None
        self._whole = False  # the other side's body came to its end
        self._ended = False  # ours did
        self._left = False  # the other side wants no more
        self._fault = ""
        self._credit = frames.WINDOW
        self._news, self._room, self._gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    # --- what the two sides do ------------------------------------------------------------------

    async def answer(self) -> AnswerHead:
        """The head of the answer; Broken when it will not come."""
        while self._answer is None:
            self._check()
            await _next(self._news)
        return self._answer

    async def answer_with(self, head: AnswerHead) -> None:
        """Begin the answer; its body follows."""
        await self._write(Kind.HEAD, frames.pack_answer(head))

    async def receive(self) -> bytes:
        """The next piece of the other side's body, empty at its end; Broken when it is cut."""
        while not self._unread:
            if self._whole:
                return b""
            self._check()
            await _next(self._news)
        piece = self._unread.popleft()
        self._unread_size -= len(piece)
        self._owed += len(piece)
        if self._owed >= frames.WINDOW // 2 and not self._whole and not self._fault:
            owed, self._owed = self._owed, 0
            await self._write(Kind.CREDIT, frames.pack_credit(owed))
        return piece

    async def send(self, data: bytes) -> None:
        """Send a part of our body, as fast as the other side takes it; raises Broken."""
        rest = memoryview(data)
        while rest:
            while not self._credit:
                self._check()
                await _next(self._room)
            size = min(len(rest), self._credit, frames.PIECE)
            self._credit -= size
            await self._write(Kind.DATA, bytes(rest[:size]))
            rest = rest[size:]

    async def end(self) -> None:
        """Our body is whole; raises Broken."""
        self._ended = True
        await self._write(Kind.END)

    async def leave(self) -> None:
        """We are done; the other side is told when it is not."""
        self.cut("the exchange is over")
        self._line.forget(self)
        if not (self._whole and self._ended) and not self._left:
            with contextlib.suppress(Broken):
                await self._line.write(Frame(Kind.CANCEL, self.number))

    async def gone(self) -> None:
        """Return when the exchange is given up or over."""
        await self._gone.wait()

    def cut(self, why: str) -> None:
        """Nothing more goes or comes; what has come whole can still be read."""
        self._fault = self._fault or why
        for event in (self._news, self._room, self._gone):
            event.set()

    # --- what comes from the other side ---------------------------------------------------------

    def take(self, frame: Frame) -> None:
        """Take a frame of this exchange; Malformed when it may not come."""
        if frame.kind == Kind.CREDIT:
            self._credit += frames.unpack_credit(frame.payload)
            self._room.set()
        elif frame.kind == Kind.CANCEL:
            self._left = True
            self.cut("the other side gave up")
        elif frame.kind == Kind.HEAD and self._answer is None:
            self._answer = frames.unpack_answer(frame.payload)
        elif frame.kind == Kind.DATA and not self._whole:
            self._unread.append(frame.payload)
            self._unread_size += len(frame.payload)
            if self._unread_size > frames.WINDOW:
                raise Malformed("more data than there was credit for")
        elif frame.kind == Kind.END and not self._whole:
            self._whole = True
        else:
            raise Malformed(f"{frame.kind.name} may not come now")
        self._news.set()

    def _check(self) -> None:
        if self._fault:
            raise Broken(self._fault)

    async def _write(self, kind: Kind, payload: bytes = b"") -> None:
        self._check()
        await self._line.write(Frame(kind, self.number, payload))


Answerer = Callable[[Exchange], Awaitable[None]]


class Line:
    """One end of a line.  ``write`` sends a message, ``answer`` works on what the other opens."""

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[None]],
        *,
        answer: Answerer | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._send = write
        self._answer = answer
        self._pace = pace or Pace()
        self._turn = asyncio.Lock()  # first come, first served: a file's pieces let others between
        self._exchanges: dict[int, Exchange] = {}
        self._numbers = itertools.count(1)
        self._newest = 0
        self._working: set[asyncio.Task[None]] = set()
        self._heard = 0.0
        self._asked = False  # for a PONG that is not sent yet
        self._over = asyncio.Event()
        self.fault = ""

    @property
    def busy(self) -> int:
        """How many exchanges are under way."""
        return len(self._exchanges)

    async def open(self, request: RequestHead) -> Exchange:
        """Begin an exchange: its request's body is sent next, and the answer waited for.

        Malformed when the head is too large; Broken when the line is over.
        """
        exchange = Exchange(self, next(self._numbers), request)
        self._exchanges[exchange.number] = exchange
        try:
            await self.write(
                Frame(Kind.OPEN, exchange.number, frames.pack_request(exchange.request))
            )
        except BaseException:
            self.forget(exchange)
            raise
        return exchange

    async def run(self, read: Callable[[], Awaitable[bytes | str | None]]) -> str:
        """Carry frames until the line is over; returns why.  ``read`` answers None at the end."""
        self._heard = asyncio.get_running_loop().time()
        parts = [
            asyncio.create_task(part)
            for part in (self._reading(read), self._pinging(), self._listening(), self._over.wait())
        ]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.close("the other side closed the line")
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        return self.fault

    def close(self, why: str) -> None:
        """End the line; everything under way on it is cut."""
        self.fault = self.fault or why
        self._over.set()
        for exchange in list(self._exchanges.values()):
            exchange.cut(self.fault)
        self._exchanges.clear()

    async def write(self, frame: Frame) -> None:
        """Send one frame in turn; Broken when the line is over."""
        message = frames.encode(frame)
        async with self._turn:
            if self.fault:
                raise Broken(self.fault)
            try:
                await self._send(message)
            except Exception as error:
                self.close(f"the connection broke ({error!r})")
                raise Broken(self.fault) from error

    def forget(self, exchange: Exchange) -> None:
        """Frames of this exchange that still come mean nothing any more."""
        self._exchanges.pop(exchange.number, None)

    # --- parts that run side by side ------------------------------------------------------------

    async def _reading(self, read: Callable[[], Awaitable[bytes | str | None]]) -> None:
        try:
            while (message := await read()) is not None:
                self._heard = asyncio.get_running_loop().time()
                self._take(frames.decode(message))
        except Malformed as error:
            _log.warning("a line was closed: %s", error)
            self.close(f"the other side spoke another language ({error})")
        except Exception as error:
            self.close(f"the connection broke ({error!r})")

    async def _pinging(self) -> None:
        with contextlib.suppress(Broken):
            while True:
                await asyncio.sleep(self._pace.ping)
                await self.write(Frame(Kind.PING))

    async def _listening(self) -> None:
        """End when nothing was heard for too long: a half-open line looks like a quiet one."""
        loop = asyncio.get_running_loop()
        while (rest := self._heard + self._pace.silence - loop.time()) > 0:
            await asyncio.sleep(rest)
        self.close(f"the other side was silent for {self._pace.silence:g} s")

    def _take(self, frame: Frame) -> None:
        if frame.kind == Kind.PING:
            if not self._asked:
                self._asked = True
                self._work(self._pong())
        elif frame.kind == Kind.OPEN:
            self._begin(frame)
        elif frame.kind != Kind.PONG:
            exchange = self._exchanges.get(frame.number)
            # What comes for an exchange that is over was sent before its end was known.
            if exchange is not None:
                exchange.take(frame)

    def _begin(self, frame: Frame) -> None:
        if self._answer is None or frame.number <= self._newest:
            raise Malformed("this exchange may not be opened")
        self._newest = frame.number
        exchange = Exchange(self, frame.number, frames.unpack_request(frame.payload))
        self._exchanges[frame.number] = exchange
        self._work(self._answering(exchange, self._answer))

    async def _answering(self, exchange: Exchange, answer: Answerer) -> None:
        try:
            await answer(exchange)
        except Broken as error:
            _log.debug("exchange %s: %s", exchange.number, error)
        except Exception:
            _log.exception("exchange %s was not answered", exchange.number)
        finally:
            await exchange.leave()

    async def _pong(self) -> None:
        with contextlib.suppress(Broken):
            await self.write(Frame(Kind.PONG))
        self._asked = False

    def _work(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)


async def _next(event: asyncio.Event) -> None:
    """Wait until the event is set anew."""
    event.clear()
    await event.wait()
