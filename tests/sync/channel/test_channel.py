"""What a center asks of an edge that dialled in: the same answers, whatever befalls the line."""

from __future__ import annotations

import asyncio
import hashlib
import uuid

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.edgelink import frames, through
from apps.sync.channel import PATH, endpoint
from apps.tenants import tokens
from tests.sync.channel.conftest import QUICK
from tests.sync.channel.relay import Relay

MEGA = 1024 * 1024
SOON = 30.0


def run(story):
    """Run a coroutine that must be over soon."""
    return asyncio.run(asyncio.wait_for(story, SOON))


async def answer(send, body=b"", *, status=200, headers=(), more=False):
    """Send an answer, or begin one."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body, "more_body": more})


class Edge:
    """An edge's application: what it was asked, and answers by path."""

    def __init__(self):
        self.asked, self.left, self.sent = [], [], 0

    async def __call__(self, scope, receive, send):
        self.asked.append(scope)
        name = scope["path"].rpartition("/")[2]
        await getattr(self, name)(scope, receive, send)

    async def echo(self, scope, receive, send):
        """The body back, with what was asked."""
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        told = [(b"x-method", scope["method"].encode()), (b"x-query", scope["query_string"])]
        await answer(send, body, status=201, headers=told)

    async def digest(self, scope, receive, send):
        """The digest of a large body."""
        seen = hashlib.sha256()
        while True:
            message = await receive()
            seen.update(message["body"])
            if not message["more_body"]:
                break
        await answer(send, seen.hexdigest().encode())

    async def file(self, scope, receive, send):
        """Fifty megabytes."""
        size = str(50 * MEGA).encode()
        await answer(send, headers=[(b"content-length", size)], more=True)
        for _ in range(50):
            await send({"type": "http.response.body", "body": bytes(MEGA), "more_body": True})
            self.sent += MEGA
        await send({"type": "http.response.body", "body": b""})

    async def wait(self, scope, receive, send):
        """Answer when it is let go, unless the caller leaves first."""
        while (await receive())["type"] == "http.request":
            pass
        self.left.append(scope["path"])

    async def half(self, scope, receive, send):
        """Begin an answer, and never end it."""
        await answer(send, b"half", more=True)
        await self.wait(scope, receive, send)

    async def fail(self, scope, receive, send):
        """A bug."""
        raise ZeroDivisionError("a secret of ours")


@pytest.fixture
def edge():
    """What answers at the edge."""
    return Edge()


def test_request_and_answer_arrive_as_over_a_link_that_the_center_opened(sites, edge):
    async def story():
        async with sites(edge).linked() as client:
            said = await client.post(
                "/lcmcontroller/v1/echo?a=%C3%A9&b=2", content=b"order",
                headers={"Authorization": "Bearer of a person", "X-Request-ID": "request-1"},
            )
            assert (said.status_code, said.content) == (201, b"order")
            assert said.headers["x-method"] == "POST"
            assert said.headers["x-query"] == "a=%C3%A9&b=2"
        heads = dict(edge.asked[0]["headers"])
        assert heads[b"authorization"] == b"Bearer of a person"
        assert heads[b"x-request-id"] == b"request-1"
        assert heads[b"content-length"] == b"5"
        assert b"x-through" not in heads  # what opens the way through the center stays there

    run(story())


def test_files_go_both_ways_while_a_log_is_followed(sites, edge):
    async def story():
        async with sites(edge).linked() as client:
            body = bytes(50 * MEGA)
            up = asyncio.create_task(client.post("/lcmcontroller/v1/digest", content=body))
            down = asyncio.create_task(client.get("/lcmcontroller/v1/file"))
            followed = asyncio.create_task(client.get("/lcmcontroller/v1/wait"))
            for number in range(10):
                line = b"line %d" % number
                said = await client.post("/lcmcontroller/v1/echo", content=line)
                assert said.content == line
            assert (await up).text == hashlib.sha256(body).hexdigest()
            assert len((await down).content) == 50 * MEGA
            followed.cancel()

    run(story())


def test_file_that_nobody_reads_waits_at_the_edge(sites, edge):
    """Beside what the system keeps for its sockets, no more than the window is under way."""

    async def story():
        async with (
            sites(edge).linked() as client,
            client.stream("GET", "/lcmcontroller/v1/file") as said,
        ):
            sent = -1
            while sent != edge.sent:
                sent = edge.sent
                assert (await client.post("/sync/v1/echo", content=b"x")).content == b"x"
                await asyncio.sleep(0.1)
            assert sent < 20 * MEGA
            assert sum([len(part) async for part in said.aiter_bytes()]) == 50 * MEGA

    run(story())


def test_caller_who_leaves_is_noticed_at_the_edge(sites, edge):
    async def story():
        async with sites(edge).linked() as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/sync/v1/wait", timeout=0.2)
            async with asyncio.timeout(5):
                while not edge.left:
                    await asyncio.sleep(0.01)
            assert (await client.post("/sync/v1/echo", content=b"x")).content == b"x"

    run(story())


@pytest.mark.parametrize(
    "path", ["/hosts", "/mep/x", "/sync/v1/../../hosts", "/auth/v1/token", "/"]
)
def test_nothing_but_what_a_center_may_call_is_reached(sites, edge, path):
    async def story():
        made = sites(edge)
        async with made.linked() as client:
            base = through.url_of("", made.gate.edge_id)
            url = client.base_url.copy_with(raw_path=f"{base}{path}".encode())
            assert (await client.get(url)).status_code == 404
        assert edge.asked == []

    run(story())


def test_bug_at_the_edge_is_an_answer_without_a_trace(sites, edge):
    async def story():
        async with sites(edge).linked() as client:
            said = await client.get("/sync/v1/fail")
            assert said.status_code == 500
            assert "secret" not in said.text

    run(story())


def test_more_than_the_edge_takes_at_once_is_put_off(sites, edge, monkeypatch):
    monkeypatch.setattr("apps.sync.channel.answering.MOST_AT_ONCE", 1)

    async def story():
        async with sites(edge).linked() as client:
            first = asyncio.create_task(client.get("/sync/v1/wait"))
            while not edge.asked:
                await asyncio.sleep(0.01)
            said = await client.get("/sync/v1/echo")
            assert said.status_code == 502  # may be asked again
            first.cancel()

    run(story())


def test_line_that_is_cut_in_the_middle_of_a_body_is_an_error_of_the_link(sites, edge):
    async def story():
        made = sites(edge)
        async with made.linked() as client:
            async with client.stream("GET", "/sync/v1/half") as said:
                made.board.close(made.gate.edge_id, "cut by the test")
                with pytest.raises(httpx.RemoteProtocolError):
                    await said.aread()
            await made.told("opened", "closed", "opened")  # the edge dials anew by itself
            assert made.gate.told[1] == ("closed", "cut by the test")
            assert (await client.post("/sync/v1/echo", content=b"x")).content == b"x"

    run(story())


def test_line_that_is_cut_before_the_answer_is_an_error_of_the_link(sites, edge):
    async def story():
        made = sites(edge)
        async with made.linked() as client:
            asking = asyncio.create_task(client.get("/sync/v1/wait"))
            while not edge.asked:
                await asyncio.sleep(0.01)
            made.board.close(made.gate.edge_id, "cut by the test")
            with pytest.raises(httpx.ConnectError, match="cut by the test"):
                await asking

    run(story())


def test_edge_that_is_gone_is_told_of_and_unreachable(sites, edge):
    async def story():
        made = sites(edge)
        async with made.center():
            dialing = made.dial()
            await made.told("opened")
            assert made.gate.told[0][1] == f"http://127.0.0.1:{made.port}"
            dialing.cancel()
            await made.told("opened", "closed")
            async with made.client() as client:
                with pytest.raises(httpx.ConnectError, match="not dialled in"):
                    await client.get("/sync/v1/echo")

    run(story())


def test_half_open_line_is_noticed_on_both_sides(sites, edge):
    """Between them bytes stop, and no connection ends."""

    async def story():
        made = sites(edge)
        made.pace = QUICK
        async with made.center():
            relay = Relay(made.port)
            port = await relay.listen()
            dialing = made.dial(port)
            await made.told("opened")
            relay.stuck = True
            await made.told("opened", "closed")
            assert "silent" in made.gate.told[1][1]
            relay.stuck = False
            await made.told("opened", "closed", "opened")
            assert any("silent" in note for note in made.notes)
            dialing.cancel()
            await asyncio.gather(dialing, return_exceptions=True)
            relay.close()

    run(story())


def test_second_line_of_an_edge_takes_the_place_of_the_first(sites, edge):
    async def story():
        made = sites(edge)
        async with made.center():
            url = f"ws://127.0.0.1:{made.port}{PATH}"
            options = {
                "subprotocols": [frames.SUBPROTOCOL], "proxy": None,
                "additional_headers": {"Authorization": "Bearer right"},
            }
            async with connect(url, **options) as first:
                await made.told("opened")
                async with connect(url, **options):
                    with pytest.raises(ConnectionClosed):
                        while True:
                            await first.recv()
                    await made.told("opened", "opened")  # and nobody says that it is closed

    run(story())


def test_line_of_an_edge_that_is_shut_out_ends_soon_after(sites, edge, monkeypatch):
    """Nobody tells the process that holds it; it asks, once for all lines."""
    outdated = set()
    monkeypatch.setattr(endpoint.doors, "outdated", lambda told: outdated & set(told))
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.05)

    async def story():
        made = sites(edge)
        monkeypatch.setattr(endpoint, "board", made.board)
        async with made.linked() as client:
            watching = asyncio.create_task(endpoint.watch_channels())
            assert (await client.post("/sync/v1/echo", content=b"x")).content == b"x"
            made.shown = "wrong"
            outdated.add(made.gate.edge_id)
            await made.told("opened", "closed")
            async with asyncio.timeout(5):
                while "center refused the link (401)." not in made.notes:
                    await asyncio.sleep(0.01)
            watching.cancel()

    run(story())


@pytest.mark.parametrize("shown", ["", "Bearer wrong"])
def test_stranger_gets_401_and_no_line(sites, edge, shown):
    async def story():
        made = sites(edge)
        async with made.center():
            url = f"ws://127.0.0.1:{made.port}{PATH}"
            headers = {"Authorization": shown} if shown else {}
            with pytest.raises(InvalidStatus) as caught:
                await connect(
                    url, subprotocols=[frames.SUBPROTOCOL], additional_headers=headers, proxy=None
                )
            assert caught.value.response.status_code == 401
            assert caught.value.response.headers["Content-Type"] == "application/problem+json"
        assert made.gate.told == []

    run(story())


def test_edge_that_was_shut_out_says_so_and_dials_again_later(sites, edge):
    async def story():
        made = sites(edge)
        made.shown = "wrong"
        async with made.center():
            dialing = made.dial()
            async with asyncio.timeout(5):
                while len(made.notes) < 2:
                    await asyncio.sleep(0.01)
            assert made.notes[0] == "center refused the link (401)."
            made.shown = "right"
            await made.told("opened")
            dialing.cancel()
            await asyncio.gather(dialing, return_exceptions=True)

    run(story())


def test_other_language_is_refused_before_a_token_is_looked_at(sites, edge):
    async def story():
        made = sites(edge)
        async with made.center():
            url = f"ws://127.0.0.1:{made.port}{PATH}"
            with pytest.raises(InvalidStatus) as caught:
                await connect(url, additional_headers={"Authorization": "Bearer right"}, proxy=None)
            assert caught.value.response.status_code == 400

    run(story())


@pytest.mark.parametrize("token", ["", "nonsense", "of another edge"])
def test_way_through_the_center_is_open_to_nobody_else(sites, edge, token):
    async def story():
        made = sites(edge)
        async with made.linked() as client:
            shown = tokens.through_token(uuid.uuid4()) if token == "of another edge" else token
            headers = {through.TOKEN_HEADER: shown, "Authorization": "Bearer right"}
            said = await client.get("/sync/v1/echo", headers=headers)
            assert said.status_code == 401
        assert edge.asked == []

    run(story())
