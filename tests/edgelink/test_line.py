"""Two ends of a line over a wire in memory that can be slow, cut and silent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from apps.edgelink import frames
from apps.edgelink.frames import AnswerHead, Frame, Kind, RequestHead
from apps.edgelink.line import Broken, Line, Pace

SOON = 5.0


class Wire:
    """Two directions; what is written at one end is read at the other."""

    def __init__(self):
        self.ways = asyncio.Queue(8), asyncio.Queue(8)
        self.silent = False
        self.far = None
        self.sent = Counter()  # bytes of bodies by the caller, by exchange

    def end(self, mine):
        """How this end writes and reads."""

        async def write(message):
            frame = frames.decode(message)
            if mine == 0 and frame.kind == Kind.DATA:
                self.sent[frame.number] += len(frame.payload)
            if not self.silent:
                await self.ways[mine].put(message)

        async def read():
            return await self.ways[1 - mine].get()

        return write, read

    async def hang_up(self):
        """Both ends hear that the connection is over."""
        for way in self.ways:
            await way.put(None)


@asynccontextmanager
async def two_ends(answer, *, pace=None):
    """The caller's end of a running line, and the wire."""
    wire = Wire()
    (write, read), (far_write, far_read) = wire.end(0), wire.end(1)
    near, far = Line(write, pace=pace), Line(far_write, answer=answer, pace=pace)
    wire.far = far
    running = [asyncio.create_task(near.run(read)), asyncio.create_task(far.run(far_read))]
    try:
        yield near, wire
    finally:
        near.close("the test is over")
        far.close("the test is over")
        await asyncio.gather(*running)


async def echo(exchange):
    """Answer with what was asked."""
    await exchange.answer_with(AnswerHead(200, exchange.request.headers))
    while piece := await exchange.receive():
        await exchange.send(piece)
    await exchange.end()


async def ask(line, body=b"", *, name="x"):
    """One exchange: the status, and the body that came back."""
    exchange = await line.open(RequestHead("POST", f"/{name}", ()))

    async def give():
        await exchange.send(body)
        await exchange.end()

    giving = asyncio.create_task(give())
    try:
        head = await exchange.answer()
        parts = []
        while piece := await exchange.receive():
            parts.append(piece)
        return head.status, b"".join(parts)
    finally:
        giving.cancel()
        await exchange.leave()


def run(story):
    """Run a coroutine that must be over soon."""
    return asyncio.run(asyncio.wait_for(story, SOON))


def test_many_exchanges_at_once_each_get_their_own_answer():
    async def story():
        chance = random.Random(1)
        bodies = [chance.randbytes(chance.choice([0, 1, 100, 300_000])) for _ in range(30)]
        async with two_ends(echo) as (line, _):
            answers = await asyncio.gather(*(ask(line, body) for body in bodies))
            assert line.busy == 0
        assert answers == [(200, body) for body in bodies]

    run(story())


def test_large_body_waits_for_its_reader_while_small_ones_pass():
    let_go = {}

    async def answer(exchange):
        if exchange.request.target == "/slow":
            await let_go["event"].wait()
        await echo(exchange)

    async def story():
        let_go["event"] = asyncio.Event()
        big = bytes(4 * frames.WINDOW)
        async with two_ends(answer) as (line, wire):
            slow = asyncio.create_task(ask(line, big, name="slow"))
            while wire.sent[1] < frames.WINDOW:
                await asyncio.sleep(0)
            for number in range(20):
                assert await ask(line, b"log %d" % number) == (200, b"log %d" % number)
            assert not slow.done()
            assert wire.sent[1] == frames.WINDOW  # the first exchange's, and not a byte more
            let_go["event"].set()
            assert await slow == (200, big)
            assert wire.sent[1] == len(big)

    run(story())


def test_caller_who_leaves_is_heard_at_the_other_end():
    heard = []

    async def answer(exchange):
        await exchange.answer_with(AnswerHead(200, ()))
        await exchange.gone()
        heard.append(exchange.number)
        with pytest.raises(Broken):
            await exchange.send(b"too late")

    async def story():
        async with two_ends(answer) as (line, _):
            exchange = await line.open(RequestHead("GET", "/", ()))
            await exchange.answer()
            await exchange.leave()
            while not heard:
                await asyncio.sleep(0)
            assert line.busy == 0

    run(story())
    assert heard == [1]


def test_answer_without_an_end_is_cut_and_not_taken_for_whole():
    async def answer(exchange):
        await exchange.answer_with(AnswerHead(200, ()))
        await exchange.send(b"half")
        raise RuntimeError("the application failed")

    async def story():
        async with two_ends(answer) as (line, _):
            exchange = await line.open(RequestHead("GET", "/", ()))
            await exchange.answer()
            assert await exchange.receive() == b"half"
            with pytest.raises(Broken):
                await exchange.receive()

    run(story())


def test_early_answer_counts_though_the_request_was_not_read():
    async def refuse(exchange):
        await exchange.answer_with(AnswerHead(413, ()))
        await exchange.end()

    async def story():
        async with two_ends(refuse) as (line, _):
            assert await ask(line, bytes(3 * frames.WINDOW)) == (413, b"")
            assert await ask(line, b"") == (413, b"")

    run(story())


def test_line_that_is_cut_breaks_what_is_under_way():
    async def answer(exchange):
        await exchange.answer_with(AnswerHead(200, ()))
        await exchange.send(b"half")
        await exchange.gone()

    async def story():
        async with two_ends(answer) as (line, wire):
            exchange = await line.open(RequestHead("GET", "/", ()))
            await exchange.answer()
            await wire.hang_up()
            assert await exchange.receive() == b"half"
            with pytest.raises(Broken):
                await exchange.receive()
            with pytest.raises(Broken):
                await line.open(RequestHead("GET", "/", ()))
            assert line.fault == "the other side closed the line"

    run(story())


def test_half_open_line_is_noticed_by_its_silence():
    async def story():
        async with two_ends(echo, pace=Pace(ping=0.02, silence=0.2)) as (line, wire):
            await asyncio.sleep(0.5)
            assert not line.fault  # pings keep a quiet line
            wire.silent = True
            exchange = asyncio.create_task(ask(line, b"anybody?"))
            with pytest.raises(Broken):
                await exchange
            assert "silent" in line.fault

    run(story())


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Kind.OPEN, 7, frames.pack_request(RequestHead("GET", "/", ()))),  # to the caller
        Frame(Kind.HEAD, 1, b"[]"),
        Frame(Kind.CREDIT, 1, b"1"),
    ],
)
def test_line_on_which_nonsense_comes_is_closed(frame):
    async def story():
        async with two_ends(lambda exchange: exchange.gone()) as (line, wire):
            exchange = await line.open(RequestHead("GET", "/", ()))
            await wire.ways[1].put(frames.encode(frame))
            with pytest.raises(Broken):
                await exchange.answer()
            assert "another language" in line.fault

    run(story())


def test_sender_who_ignores_credit_is_not_borne():
    async def story():
        async with two_ends(lambda exchange: exchange.gone()) as (line, wire):
            exchange = await line.open(RequestHead("GET", "/", ()))
            for _ in range(frames.WINDOW // frames.PIECE + 1):
                await wire.ways[1].put(frames.encode(Frame(Kind.DATA, 1, bytes(frames.PIECE))))
            with pytest.raises(Broken):
                await exchange.answer()
            assert "credit" in line.fault

    run(story())


def test_number_that_was_used_opens_nothing_again():
    async def story():
        async with two_ends(echo) as (line, wire):
            assert await ask(line, b"once") == (200, b"once")
            again = Frame(Kind.OPEN, 1, frames.pack_request(RequestHead("GET", "/", ())))
            await wire.ways[0].put(frames.encode(again))
            while not wire.far.fault:
                await asyncio.sleep(0)
            assert "may not be opened" in wire.far.fault

    run(story())
