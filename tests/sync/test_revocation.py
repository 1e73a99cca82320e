"""An edge that is shut out: 401 for whatever it asks, nothing is ordered there, its data stays."""

from __future__ import annotations

import pytest

from apps.common.errors import Conflict, Unauthenticated, Upstream
from apps.edgelink.client import EdgeClient
from apps.hosts.models import AppLcm, MecHost
from apps.journal.models import Entry
from apps.sync import joining, rotation
from apps.sync.models import Center, JoinStep, Peer
from apps.tenants import keys, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import KeyHolder, SigningKey
from tests import factories as make


@pytest.fixture
def edge(strangers):
    """One that joined, told something and then is shut out."""
    edge = strangers.joined()
    strangers.at_edge(make.host, "10.3.0.1")
    assert strangers.pull(edge)["came"] == "ok"
    strangers.revoke(edge)
    edge.refresh_from_db()
    return edge


def test_whatever_a_revoked_edge_asks_is_answered_with_401(strangers, edge):
    with strangers.inside():
        token = tokens.link_token(audience=Center.objects.get().site_id)
        statement = {"statement": "x"}
    api = make.Api(token=token)
    assert api.send("POST", "/sync/v1/hello").status_code == 401
    body = {"username": "a", "password": "b"}
    assert api.send("POST", "/sync/v1/accounts", body).status_code == 401
    assert api.send("PUT", "/sync/v1/keys", statement).status_code == 401
    with pytest.raises(Unauthenticated):
        tokens.read_link(token)


def test_a_revoked_edge_cannot_bring_a_new_key(strangers, edge):
    with strangers.inside():
        rotation.rotate(actor=SYSTEM)
        assert rotation.tell_site(Center.objects.get().site_id) is False
    assert not SigningKey.objects.filter(site_id=edge.site_id, active=True).exists()


def test_the_edge_is_told_that_it_is_shut_out(strangers, edge):
    with strangers.inside():
        assert joining.greet(joining.current()) is False
        assert Center.objects.get().why.code == "shut_out"


def test_nothing_is_asked_of_it_or_ordered_there_and_the_refusal_says_why(strangers, edge):
    asked = []
    strangers.wire.on_request = asked.append
    assert strangers.pull(edge)["came"] == "revoked"
    with pytest.raises(Upstream) as refusal, EdgeClient(edge) as client:
        client.remove_host("10.3.0.1")
    assert (refusal.value.code, refusal.value.retryable) == ("revoked", False)
    assert asked == []


def test_what_it_told_stays_readable_with_its_age(strangers, edge):
    host = MecHost.objects.get(ip="10.3.0.1")
    boss = make.Api(make.admin())
    answer = boss.send("GET", f"/inventory/v1/mechosts/{host.ip}")
    assert answer.status_code == 200
    assert Peer.objects.get(edge=edge).last_ok is not None
    assert Peer.objects.get(edge=edge).verdict == "revoked"


def test_revoking_is_journalled_once_and_kept_as_a_step(strangers, edge):
    strangers.revoke(edge)
    assert Entry.objects.filter(verb="hosts.applcm.revoked").count() == 1
    assert JoinStep.objects.filter(step="revoked").count() == 1
    assert not KeyHolder.objects.filter(pk=edge.site_id).exists()


def test_a_new_invitation_lets_the_same_site_in_again(strangers, edge):
    before = Peer.objects.get(edge=edge).pk
    strangers.join(strangers.invite("far"))
    edge.refresh_from_db()
    assert edge.revoked_at is None
    assert AppLcm.objects.count() == 1
    assert Peer.objects.get(edge=edge).pk == before
    assert strangers.pull(edge)["came"] == "ok"
    with strangers.inside():
        token = tokens.link_token(audience=Center.objects.get().site_id)
    assert tokens.read_link(token) == edge.site_id


def test_a_revoked_edge_that_lost_its_key_is_let_in_under_its_own_name_only(strangers, edge):
    with strangers.inside():
        KeyHolder.objects.all().delete()
        keys.own_keys().delete()
    with pytest.raises(Conflict):
        strangers.join(strangers.invite("another"))
    strangers.join(strangers.invite("far"))
    assert AppLcm.objects.get().revoked_at is None


def test_the_key_of_one_edge_is_not_revoked_with_another(strangers, edge):
    other = make.edge("10.9.0.2", name="other")
    assert AppLcm.objects.get(pk=other.pk).revoked_at is None
    assert keys.active_key(keys.own_key().kid)


def test_the_api_revokes_for_an_administrator(strangers):
    edge = strangers.joined()
    url = f"/sync/v1/edges/{edge.pk}/revoke"
    assert make.Api(make.user(make.tenant("red"))).send("POST", url).status_code == 403
    answer = make.Api(make.admin()).send("POST", url)
    assert answer.status_code == 200
    assert answer.json()["revoked_at"]
    unknown = "/sync/v1/edges/00000000-0000-4000-8000-000000000000/revoke"
    assert make.Api(make.admin()).send("POST", unknown).status_code == 404
