"""The embedded worker runs real tasks, and each connection goes to its side."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from celery import Celery, _state

from mecm_portal.runtime.application import SiteApplication
from mecm_portal.runtime.work import EmbeddedWork


@pytest.fixture
def celery_app():
    app = Celery("embedded", broker="memory://localhost/", set_as_current=False, fixups=[])
    app.conf.update(
        broker_transport_options={"polling_interval": 0.01},
        task_ignore_result=True,
        task_default_queue="embedded-test",
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        beat_scheduler="celery.beat:Scheduler",
        beat_schedule={},
    )
    # The worker's threads look for tasks in the default application.
    before = _state.default_app
    app.set_default()
    yield app
    _state.set_default_app(before)


def test_tasks_run_in_this_process_and_stopping_waits_for_them(celery_app):
    started, release, done = threading.Event(), threading.Event(), threading.Event()

    @celery_app.task
    def slow():
        started.set()
        release.wait(60)
        done.set()

    work = EmbeddedWork(celery_app)
    work.start()
    try:
        slow.delay()
        assert started.wait(60)
        threading.Timer(0.1, release.set).start()
        work.stop()
        assert done.is_set()
    finally:
        release.set()
        work.stop()
        work.join()


def test_an_idle_worker_does_not_hold_up_the_end(celery_app):
    work = EmbeddedWork(celery_app)
    work.start()
    began = time.monotonic()
    work.stop()
    assert time.monotonic() - began < 0.5
    work.join()


def test_a_broker_outside_has_workers_of_its_own(celery_app):
    celery_app.conf.broker_url = "redis://localhost"
    work = EmbeddedWork(celery_app)
    work.start()
    work.stop()
    assert not work.is_embedded


def answer(body: bytes):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return application


def pages(environ, start_response):
    start_response("200 OK", [])
    return [b"page on " + threading.current_thread().name.encode()]


@pytest.mark.parametrize(
    ("kind", "path", "begin"),
    [
        ("http", "/hosts", b"page on page"),
        ("http", "/feed", b"feed"),
        ("http", "/feed/", b"page"),
        ("http", "/through/an/edge", b"through"),
        ("http", "/through", b"page"),
        ("websocket", "/feed", b"socket"),
    ],
)
def test_each_connection_goes_to_its_side(kind, path, begin):
    async def call():
        site = SiteApplication(
            pages=pages,
            sockets=answer(b"socket"),
            waiting={"/feed": answer(b"feed"), "/through/": answer(b"through")},
        )
        return await body_of(site, kind, path)

    assert asyncio.run(call())[1].startswith(begin)


class Download(list):
    """An answer that streams, as Django's file responses do."""

    streaming = True
    closed = False

    def close(self):
        self.closed = True


def test_an_answer_that_streams_is_sent_piece_by_piece_and_closed():
    download = Download([b"one ", b"", b"two ", b"three"])

    def pages(environ, start_response):
        start_response("200 OK", [("Content-Length", "13")])
        return download

    async def call():
        site = SiteApplication(pages=pages, sockets=answer(b""), waiting={})
        return await body_of(site, "http", "/download")

    assert asyncio.run(call()) == (200, b"one two three")
    assert download.closed


@pytest.mark.parametrize(
    ("headers", "side"),
    [
        ([(b"content-length", b"65536")], b"page on page"),
        ([(b"content-length", b"65537")], b"page on WSGI"),
        ([(b"content-length", b"-1")], b"page on WSGI"),
        ([(b"transfer-encoding", b"chunked")], b"page on WSGI"),
    ],
)
def test_a_body_that_may_be_large_streams_in(headers, side):
    async def call():
        site = SiteApplication(pages=pages, sockets=answer(b""), waiting={})
        return await body_of(site, "http", "/hosts", headers)

    assert asyncio.run(call())[1].startswith(side)


async def body_of(site, kind, path, headers=()):
    """The status and the whole body that the site answers."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "method": "GET", "query_string": b"", "headers": headers}
    await site({**scope, "http_version": "1.1"}, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_who_waits_for_news_is_sent_home_when_the_site_stops():
    ended = []

    async def waits(scope, receive, send):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(scope["path"])

    async def call():
        site = SiteApplication(pages=pages, sockets=answer(b""), waiting={"/feed": waits})
        asyncio.get_running_loop().call_later(0.01, site.stop)
        return await asyncio.wait_for(body_of(site, "http", "/feed"), 5)

    status, body = asyncio.run(call())
    assert status == 503
    assert b"Service Unavailable" in body
    assert ended == ["/feed"]
