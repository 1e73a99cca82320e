"""The center's long polls: news is pulled at once, and an edge that fails is asked again later."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import asynccontextmanager, suppress

import pytest

from apps.edgelink.through import FAULT_HEADER
from apps.sync import watcher

EDGE = uuid.UUID(int=7)


class Edge:
    """Answers long polls in turn with what it was given; holds one for which there is nothing."""

    def __init__(self):
        self.answers, self.asked, self.port = [], [], 0

    async def serve(self, reader, writer):
        """One connection."""
        ends = asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError
        with suppress(*ends):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.asked.append(head.split(" ")[1])
                while not self.answers:
                    await asyncio.sleep(0.01)
                status, headers, body = self.answers.pop(0)
                lines = {"content-type": "application/json", "content-length": len(body)} | headers
                text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
                writer.write(f"HTTP/1.1 {status} So\r\n{text}\r\n{body}".encode())
        writer.close()

    def tell(self, newest):
        """There is news up to here."""
        self.answers.append((200, {}, json.dumps({"newest": newest})))


@pytest.fixture
def edge(monkeypatch):
    """An edge that is known; its pulls are counted, and not made."""
    made = Edge()
    made.pulled, made.looked_up, made.known, made.dials_in = [], 0, [EDGE], False

    def link(edge_id):
        made.looked_up += 1
        return f"http://127.0.0.1:{made.port}", {"Authorization": "Bearer it"}, made.dials_in

    monkeypatch.setattr(watcher, "_edge_ids", lambda: made.known)
    monkeypatch.setattr(watcher, "_link", link)

    def pull(key, newest, asked):
        made.pulled.append(newest)

    monkeypatch.setattr(watcher.pull_edge, "delay", pull)
    monkeypatch.setattr(watcher, "SHORTEST_PAUSE", 0.02)
    monkeypatch.setattr(watcher, "LOOK_FOR_EDGES_SECONDS", 0.02)
    return made


@asynccontextmanager
async def watched(edge):
    """The center watches it."""
    server = await asyncio.start_server(edge.serve, "127.0.0.1", edge.port)
    edge.port = server.sockets[0].getsockname()[1]
    watching = asyncio.create_task(watcher.watch_edges())
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        server.close()


async def until(look, seconds=5.0):
    """Return once it is true."""
    async with asyncio.timeout(seconds):
        while not look():
            await asyncio.sleep(0.01)


def test_each_news_is_pulled_and_the_next_question_goes_on_from_there(edge):
    async def scenario():
        async with watched(edge):
            edge.tell(3)
            edge.tell(5)
            edge.tell(5)
            await until(lambda: len(edge.asked) == 4)

    asyncio.run(scenario())
    assert edge.pulled == [3, 5]
    assert [one.partition("after=")[2].partition("&")[0] for one in edge.asked] == list("0355")
    assert edge.looked_up == 1


@pytest.mark.parametrize(
    "answer",
    [
        (401, {}, '{"newest": 9}'), (503, {}, '{"newest": 9}'),
        (307, {"location": "/elsewhere"}, '{"newest": 9}'),
        (200, {}, "no JSON"), (200, {"content-type": "text/html"}, "<p>a proxy</p>"),
        (200, {}, '{"other": 1}'), (200, {FAULT_HEADER: "it hung up"}, '{"newest": 9}'),
    ],
    ids=["401", "503", "redirect", "not JSON", "HTML", "no newest", "line"],
)  # fmt: skip
def test_what_is_no_answer_is_pulled_once_and_asked_again(edge, answer):
    async def scenario():
        async with watched(edge):
            edge.dials_in = FAULT_HEADER in answer[1]
            edge.answers += [answer, answer]
            edge.tell(4)
            await until(lambda: edge.pulled[1:])

    asyncio.run(scenario())
    assert edge.pulled == [0, 4]
    assert not any("elsewhere" in one for one in edge.asked)
    # It may be another edge now, or have other keys.
    assert edge.looked_up == 3


def test_edge_that_answers_again_is_pulled_though_it_tells_nothing_new(edge):
    async def scenario():
        async with watched(edge):
            edge.tell(3)
            edge.answers.append((503, {}, "{}"))
            edge.tell(3)
            edge.tell(3)
            await until(lambda: len(edge.asked) == 5)

    asyncio.run(scenario())
    assert edge.pulled == [3, 0, 3]


def test_broker_that_is_away_for_a_moment_costs_no_news(edge, monkeypatch):
    async def scenario():
        async with watched(edge):
            edge.tell(3)
            await until(lambda: len(refused) == 2)
            monkeypatch.setattr(
                watcher.pull_edge, "delay", lambda key, newest, asked: edge.pulled.append(newest)
            )
            edge.tell(3)
            await until(lambda: edge.pulled)

    refused = []

    def refuse(*asked):
        refused.append(asked)
        raise OSError("no broker")

    monkeypatch.setattr(watcher.pull_edge, "delay", refuse)
    asyncio.run(scenario())
    assert edge.pulled == [3]


def test_database_that_is_busy_for_a_moment_ends_no_watch(edge, monkeypatch):
    async def scenario():
        async with watched(edge):
            edge.tell(3)
            await until(lambda: len(edge.asked) == 2)
            monkeypatch.setattr(watcher, "_edge_ids", busy)
            await until(lambda: len(asked) > 2)
            edge.tell(9)
            await until(lambda: len(edge.asked) == 3)

    asked = []

    def busy():
        asked.append(1)
        raise OSError("busy")

    asyncio.run(scenario())
    assert edge.pulled == [3, 9]
    assert edge.looked_up == 1


def test_edge_that_is_not_known_any_more_is_asked_no_more(edge):
    async def scenario():
        async with watched(edge):
            edge.tell(3)
            await until(lambda: len(edge.asked) == 2)
            edge.known = []
            await asyncio.sleep(0.1)
            edge.tell(9)
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert edge.pulled == [3]
    assert len(edge.asked) == 2
