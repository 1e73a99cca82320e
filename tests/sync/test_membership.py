"""What follows a join: greeting, leaving, who decides, and what the key of an edge cannot do."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from apps.common.errors import Conflict, Denied, Invalid, Unauthenticated
from apps.hosts.models import AppLcm
from apps.sync import admission, greeting, invitations, joining
from apps.sync.models import Center, Invitation, Peer, Reader
from apps.sync.tasks import on_edge_heard, pull_edge
from apps.tenants import keys, tokens
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.sync.strangers import CENTER_URL, steps


def test_an_edge_joins_no_second_center_until_it_left_the_first(strangers):
    edge = strangers.joined()
    with strangers.inside():
        Center.objects.update(url="http://elsewhere.test", site_id=uuid.uuid4())
    token = strangers.invite("again")
    with pytest.raises(Conflict) as refusal:
        strangers.join(token)
    assert refusal.value.code == "joined_already"
    assert Invitation.objects.get(name="again").used_at is None
    strangers.at_edge(joining.leave, actor=SYSTEM)
    with strangers.inside():
        assert joining.current() is None
        with pytest.raises(Conflict):
            joining.leave(actor=SYSTEM)
    strangers.join(token)
    assert AppLcm.objects.get(pk=edge.pk).name == "again"


def test_an_edge_that_left_obeys_the_center_no_more(strangers):
    edge = strangers.joined()
    assert strangers.pull(edge)["came"] == "ok"
    strangers.up.down = True
    strangers.at_edge(joining.leave, actor=SYSTEM)
    assert strangers.pull(edge)["came"] == "failed"


def test_center_that_can_be_reached_is_told_that_an_edge_left(strangers):
    edge = strangers.joined()
    strangers.pull(edge)
    strangers.at_edge(joining.leave, actor=SYSTEM)
    assert strangers.pull(edge)["came"] == "revoked"
    assert Peer.objects.get(edge=edge).verdict == "revoked"
    assert steps()[-1] == "left"
    # Who has left is let in again by a new invitation, under the same identity.
    strangers.join(strangers.invite())
    edge.refresh_from_db()
    assert edge.revoked_at is None
    assert strangers.pull(edge)["came"] == "ok"


def test_goodbye_counts_only_from_who_has_joined(strangers):
    edge = strangers.joined()
    admin = make.Api(token=tokens.access_token(make.admin()))
    for api in (make.Api(), admin):
        assert api.send("POST", "/sync/v1/goodbye").status_code == 401
    edge.refresh_from_db()
    assert edge.revoked_at is None


def test_hello_has_the_center_ask_at_once_and_only_for_those_who_joined(
        strangers, monkeypatch, django_capture_on_commit_callbacks):
    edge = strangers.joined()
    pulled = []
    monkeypatch.setattr(pull_edge, "delay", pulled.append)
    with django_capture_on_commit_callbacks(execute=True):
        assert strangers.at_edge(greeting.greet, always=True) is True
    assert pulled == [str(edge.pk)]
    api = make.Api()
    admin = make.Api(token=tokens.access_token(make.admin()))
    assert api.send("POST", "/sync/v1/hello").status_code == 401
    assert admin.send("POST", "/sync/v1/hello").status_code == 401


def test_the_edge_greets_while_nothing_is_heard_of_the_center_and_not_otherwise(strangers):
    edge = strangers.joined()
    assert strangers.at_edge(greeting.greet) is True  # never heard of
    assert strangers.pull(edge)["came"] == "ok"
    with strangers.inside():
        assert Center.objects.get().heard_at == strangers.now()
        assert greeting.greet() is None
    strangers.now.advance(seconds=61)
    strangers.up.down = True
    assert strangers.at_edge(greeting.greet) is False
    with strangers.inside():
        assert Center.objects.get().why.code == "unreachable"
    strangers.up.down = False
    assert strangers.at_edge(greeting.greet) is True
    with strangers.inside():
        assert not Center.objects.get().fault


def test_being_heard_of_is_written_every_five_seconds_at_most(strangers):
    strangers.joined()
    with strangers.inside():
        site_id, start = Center.objects.get().site_id, strangers.now()
        for seconds, expected in ((0, 0), (3, 0), (3, 6)):
            strangers.now.advance(seconds=seconds)
            joining.note_heard(site_id)
            assert (Center.objects.get().heard_at - start).total_seconds() == expected
        joining.note_heard(None)
        joining.note_heard(uuid.uuid4())


def test_the_key_of_an_edge_never_speaks_for_people_at_the_center(strangers):
    edge = strangers.joined()
    center = keys.this_site().site_id
    with strangers.inside():
        boss = make.admin("edge-boss")
        forged = [
            tokens.site_token(boss.actor, audience=center),
            tokens.site_token(SYSTEM, audience=center),
            tokens.link_token(audience=center),
            tokens.access_token(boss),
        ]
    for token in forged:
        api = make.Api(token=token)
        assert api.send("GET", "/auth/v1/me").status_code == 401
        assert api.send("GET", "/sync/v1/invitations").status_code == 401
        with pytest.raises(Unauthenticated):
            tokens.read(token)
    for token in (*forged[:2], forged[3], tokens.access_token(make.admin())):
        with pytest.raises(Unauthenticated):
            tokens.read_link(token)
    assert tokens.read_link(forged[2]) == edge.site_id


def test_the_link_token_for_another_center_is_refused(strangers):
    strangers.joined()
    with strangers.inside():
        token = tokens.link_token(audience=uuid.uuid4())
    assert make.Api(token=token).send("POST", "/sync/v1/hello").status_code == 401


def test_only_an_administrator_of_the_site_itself_decides_whom_it_trusts(strangers):
    red = make.user(make.tenant("red"))
    with pytest.raises(Denied):
        invitations.invite(actor=red.actor, name="x")
    boss = make.admin().actor
    with strangers.inside():
        foreign = type(boss)(boss.actor_id, "boss", boss.role, None, uuid.uuid4())
        for work in (lambda: joining.join(actor=foreign, url=CENTER_URL, token="x"),
                     lambda: joining.leave(actor=foreign)):
            with pytest.raises(Denied):
                work()


def test_an_invitation_lives_for_a_week_at_most_and_names_tenants_that_exist(house):
    for lifetime in (timedelta(0), timedelta(days=7, seconds=1), timedelta(hours=-1)):
        with pytest.raises(Invalid):
            invitations.invite(actor=SYSTEM, name="x", lifetime=lifetime)
    with pytest.raises(Invalid) as refusal:
        invitations.invite(actor=SYSTEM, name="x", tenants=[uuid.uuid4()])
    assert "tenants" in refusal.value.fields
    assert not Invitation.objects.exists()


def test_a_used_invitation_is_not_withdrawn_and_an_unused_one_is_forgotten_after_a_month(
        strangers):
    strangers.joined()
    with pytest.raises(Conflict):
        invitations.withdraw(actor=SYSTEM, invitation_id=Invitation.objects.get().pk)
    strangers.invite("unused")
    strangers.now.advance(seconds=32 * 24 * 3600)
    assert invitations.purge() == 1
    assert Invitation.objects.get().name == "far"


def test_the_first_answer_of_an_edge_is_a_step_also_when_it_does_not_greet(strangers):
    token = strangers.invite()
    strangers.up.on_request = lambda request: setattr(
        strangers.up, "down", request.url.path == "/sync/v1/hello")
    strangers.join(token)
    assert steps() == ["invited", "joined"]
    edge = AppLcm.objects.get()
    strangers.pull(edge)
    on_edge_heard(type("Event", (), {"subject_id": str(edge.pk)}))
    assert steps() == ["invited", "joined", "contact"]


def test_autonomy_is_the_administrators_to_set(strangers):
    edge = strangers.joined()
    admission.set_autonomy(actor=SYSTEM, edge_id=edge.pk, autonomy=timedelta(hours=48))
    assert Peer.objects.get(edge=edge).autonomy == timedelta(days=2)
    for wrong in (timedelta(0), timedelta(days=400)):
        with pytest.raises(Invalid):
            admission.set_autonomy(actor=SYSTEM, edge_id=edge.pk, autonomy=wrong)


def test_the_api_invites_shows_and_withdraws_and_never_tells_a_token_twice(house):
    api = make.Api(make.admin())
    made = api.send("POST", "/sync/v1/invitations", {"name": "far", "hours": 2})
    assert made.status_code == 201
    token, key = made.json()["token"], made.json()["id"]
    for url in ("/sync/v1/invitations", f"/sync/v1/invitations/{key}"):
        answer = api.send("GET", url)
        assert answer.status_code == 200
        assert token not in answer.content.decode()
    assert api.send("DELETE", f"/sync/v1/invitations/{key}").json()["withdrawn_at"]
    for body in ({}, {"name": "two words"}, {"name": "x", "hours": 500}):
        assert api.send("POST", "/sync/v1/invitations", body).status_code == 400


def test_the_api_of_an_edge_joins_shows_and_leaves(strangers):
    token = strangers.invite()
    with strangers.inside():
        api = make.Api(make.admin())
        assert api.send("GET", "/sync/v1/center").status_code == 404
        body = {"center": CENTER_URL, "token": token, "address": "10.9.0.1:8100"}
        assert api.send("POST", "/sync/v1/center", body).status_code == 201
        assert api.send("GET", "/sync/v1/center").json()["url"] == CENTER_URL
        assert api.send("DELETE", "/sync/v1/center").status_code == 200
        assert api.send("DELETE", "/sync/v1/center").status_code == 409
    assert not Reader.objects.exists()
