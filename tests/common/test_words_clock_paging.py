"""Sentences that travel, time that stands still, lists in pages, fields in EdgeGallery's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from apps.common import clock, fields, http
from apps.common.errors import Conflict, Invalid, NotFound, Upstream, UpstreamTimeout
from apps.common.words import NO_REASON, Reason
from tests import factories as make

TEXT = "“%(verb)s” is not possible while the state is “%(state)s”."


def test_sentence_recorded_by_one_reader_is_read_by_another_in_their_own_language():
    with translation.override("en"):
        stored = json.dumps(Reason(TEXT, "illegal_move", {"verb": "x", "state": "y"}).as_json())
    found = Reason.from_json(json.loads(stored))
    assert found == Reason(TEXT, "illegal_move", {"verb": "x", "state": "y"})
    with translation.override("en"):
        english = str(found)
    with translation.override("zh-hans"):
        chinese = str(found)
    assert english == "“x” is not possible while the state is “y”."
    assert chinese != english
    assert "x" in chinese
    assert "y" in chinese


@pytest.mark.parametrize("nothing", [None, {}, {"text": ""}])
def test_nothing_stored_is_the_empty_sentence(nothing):
    assert Reason.from_json(nothing) == NO_REASON
    assert not Reason.from_json(nothing)
    assert str(NO_REASON) == "", "and not the header of the translations"


def test_sentence_without_parameters_may_hold_percent_signs():
    assert str(Reason("100 % full %(here)s")) == "100 % full %(here)s"


def test_frozen_clock_moves_only_when_it_is_told_to_and_lets_go_afterwards():
    start = datetime(2030, 1, 1, tzinfo=UTC)
    with clock.frozen(start) as now:
        assert clock.now() == clock.now() == start
        assert now.advance(minutes=3) == clock.now() == start + timedelta(minutes=3)
        with clock.frozen() as inner:
            inner.advance(days=1)
        assert clock.now() == start + timedelta(minutes=3)
    assert clock.now() < start
    assert clock.now().tzinfo is UTC


@pytest.fixture
def pager(house):
    """Names of the AppLCMs that a page shows, of five."""
    for number in range(5):
        make.edge(f"10.3.0.{number + 1}", name=f"edge-{number}")
    boss = make.Api(make.admin())

    def ask(query):
        answer = boss.send("GET", f"/inventory/v1/applcms{query}")
        if answer.status_code != 200:
            return answer.status_code
        return "".join(row["applcmName"][-1] for row in answer.json())

    return ask


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "01234"),
        ("?limit=2", "01"),
        ("?limit=2&offset=2", "23"),
        ("?limit=2&offset=4", "4"),
        ("?offset=3", "34"),
        ("?limit=500", "01234"),
        ("?offset=100", ""),
        ("?limit=0", 400),
        ("?limit=501", 400),
        ("?limit=-1", 400),
        ("?limit=two", 400),
        ("?limit=", 400),
        ("?limit=1.0", 400),
        ("?limit=٢", 400),
        ("?offset=-1", 400),
        ("?offset=9999999999999999999999", 400),
        ("?limit=" + "9" * 5000, 400),
    ],
)
def test_list_asked_for_a_page_shows_that_page_or_says_what_is_wrong(pager, query, names):
    assert pager(query) == names


def _accepts(validator, text):
    try:
        validator(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("NAME", ["a", "a-b_c", "节点1", "", "A9"], ["-a", "a-", "_a", "a b", "a.b", "a\n", "a/b"]),
        ("PACKAGE_NAME", ["a.b", "a-b_1.2", ""], [".a", "a.", "a b", "a\n"]),
        ("APP_NAME", ["a", "a-b_c", "A1"], ["", "节点", "-a", "a-", "a b", "a\n", "a.b"]),
        ("CITY", ["Delft", "Den Haag", "a/b", "深圳", ""], [" a", "a ", "a-b", "/a"]),
        ("AFFINITY", ["X86", "X86,ARM64", "a-b", ""], [",a", "a,", "a b", "a\n"]),
        ("HEX32_64", ["0" * 32, "f" * 64], ["0" * 31, "0" * 65, "F" * 32, "0" * 32 + "\n"]),
        ("ipv4", ["10.0.0.1", "255.255.255.255"], ["", "10.0.0", "10.0.0.256", "::1", "1.2.3.4\n"]),
        ("port", ["1", "65535", 80], ["0", "65536", "", "080", "-1", "1.0", "x", "99999", "80\n"]),
    ],
)
def test_field_takes_what_the_original_takes_and_nothing_else(name, good, bad):
    validator = getattr(fields, name)
    assert [text for text in good if not _accepts(validator, text)] == []
    assert [text for text in bad if _accepts(validator, text)] == []


def _asked(handler):
    session = httpx.Client(base_url="http://edge:1", transport=httpx.MockTransport(handler))
    return http.send(session, "GET", "/x")


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, Invalid, False),
        (404, NotFound, False),
        (409, Conflict, False),
        (412, Conflict, False),
        (401, Upstream, False),
        (403, Upstream, False),
        (423, Upstream, True),
        (429, Upstream, True),
        (408, Upstream, True),
        (500, Upstream, True),
        (502, Upstream, True),
        (302, Upstream, False),
    ],
)
def test_problem_of_another_system_becomes_ours_and_quotes_its_words(status, kind, retryable):
    with pytest.raises(kind) as caught:
        _asked(lambda request: httpx.Response(status, json={"detail": "100 % no"}))
    assert "100 % no" in str(caught.value)
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"plain words", "plain words"), (b'{"message": "m"}', "m"), (b"[1]", "[1]"), (b"\xff", "")],
)
def test_problem_that_is_no_document_is_quoted_as_it_came(content, words):
    with pytest.raises(Upstream) as caught:
        _asked(lambda request: httpx.Response(500, content=content))
    assert words in str(caught.value)


def test_system_that_does_not_answer_is_told_apart_from_one_that_is_too_slow():
    def refuse(request):
        raise httpx.ConnectError("Connection refused", request=request)

    def stall(request):
        raise httpx.ReadTimeout("timed out", request=request)

    with pytest.raises(Upstream) as down:
        _asked(refuse)
    assert down.value.code == "unreachable"
    assert down.value.retryable
    assert "http://edge:1" in str(down.value)
    with pytest.raises(UpstreamTimeout) as slow:
        _asked(stall)
    assert slow.value.retryable
