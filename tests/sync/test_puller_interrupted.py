"""Following an edge through cut links, lost replies, deaths and strangers: nothing is lost."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from apps.hosts.models import AppLcm
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.sync import feed, kinds, puller, tasks
from apps.sync.models import Peer
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from tests import factories as make
from tests.sync.lives import counts, life

EITHER_WAY = True


class Dies(BaseException):
    """The center's process is gone."""


def test_edge_that_is_down_is_a_fault_since_when_and_goes_when_it_answers(follower):
    follower.wire.down = True
    assert follower.pull() == {"came": "failed", "why": "unreachable"}
    since = follower.now()
    follower.now.advance(minutes=1)
    follower.pull()
    edge, peer = AppLcm.objects.get(), Peer.objects.get()
    assert (edge.reachable, edge.since, peer.failures) == (False, since, 2)
    assert "cannot be reached" in str(peer.why)
    follower.wire.down = False
    assert follower.pull()["came"] == "ok"
    edge, peer = AppLcm.objects.get(), Peer.objects.get()
    assert (edge.reachable, peer.failures, str(peer.why)) == (True, 0, "")
    assert edge.last_seen == peer.last_ok == follower.now()


def test_page_whose_reply_is_lost_is_asked_for_again(follower):
    follower.at_edge(life)
    follower.pull()
    follower.at_edge(make.tenant, "later")
    before = follower.cursor()
    follower.wire.lose_replies = 1
    assert follower.pull()["came"] == "failed"
    assert follower.cursor() == before
    follower.pull()
    assert Tenant.objects.filter(name="later").exists()


def test_center_that_dies_between_a_page_and_its_cursor_reads_the_page_again(
    follower, monkeypatch
):
    follower.pull()
    before = follower.cursor()
    follower.at_edge(life)
    real = puller.hold

    def die(peer, **fields):
        if "mark" in fields and not fields.get("copying"):
            raise Dies
        real(peer, **fields)

    monkeypatch.setattr(puller, "hold", die)
    with pytest.raises(Dies):
        follower.pull()
    assert follower.cursor() == before
    assert counts() == (1, 1, 1, 1, 1), "the page itself was applied"
    rows = AppInstance.objects.values().get()
    monkeypatch.setattr(puller, "hold", real)
    assert follower.pull()["came"] == "ok"
    assert AppInstance.objects.values().get() == rows
    assert counts() == (1, 1, 1, 1, 1)


@pytest.mark.parametrize("at", range(5))
def test_center_that_dies_at_any_row_goes_on_from_where_the_cursor_stood(
    follower, monkeypatch, at
):
    follower.pull()
    before = follower.cursor()
    follower.at_edge(life)
    kind = feed.KINDS[at]

    def die(source, row):
        raise Dies

    monkeypatch.setitem(kinds.BY_NAME, kind.name, replace(kind, take=die))
    with pytest.raises(Dies):
        follower.pull()
    monkeypatch.undo()
    follower.sites.link(monkeypatch)
    assert follower.cursor() == before
    assert follower.pull() == {"came": "ok", "rows": 5, "held": 0}
    assert counts() == (1, 1, 1, 1, 1)


def test_two_pulls_of_one_edge_never_overlap(follower):
    met = []

    def meanwhile(request):
        if "changes" in request.url.path:
            met.append(follower.pull())

    follower.wire.on_request = meanwhile
    follower.at_edge(life)
    assert follower.pull()["came"] == "ok"
    assert met
    assert all(one == {"came": "already running"} for one in met)


@pytest.mark.parametrize("late", [True, False])
def test_news_that_is_heard_of_during_a_pull_and_is_not_in_it_is_pulled_next(
    follower, monkeypatch, late
):
    """Its own pull finds the edge taken; without news the next one would be a minute away."""
    again, born = [], follower.at_edge(life)
    monkeypatch.setattr(tasks.pull_edge, "delay", again.append)
    follower.pull()
    follower.at_edge(make.tenant)

    def more():
        instances.move(actor=SYSTEM, instance_id=born["instance"].pk, verb="terminate")

    def meanwhile(request):
        if "ack" in request.url.path:
            follower.wire.on_request = None
            if late:
                follower.at_edge(more)
            newest = follower.at_edge(feed.current_version)
            key = str(follower.edge.pk)
            assert tasks.pull_edge(key, newest) == {"came": "already running"}

    follower.wire.on_request = meanwhile
    assert tasks.pull_edge(str(follower.edge.pk))["came"] == "ok"
    assert again == [str(follower.edge.pk)] * late
    assert tasks.pull_edge(str(follower.edge.pk))["rows"] == late
    assert again == [str(follower.edge.pk)] * late


def test_pull_of_a_process_that_died_is_followed_by_another_after_its_lease(follower):
    follower.at_edge(life)
    Peer.objects.create(edge=follower.edge, lease_until=follower.now() + puller.LEASE)
    assert follower.pull() == {"came": "already running"}
    follower.now.advance(seconds=puller.LEASE.total_seconds())
    assert follower.pull()["came"] == "ok"


def test_pull_of_a_process_that_died_is_forgotten_at_the_next_start(follower):
    Peer.objects.create(edge=follower.edge, lease_until=follower.now() + puller.LEASE)
    assert puller.drop_leases() == 1
    assert follower.pull()["came"] == "ok"


def test_pull_that_takes_long_keeps_its_lease_page_by_page(follower, monkeypatch):
    monkeypatch.setattr(puller, "PAGE", 1)
    follower.at_edge(life)
    met = []

    def slow(request):
        if "changes" in request.url.path:
            follower.now.advance(seconds=puller.LEASE.total_seconds() - 1)
            met.append(follower.pull()["came"])

    follower.wire.on_request = slow
    assert follower.pull() == {"came": "ok", "rows": 5, "held": 0}
    assert set(met) == {"already running"}


def test_pull_that_was_overtaken_while_it_waited_writes_nothing(follower):
    follower.at_edge(life)
    met = []

    def stall(request):
        if "changes" in request.url.path and not met:
            met.append(None)
            follower.now.advance(seconds=puller.LEASE.total_seconds() + 1)
            met[0] = follower.pull()
            follower.at_edge(make.tenant, "later")

    follower.wire.on_request = stall
    assert follower.pull() == {"came": "overtaken"}
    assert met[0]["came"] == "ok"
    assert not Tenant.objects.filter(name="later").exists()
    assert Peer.objects.get().lease_until is None
    follower.pull()
    assert Tenant.objects.filter(name="later").exists()


# --- who the edge is -----------------------------------------------------------------------------


def test_identity_is_pinned_by_the_first_pull(follower):
    follower.pull()
    assert AppLcm.objects.get().site_id == follower.sites.site_id


def test_another_site_at_the_address_is_a_fault_and_nothing_is_taken_from_it(follower):
    follower.at_edge(life)
    AppLcm.objects.update(site_id=uuid.uuid4())
    report = follower.pull()
    assert report["came"] == "failed"
    assert Peer.objects.get().why
    assert AppLcm.objects.get().reachable is False
    assert counts() == (0, 0, 0, 0, 0)
    assert follower.cursor() == 0


def test_edge_that_was_removed_meanwhile_is_not_followed(follower):
    key = follower.edge.pk
    follower.edge.delete()
    assert puller.pull(key) == {"came": "no such edge"}


@pytest.mark.parametrize(
    "said",
    ["[]", '"x"', "null", "<html>", "{}", '{"rows": 7}', '{"rows": [], "upto": "x", "more": false}',
     '{"rows": [7], "upto": 9, "more": false}', '{"rows": [{}], "upto": 9, "more": false}'],
)
def test_answer_that_is_no_feed_is_a_failed_pull_and_not_an_endless_one(
    follower, monkeypatch, said
):
    follower.pull()
    answer = follower.sites.answer

    def odd(request):
        response = answer(request)
        if "changes" in request.url.path:
            return type(response)(200, text=said)
        return response

    monkeypatch.setattr(follower.sites, "answer", odd)
    before = follower.cursor()
    assert follower.pull() == {"came": "failed", "why": "not_an_edge"}
    assert follower.cursor() == before
    assert Peer.objects.get().lease_until is None


def test_feed_that_promises_more_and_does_not_go_on_ends_the_pull(follower, monkeypatch):
    follower.at_edge(life)
    read = feed.page
    monkeypatch.setattr(feed, "page", lambda **asked: read(**asked) | {"more": True})
    assert follower.pull()["came"] == "ok"
    assert counts() == (1, 1, 1, 1, 1)
