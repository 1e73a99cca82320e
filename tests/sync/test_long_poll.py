"""The feed that waits: the same doors and answers as the one that does not, and news wakes it."""

from __future__ import annotations

import json

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from apps.common.models import current_version
from apps.sync import feed
from apps.sync.asgi import FeedApplication
from apps.tenants import tokens
from apps.tenants.models import Tenant
from apps.tenants.roles import Role
from tests import factories as make
from tests.security.world import ForeignSite

URL = "/sync/v1/changes"


class News:
    """A hub of one reader: while that waits a deed is done, and whether it was news decides."""

    def __init__(self, deed=None):
        self.deed, self.count, self.waited = deed, 0, []

    def ticket(self):
        """How much news there has been so far."""
        return self.count

    async def wait(self, topic, *, timeout, after=None):
        """Let the deed be done, or the time pass."""
        self.waited.append((topic, timeout))
        if self.count > after:
            return True
        if self.deed is None:
            return False
        await sync_to_async(self.deed)()
        self.count += 1
        return True


def ask(query="", *, token="", news=None, method="GET", headers=()):
    """The status, headers and body of the waiting feed."""
    shown = [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {
        "type": "http", "method": method, "path": URL, "query_string": query.encode(),
        "headers": [*shown, *headers],
    }

    async def exchange():
        line = ApplicationCommunicator(FeedApplication(news or News()), scope)
        await line.send_input({"type": "http.request"})
        start = await line.receive_output(timeout=5)
        body = await line.receive_output(timeout=5)
        await line.wait(timeout=5)
        return start, body

    start, body = async_to_sync(exchange)()
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], told, json.loads(body["body"])


@pytest.fixture
def boss(edge_house):
    """The token of an administrator of an edge."""
    return tokens.access_token(make.admin())


ASKERS = {
    "anonymous": lambda: "",
    "bad token": lambda: "x.y.z",
    "tenant": lambda: tokens.access_token(make.user(make.tenant())),
    "guest": lambda: tokens.access_token(make.user(make.tenant(), role=Role.GUEST)),
    "admin": lambda: tokens.access_token(make.admin()),
    "center": lambda: ForeignSite().believed().token(),
    "stranger": lambda: ForeignSite().token(),
    "refresh": lambda: tokens.refresh_token(make.admin()),
}
STATUS = {
    "anonymous": 401, "bad token": 401, "tenant": 403, "guest": 403, "admin": 200, "center": 200,
    "stranger": 401, "refresh": 401,
}


@pytest.mark.parametrize("asker", ASKERS)
def test_waiting_feed_has_the_same_doors_as_the_other(edge_house, asker):
    token = ASKERS[asker]()
    status, told, body = ask(token=token)
    other = Client().get(URL, headers={"authorization": f"Bearer {token}"} if token else {})
    assert status == other.status_code == STATUS[asker]
    assert told["content-type"] == other.headers["content-type"]
    assert body.keys() == other.json().keys()
    if status == 401:
        assert "Bearer" in told["www-authenticate"]


@pytest.mark.parametrize("name", [b"access_token", b"access-token", b"Access-Token"])
def test_token_in_the_header_of_edgegallery_opens_the_waiting_feed(boss, name):
    assert ask(headers=[(name, boss.encode())])[0] == 200


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=501", "wait=31", "wait=x"])
def test_wrong_number_answers_400_and_names_it(boss, query):
    status, told, body = ask(query, token=boss)
    assert status == 400
    assert told["content-type"] == "application/problem+json"
    assert list(body["errors"]) == [query.partition("=")[0]]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_answer_405(boss, method):
    assert ask(token=boss, method=method)[0] == 405


def test_request_id_comes_back_and_answers_are_not_kept_by_caches(boss):
    _, told, _ = ask(token=boss, headers=[(b"x-request-id", b"request-0001")])
    assert told["x-request-id"] == "request-0001"
    assert told["cache-control"] == "no-store"


def test_page_that_has_rows_is_answered_without_waiting(boss):
    make.tenant()
    news = News()
    _, _, page = ask("after=0&wait=20", token=boss, news=news)
    assert len(page["rows"]) == 1
    assert news.waited == []


def test_reader_who_knows_all_is_woken_by_the_next_row(boss):
    make.tenant("first")
    known = current_version()
    news = News(lambda: make.tenant("second"))
    _, _, page = ask(f"after={known}&wait=20", token=boss, news=news)
    assert [row["data"]["name"] for row in page["rows"]] == ["second"]
    assert page["newest"] > known
    assert news.waited == [("feed", 20.0)]


def test_reader_whom_nothing_wakes_is_told_that_there_is_nothing(boss):
    known = current_version()
    _, _, page = ask(f"after={known}&wait=20", token=boss, news=News())
    assert (page["rows"], page["upto"], page["more"]) == ([], known, False)


def test_news_between_reading_and_waiting_is_not_slept_through(boss, monkeypatch):
    news = News(lambda: pytest.fail("it slept"))
    known = current_version()
    read = feed.page

    def page(**asked):
        found = read(**asked)
        if not news.count:
            make.tenant("just now")
            news.count += 1
        return found

    monkeypatch.setattr("apps.sync.feed.page", page)
    _, _, found = ask(f"after={known}&wait=20", token=boss, news=news)
    assert [row["data"]["name"] for row in found["rows"]] == ["just now"]
    assert Tenant.objects.count() == 1


def test_reader_who_does_not_want_to_wait_does_not(boss):
    news = News(lambda: pytest.fail("it waited"))
    status, _, page = ask(f"after={current_version()}", token=boss, news=news)
    assert (status, page["rows"]) == (200, [])


def test_bug_answers_500_without_a_trace(boss, monkeypatch, caplog):
    def broken(**asked):
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr("apps.sync.feed.page", broken)
    status, _, body = ask(token=boss)
    assert status == 500
    assert "secret" not in json.dumps(body)
    assert "a secret of ours" in caplog.text
