"""The link to an edge: who it is, what it may, and what its failures are called here."""

from __future__ import annotations

import uuid

import httpx
import pytest

from apps.common import clock, http
from apps.common.errors import NotFound, Upstream, UpstreamTimeout
from apps.common.middleware import request_id
from apps.edgelink.client import EdgeClient
from apps.hosts.models import AppLcm, MecHost
from apps.journal.models import Entry
from apps.tenants.actors import SYSTEM
from apps.tenants.models import SigningKey, Tenant
from apps.vim.resources import ResourceKind
from apps.vim.voices import LogQuery
from tests import factories as make

EITHER_WAY = True

HOST = {
    "mechostIp": "10.9.1.1", "mechostName": "far", "city": "Delft", "address": "a",
    "coordinates": "1,2", "vim": "Simulated",
}


@pytest.fixture
def edge(two_sites):
    """The AppLCM of the real edge."""
    return make.edge()


def test_first_contact_pins_the_identity_that_the_edge_shows(two_sites, edge):
    with EdgeClient(edge) as link:
        link.put_host(HOST)
    assert AppLcm.objects.get().site_id == two_sites.site_id


def test_order_is_recorded_at_the_edge_under_the_acting_user_and_the_same_request(two_sites, edge):
    rita = make.admin("rita")
    mark = request_id.set("request-0007")
    try:
        with EdgeClient(edge, actor=rita.actor) as link:
            link.put_host(HOST)
    finally:
        request_id.reset(mark)
    with two_sites.inside():
        entry = Entry.objects.get(verb="hosts.host.registered")
        assert (entry.actor_name, entry.actor_id) == ("rita", str(rita.pk))
        assert entry.request_id == "request-0007"
        assert MecHost.objects.get().origin == "MEO"


def test_order_for_a_tenant_may_do_at_the_edge_what_a_tenant_may(two_sites, edge):
    somebody = make.user(make.tenant("red"))
    with EdgeClient(edge, actor=somebody.actor, tenant_name="red") as link:
        with pytest.raises(Upstream) as caught:
            link.put_host(HOST)
        assert not caught.value.retryable
        assert "administrator" in str(caught.value)
        with pytest.raises(NotFound):
            link.package(uuid.uuid4(), "0" * 64)
    with two_sites.inside():
        assert not MecHost.objects.exists()
        assert not Tenant.objects.filter(name="red").exists(), "asking makes nothing"


def test_edge_that_does_not_trust_the_center_refuses_and_nothing_is_tried_again(two_sites, edge):
    with two_sites.inside():
        SigningKey.objects.update(active=False)
    with EdgeClient(edge) as link, pytest.raises(Upstream) as caught:
        link.put_host(HOST)
    assert not caught.value.retryable
    assert "401" in str(caught.value)


def test_another_site_at_the_address_of_an_edge_is_told_nothing(two_sites, edge):
    AppLcm.objects.update(site_id=uuid.uuid4())
    edge.refresh_from_db()
    with EdgeClient(edge) as link, pytest.raises(Upstream):
        link.put_host(HOST)
    with two_sites.inside():
        assert not MecHost.objects.exists()
    assert AppLcm.objects.get().site_id != two_sites.site_id


@pytest.mark.parametrize("said", [{}, {"site_id": "x"}, {"site_id": None}, [], "hello", None, 7])
def test_what_is_no_edge_is_not_trusted(two_sites, edge, monkeypatch, said):
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=said))
    monkeypatch.setattr(
        http, "client", lambda url: httpx.Client(base_url=url, transport=transport)
    )
    with EdgeClient(edge) as link, pytest.raises(Upstream) as caught:
        link.put_host(HOST)
    assert caught.value.code == "not_an_edge"
    assert AppLcm.objects.get().site_id is None


def test_web_page_at_the_address_of_an_edge_is_not_trusted(two_sites, edge, monkeypatch):
    page = httpx.MockTransport(lambda request: httpx.Response(200, text="<h1>It works</h1>"))
    monkeypatch.setattr(http, "client", lambda url: httpx.Client(base_url=url, transport=page))
    with EdgeClient(edge) as link, pytest.raises(Upstream) as caught:
        link.put_host(HOST)
    assert caught.value.code == "not_an_edge"


@pytest.mark.parametrize("said", [
    {}, {"id": "1"}, {"quotas": 7}, {"quotas": [], "asOf": 7}, {"asOf": "now", "quotas": []},
    {"quotas": [{"used": 1}], "asOf": "2026-01-01T00:00:00+00:00"}, {"url": None}, [], None,
])
def test_answers_that_are_no_servers_and_no_resources_are_not_an_edges(
    two_sites, edge, monkeypatch, said
):
    def answer(request):
        met = request.url.path == "/sync/v1/site"
        return httpx.Response(200, json={"site_id": str(uuid.uuid4())} if met else said)

    monkeypatch.setattr(http, "client", lambda url: httpx.Client(
        base_url=url, transport=httpx.MockTransport(answer)))
    ids = (uuid.uuid4(), uuid.uuid4(), str(uuid.uuid4()))
    with EdgeClient(edge) as link:
        for call in (
            lambda: link.server(*ids), lambda: link.screen(*ids),
            lambda: link.resources("10.9.1.1", ResourceKind.QUOTAS),
        ):
            with pytest.raises(Upstream) as caught:
                call()
            assert caught.value.code == "not_an_edge"


@pytest.mark.parametrize("said", [
    {"events": [1]}, {"events": [{"count": "x"}]}, {"events": 7}, {"lines": [{}]}, {"lines": 7},
    {"lines": [{"at": "1", "text": "x"}]}, [], None,
])
def test_answers_that_are_no_events_and_no_log_are_not_an_edges(
    two_sites, edge, monkeypatch, said
):
    def answer(request):
        met = request.url.path == "/sync/v1/site"
        return httpx.Response(200, json={"site_id": str(uuid.uuid4())} if met else said)

    monkeypatch.setattr(http, "client", lambda url: httpx.Client(
        base_url=url, transport=httpx.MockTransport(answer)))
    ids = (uuid.uuid4(), uuid.uuid4())
    with EdgeClient(edge) as link:
        calls = [lambda: link.workload_log(*ids, LogQuery("p"))]
        calls += [lambda: link.workload_events(*ids)] if "lines" not in (said or ()) else []
        for call in calls:
            with pytest.raises(Upstream) as caught:
                call()
            assert caught.value.code == "not_an_edge"


def test_edge_that_is_down_and_one_that_is_silent_are_told_apart(two_sites, edge):
    two_sites.wire.down = True
    with EdgeClient(edge) as link, pytest.raises(Upstream) as down:
        link.put_host(HOST)
    assert (down.value.code, down.value.retryable) == ("unreachable", True)
    two_sites.wire.down = False
    two_sites.wire.lose_requests = 1
    with EdgeClient(edge) as link, pytest.raises(UpstreamTimeout) as silent:
        link.put_host(HOST)
    assert silent.value.retryable


def test_each_call_shows_a_token_that_is_still_young(two_sites, edge):
    with clock.frozen() as now, EdgeClient(edge) as link:
        link.put_host(HOST)
        now.advance(hours=1)
        link.put_host(HOST | {"city": "Leiden"})
    with two_sites.inside():
        assert MecHost.objects.get().city == "Leiden"


def test_real_client_waits_for_a_bounded_time_and_ignores_proxies(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with http.client("http://10.0.0.1") as session:
        assert session.timeout.connect == http.CONNECT_SECONDS
        assert 0 < session.timeout.read <= 60
        assert not session.follow_redirects
        assert not session.trust_env
    assert SYSTEM.is_admin
