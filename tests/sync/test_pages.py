"""Pages of a full copy: in their order, and the next one on its way while one is taken."""

from __future__ import annotations

import threading

import pytest

from apps.common.errors import Upstream
from apps.sync.pages import Pages

SECONDS = 10


class Edge:
    """Answers three pages; ``asked`` tells when the second and third were asked for, and where."""

    def __init__(self, fault=None):
        self.fault = fault
        self.asked = {after: threading.Event() for after in ("", "a", "b")}
        self.threads = []

    def copy(self, *, kind, after, limit):
        self.threads.append(threading.current_thread().name)
        self.asked[after].set()
        if after and self.fault:
            raise self.fault
        following = {"": ["tenant", "a"], "a": ["tenant", "b"], "b": None}[after]
        return {"rows": [after] * limit, "next": following}


def read(pages, after):
    return pages.read("tenant", after)


def test_the_next_page_is_asked_for_while_one_is_taken():
    edge = Edge()
    with Pages(edge, limit=2, ahead=True) as pages:
        assert read(pages, "")["rows"] == ["", ""]
        assert edge.asked["a"].wait(SECONDS)
        assert not edge.asked["b"].is_set()
        assert read(pages, "a")["rows"] == ["a", "a"]
        assert edge.asked["b"].wait(SECONDS)
        assert read(pages, "b") == {"rows": ["b", "b"], "next": None}
    assert len(edge.threads) == 3, "no page is asked for twice"
    assert len(set(edge.threads)) == 2


def test_without_that_each_page_is_asked_for_when_it_is_wanted():
    edge = Edge()
    with Pages(edge, limit=1, ahead=False) as pages:
        read(pages, "")
        assert not edge.asked["a"].is_set()
        read(pages, "a")
    assert set(edge.threads) == {threading.current_thread().name}


def test_a_page_that_did_not_come_is_a_fault_where_it_is_wanted():
    fault = Upstream("gone", code="unreachable")
    with Pages(Edge(fault), limit=1, ahead=True) as pages:
        assert read(pages, "")["rows"] == [""]
        with pytest.raises(Upstream) as raised:
            read(pages, "a")
    assert raised.value is fault
