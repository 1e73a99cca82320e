"""The heartbeat lane: both of its forms answer alike, and as the view behind them would."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from django.core.wsgi import get_wsgi_application

from apps.common import clock
from apps.mep.liveness.asgi import LaneApplication
from apps.mep.liveness.book import book
from mecm_portal.runtime.lane import LaneProtocol
from mecm_portal.runtime.short import ShortRequests
from tests.mep.conftest import App

pytestmark = pytest.mark.django_db(transaction=True)
BODY = b'{"state":"ACTIVE"}'


class Server:
    """A site's HTTP side on a free port: the lane as a protocol, or as plain ASGI."""

    def __init__(self, form):
        self.passed = 0
        behind = ShortRequests(get_wsgi_application(), threads=1, name="short")

        async def view(scope, receive, send):
            self.passed += 1
            await behind(scope, receive, send)

        application = LaneApplication(view) if form == "asgi" else view
        self.config = uvicorn.Config(
            application, host="127.0.0.1", port=0, lifespan="off", log_config=None,
            http=LaneProtocol if form == "protocol" else "httptools",
        )

    async def ask(self, *requests, at_once=False):
        """Send raw requests on one connection; the status and body of each answer."""
        server = uvicorn.Server(self.config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        try:
            if at_once:
                writer.write(b"".join(requests))
            for request in requests:
                if not at_once:
                    writer.write(request)
                answers.append(await asyncio.wait_for(_answer(reader), 10))
        finally:
            writer.close()
            server.should_exit = True
            await task
        return answers


async def _answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split(" ")[1])
    length = next((int(line.split(":")[1]) for line in head.split("\r\n")
                   if line.startswith("content-length")), 0)
    return status, await reader.readexactly(length)


def request(path, token, *, method="PATCH", body=BODY, headers=""):
    """A request as bytes."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: testserver\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


@pytest.fixture(params=["protocol", "asgi"])
def server(request, mep, settings):
    """Each form of the lane."""
    settings.ALLOWED_HOSTS = ["testserver"]
    return Server(request.param)


@pytest.fixture
def beating(app):
    """A service with a heartbeat whose first one was answered, and whose token is known."""
    links = app.register(livenessInterval=5)["_links"]
    assert app.send("PATCH", links["liveness"]["href"], {"state": "ACTIVE"}).status_code == 200
    return app, links["liveness"]["href"]


def entry_of(path):
    """The book's entry of a liveness path."""
    return book.entries[path.split("/")[-2].encode()]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("prefix", ["/mep/mec_service_mgmt/v1", "/mepserver/mec_service_mgmt/v1",
                                    "/mec_service_mgmt/v1", "/mec_service_mgmt/v2", "/mep", ""])
def test_plain_heartbeat_is_answered_in_the_lane_in_every_spelling(
    server, beating, method, prefix
):
    app, path = beating
    before = entry_of(path).seen
    rest = path.removeprefix("/mep/mec_service_mgmt/v1")
    asked = [prefix + rest, prefix + rest.replace("/services/", "/service/")]
    answers = asyncio.run(server.ask(*(request(one, app.token, method=method) for one in asked)))
    assert answers == [(204, b""), (204, b"")]
    assert server.passed == 0
    assert entry_of(path).seen > before


@pytest.mark.parametrize("body", [
    b'{"state": "ACTIVE"}', b'{"ServiceLivenessUpdate":{"state":"ACTIVE"}}',
    b' {\n"state":\t"ACTIVE", "more": [1]}'])
def test_other_ways_to_write_the_same_heartbeat_are_taken(server, beating, body):
    app, path = beating
    assert asyncio.run(server.ask(request(path, app.token, body=body))) == [(204, b"")]


NOT_PLAIN = {
    "unknown service": (404, lambda p, t: request(p[:-45] + "0" * 36 + "/liveness", t)),
    "word": (404, lambda p, t: request("/applications/x/services/y/liveness", t)),
    "other token": (401, lambda p, t: request(p, t[:-4] + "AAAA")),
    "INACTIVE": (400, lambda p, t: request(p, t, body=b'{"state":"INACTIVE"}')),
    "broken": (400, lambda p, t: request(p, t, body=b'{"state":')),
    "empty": (400, lambda p, t: request(p, t, body=b"")),
    "wrong media type": (415, lambda p, t: request(p, t).replace(b"application/json", b"text/xml")),
    "too large": (413, lambda p, t: request(p, t, body=BODY[:-1] + b" " * 70000 + b"}")),
    "If-Match": (412, lambda p, t: request(p, t, headers='If-Match: "other"\r\n')),
    "GET": (200, lambda p, t: request(p, t, method="GET", body=b"")),
    "POST": (405, lambda p, t: request(p, t, method="POST")),
    "query": (400, lambda p, t: request(p + "?x=1", t)),
}


@pytest.mark.parametrize("case", NOT_PLAIN)
def test_everything_else_is_the_views_to_answer(server, beating, case):
    app, path = beating
    status, made = NOT_PLAIN[case]
    answers = asyncio.run(server.ask(made(path, app.token), request(path, app.token)))
    assert answers[0][0] == status
    assert answers[1] == (204, b""), "and the connection goes on"
    assert server.passed == 1


def test_other_application_is_refused_by_the_view(server, beating, other_app):
    _, path = beating
    other_app.register(livenessInterval=5)
    assert other_app.send("GET", other_app.services).status_code == 200  # its token is known
    before = entry_of(path).seen
    answers = asyncio.run(server.ask(request(path, other_app.token)))
    assert answers[0][0] == 403
    assert entry_of(path).seen == before


def test_first_heartbeat_and_one_after_a_suspension_are_told_the_resource(server, app):
    path = app.register(livenessInterval=5)["_links"]["liveness"]["href"]
    answers = asyncio.run(server.ask(*[request(path, app.token)] * 2))
    assert [status for status, _ in answers] == [200, 204]
    assert b'"interval":5' in answers[0][1]


def test_requests_that_come_at_once_are_answered_in_order(server, beating):
    app, path = beating
    asked = [request(path, app.token), request(path, app.token, body=b"{"),
             request(path, app.token), request(path, app.token, method="GET", body=b""),
             request(path, app.token)]
    answers = asyncio.run(server.ask(*asked, at_once=True))
    assert [status for status, _ in answers] == [204, 400, 204, 200, 204]


def test_body_in_pieces_is_put_together(server, beating):
    app, path = beating
    whole = request(path, app.token)

    async def slowly():
        config = server.config
        running = uvicorn.Server(config)
        task = asyncio.create_task(running.serve())
        while not running.started:
            await asyncio.sleep(0.005)
        port = running.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for start in range(0, len(whole), 97):
            writer.write(whole[start : start + 97])
            await writer.drain()
            await asyncio.sleep(0.001)
        found = await asyncio.wait_for(_answer(reader), 10)
        writer.close()
        running.should_exit = True
        await task
        return found

    assert asyncio.run(slowly()) == (204, b"")


def test_chunked_body_and_expect_continue_are_left_to_the_server(server, beating):
    app, path = beating
    head = (f"PATCH {path} HTTP/1.1\r\nHost: testserver\r\nAuthorization: Bearer {app.token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunked = head.encode() + b"12\r\n" + BODY + b"\r\n0\r\n\r\n"
    assert asyncio.run(server.ask(chunked))[0][0] == 204


def test_flood_of_one_application_is_told_to_wait(server, beating):
    app, path = beating
    with clock.frozen():
        answers = asyncio.run(server.ask(*[request(path, app.token)] * 205, at_once=True))
    statuses = [status for status, _ in answers]
    assert statuses[:200] == [204] * 200
    assert set(statuses[200:]) == {429}


def test_token_of_a_removed_application_beats_no_more(server, beating):
    app, path = beating
    boss = App.boss()
    gone = boss.send("DELETE", f"{app.support}/AppInstanceTermination")
    assert gone.status_code == 200
    assert asyncio.run(server.ask(request(path, app.token)))[0][0] == 401
