"""Edges are looked at when their time has come, also when nothing was heard of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common import clock
from apps.sync import tasks, turns
from apps.sync.models import Peer
from tests import factories as make


@pytest.fixture
def asked(monkeypatch, house):
    """The edges whose news was asked for, in turn, and for how long each question holds."""
    found = []

    def ask(arguments, *, expires):
        key, newest, moment = arguments
        assert (newest, moment) == (0, clock.now().timestamp())
        found.append((key, expires))

    monkeypatch.setattr(tasks.pull_edge, "apply_async", ask)
    return found


def test_edge_is_asked_for_once_until_somebody_should_have_begun(asked):
    known, new = make.edge("10.0.0.1", name="known"), make.edge("10.0.0.2", name="new")
    with clock.frozen() as now:
        Peer.objects.create(edge=known, next_at=clock.now())
        tasks.follow_edges()
        assert {key for key, _ in asked} == {str(known.pk), str(new.pk)}
        assert {expires for _, expires in asked} == {30}
        asked.clear()
        now.advance(seconds=29)
        assert tasks.follow_edges() == {"edges": 0}
        now.advance(seconds=1)
        assert tasks.follow_edges() == {"edges": 2}


def test_at_most_so_many_are_asked_for_at_once_those_that_waited_longest_first(asked, monkeypatch):
    monkeypatch.setattr(tasks, "MOST_AT_ONCE", 2)
    with clock.frozen() as now:
        edges = [make.edge(f"10.0.0.{number}", name=f"edge {number}") for number in range(1, 5)]
        for edge in edges:
            now.advance(seconds=1)
            Peer.objects.create(edge=edge, next_at=clock.now())
        for some in (edges[:2], edges[2:], []):
            asked.clear()
            tasks.follow_edges()
            assert [key for key, _ in asked] == [str(edge.pk) for edge in some]


@pytest.mark.parametrize(
    ("seconds", "newest", "is_read"), [(-3, 0, False), (-3, 2**62, True), (3, 0, True)]
)
def test_pull_has_nothing_to_do_where_one_that_began_later_has_read_as_far(
    follower, seconds, newest, is_read
):
    """Of a thousand edges that came back at once each had been asked for twice, and read twice."""
    with clock.frozen() as now:
        began = clock.now()
        assert tasks.pull_edge(str(follower.edge.pk))["came"] == "ok"
        now.advance(seconds=10)
        asked = (began + timedelta(seconds=seconds)).timestamp()
        came = tasks.pull_edge(str(follower.edge.pk), newest, asked)["came"]
    assert (came == "ok") is is_read
    assert came in ("ok", "done since")


def test_pull_that_ended_badly_does_not_count_for_those_that_were_asked_for_before(follower):
    with clock.frozen() as now:
        asked = clock.now().timestamp()
        now.advance(seconds=1)
        assert tasks.pull_edge(str(follower.edge.pk))["came"] == "ok"
        now.advance(seconds=1)
        follower.wire.down = True
        assert tasks.pull_edge(str(follower.edge.pk))["came"] == "failed"
        follower.wire.down = False
        now.advance(seconds=10)
        assert tasks.pull_edge(str(follower.edge.pk), 0, asked)["came"] == "ok"


def test_edge_whose_reader_ended_is_due_when_its_lease_has_passed(follower, monkeypatch):
    Peer.objects.filter(edge=follower.edge).update(next_at=clock.now() + timedelta(minutes=5))
    monkeypatch.setattr(tasks.reading, "_pull", lambda edge_id, **more: {"came": "lost"})
    assert tasks.pull_edge(str(follower.edge.pk)) == {"came": "lost"}
    assert turns.due() == [follower.edge.pk]
