"""An edge joins a center: once, with the right token, and nothing half-done when it fails."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from apps.common.errors import Conflict, Denied, DomainError, Invalid, Unauthenticated, Upstream
from apps.hosts.models import AppLcm, AppRuleManager
from apps.journal.models import Entry
from apps.sync import admission, greeting, invitations, joining
from apps.sync.models import Center, Invitation, JoinStep, Peer, Reader
from apps.sync.tasks import on_edge_heard, pull_edge
from apps.tenants import keys, statements, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import KeyHolder, SigningKey, Tenant
from tests import factories as make
from tests.sync.strangers import CENTER_URL


def steps(name="far"):
    """The steps of an invitation, failed ones marked."""
    rows = JoinStep.objects.filter(invitation__name=name).order_by("id")
    return [row.step if row.ok else f"!{row.step}" for row in rows]


def nothing_done(sites):
    """Whether neither side has anything of a join."""
    center = (AppLcm.objects.exists(), AppRuleManager.objects.exists(),
              SigningKey.objects.filter(site_id=sites.site_id).exists(),
              KeyHolder.objects.exists())
    with sites.inside():
        own = keys.this_site().site_id
        edge = (Center.objects.exists(), SigningKey.objects.exclude(site_id=own).exists(),
                KeyHolder.objects.exists(), Tenant.objects.exists())
    return not any((*center, *edge))


def test_an_edge_that_joins_gets_identity_key_and_tenants_and_is_followed(strangers):
    red = make.tenant("red")
    token = strangers.invite(lifetime=timedelta(hours=2))
    assert token not in str(list(Invitation.objects.values()))
    center = strangers.join(token)
    own = keys.this_site()
    assert (center.site_id, center.name, center.url) == (own.site_id, own.name, CENTER_URL)
    edge = AppLcm.objects.get()
    assert (edge.name, edge.ip, edge.port, edge.site_id) == (
        "far", "10.9.0.1", 8100, strangers.site_id)
    assert AppRuleManager.objects.filter(ip="10.9.0.1", port=8100, name="far").exists()
    key = SigningKey.objects.get(site_id=strangers.site_id)
    assert (key.purpose, bool(key.private_key)) == ("link", False)
    with strangers.inside():
        assert Tenant.objects.get().pk == red.pk
        assert SigningKey.objects.get(site_id=own.site_id).purpose == "people"
    assert Entry.objects.filter(verb="hosts.applcm.registered").exists()
    assert pull_edge(str(edge.pk))["came"] == "ok"
    assert steps() == ["invited", "joined", "contact", "synced"]


def test_only_the_tenants_that_are_delegated_are_told(strangers):
    red, _blue = make.tenant("red"), make.tenant("blue")
    strangers.join(strangers.invite(tenants=[red.pk]))
    with strangers.inside():
        assert [one.name for one in Tenant.objects.all()] == ["red"]


def test_the_announcement_of_a_join_starts_the_first_pull(strangers, monkeypatch,
                                                          django_capture_on_commit_callbacks):
    pulled = []
    monkeypatch.setattr(pull_edge, "delay", pulled.append)
    with django_capture_on_commit_callbacks(execute=True):
        edge = strangers.joined()
    assert set(pulled) == {str(edge.pk)}


@pytest.mark.parametrize("wrong", ["", "no-token", "-" + "z" * 32, "0" * 200])
def test_a_token_that_is_none_is_refused_at_its_field_without_asking_anybody(strangers, wrong):
    strangers.up.down = True
    with pytest.raises(Invalid) as refusal:
        strangers.join(wrong)
    assert "token" in refusal.value.fields
    assert nothing_done(strangers)


def test_a_token_that_the_center_does_not_know_changes_nothing_anywhere(strangers):
    with pytest.raises(Invalid) as refusal:
        strangers.join(f"{'0' * 48}-{keys.own_key().kid}")
    assert "token" in refusal.value.fields
    assert nothing_done(strangers)


@pytest.mark.parametrize("how", ["expired", "withdrawn"])
def test_an_invitation_that_is_over_is_refused_and_the_attempt_kept(strangers, how):
    token = strangers.invite(lifetime=timedelta(hours=1))
    if how == "expired":
        strangers.now.advance(seconds=3600)
    else:
        invitations.withdraw(actor=SYSTEM, invitation_id=Invitation.objects.get().pk)
    with pytest.raises(Conflict):
        strangers.join(token)
    assert nothing_done(strangers)
    assert steps()[-1] == "!refused"
    assert JoinStep.objects.last().data["reason"]["code"] == f"invitation_{how}"


def test_failed_attempts_do_not_grow_for_ever(strangers):
    token = strangers.invite()
    strangers.now.advance(seconds=7200)
    for _ in range(invitations.MOST_FAILURES + 5):
        with pytest.raises(DomainError):
            strangers.join(token)
    assert JoinStep.objects.filter(ok=False).count() == invitations.MOST_FAILURES


def test_a_reply_that_was_lost_is_given_again_to_the_same_site_only(strangers):
    token = strangers.invite()
    strangers.up.lose_replies = 1
    with pytest.raises(Upstream):
        strangers.join(token)
    with strangers.inside():
        assert not Center.objects.exists()
    edge = AppLcm.objects.get()
    with pytest.raises(Conflict) as refusal:
        admission.admit(spec=other_site(token))
    assert refusal.value.code == "invitation_used"
    strangers.now.advance(seconds=7200)  # also when it has expired meanwhile
    strangers.join(token)
    assert AppLcm.objects.get().pk == edge.pk
    assert steps() == ["invited", "joined", "!refused", "told_again", "contact"]


def test_a_token_is_good_once(strangers):
    token = strangers.invite()
    strangers.join(token)
    with pytest.raises(Conflict) as refusal:
        strangers.join(token)
    assert "used already" in str(refusal.value)
    with pytest.raises(Conflict):
        admission.admit(spec=other_site(token))
    assert AppLcm.objects.count() == 1


class Other:
    """A site of which only the key is here."""

    def __init__(self):
        real = keys.this_site()
        self.site_id = uuid.uuid4()
        self.key = keys._new_key(type(real)(site_id=self.site_id, name="other"))
        self.public, self.private = self.key.public_key, self.key.private_key
        self.key.delete()

    def state(self, token, site_id=None):
        """Its proof for a token."""
        claims = {"iss": str(site_id or self.site_id), "aud": invitations.digest_of(token),
                  "use": "join"}
        return statements.jwt.encode(claims, self.private.reveal(), algorithm="EdDSA")


def other_site(token, *, site_id=None, ip="10.9.0.9", public=None, other=None):
    """A join of some other site."""
    other = other or Other()
    who = site_id or other.site_id
    return admission.JoinSpec(
        token, who, "other", public or other.public, other.state(token, who), ip, 8100)


def test_nobody_joins_with_a_key_that_is_not_their_own(strangers):
    edge = strangers.joined()
    theirs = SigningKey.objects.get(site_id=edge.site_id).public_key
    for public in (theirs, keys.own_key().public_key):
        with pytest.raises(Unauthenticated):
            admission.admit(spec=other_site(strangers.invite("b"), public=public))
    own = keys.own_key()
    assert own.private_key
    assert own.purpose == "people"


def test_nobody_takes_over_the_identity_or_the_address_of_an_edge(strangers):
    edge = strangers.joined()
    token = strangers.invite("thief")
    for spec, code in (
        (other_site(token, site_id=edge.site_id), "site_known"),
        (other_site(token, ip=edge.ip), "address_of_another"),
        (other_site(token, site_id=keys.this_site().site_id), "same_site"),
    ):
        with pytest.raises(Conflict) as refusal:
            admission.admit(spec=spec)
        assert refusal.value.code == code
    edge.refresh_from_db()
    assert edge.ip == "10.9.0.1"
    assert SigningKey.objects.filter(purpose="link").count() == 1


def test_an_edge_that_was_registered_by_hand_is_not_taken_over_from_elsewhere(strangers):
    edge = make.edge("10.9.0.7", name="by-hand")
    other = Other()
    AppLcm.objects.filter(pk=edge.pk).update(site_id=other.site_id)
    token = strangers.invite("by-hand")
    with pytest.raises(Conflict):
        admission.admit(spec=other_site(token, other=other, ip="10.9.0.66"))
    admission.admit(spec=other_site(token, other=other, ip="10.9.0.7"))
    assert AppLcm.objects.get().pk == edge.pk


def test_one_that_was_registered_and_never_met_is_taken_over(strangers):
    edge, rules = make.edge("10.9.0.1", port=9000), make.rule_manager("10.9.0.1")
    assert strangers.joined().pk == edge.pk
    assert AppLcm.objects.get().port == 8100
    assert AppRuleManager.objects.get().pk == rules.pk


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254",
                                "0.0.0.0", "224.0.0.1", "fe80::1", "100.100.100.200"])
def test_an_edge_cannot_send_the_center_to_itself_or_to_the_secrets_of_a_cloud(
        strangers, settings, ip):
    strangers.settings["SITE_URL"] = settings.SITE_URL = "https://center.example"
    with pytest.raises(Invalid) as refusal:
        admission.admit(spec=other_site(strangers.invite(), ip=ip))
    assert "address" in refusal.value.fields
    assert nothing_done(strangers)


def test_an_edge_that_is_dialled_has_to_say_where_it_is(strangers, settings):
    settings.SITE_URL = "https://edge.example"
    with pytest.raises(Invalid) as refusal:
        strangers.join(strangers.invite(), address="")
    assert "address" in refusal.value.fields
    for wrong in ("10.0.0.7", "edge.example:8100", "10.0.0.7:0", "10.0.0.7:99999", "x"):
        with pytest.raises(Invalid) as refusal:
            strangers.join(strangers.invite(), address=wrong)
        assert "address" in refusal.value.fields
    assert nothing_done(strangers)


def test_its_own_url_tells_where_it_is(strangers, settings):
    settings.SITE_URL = "http://10.9.0.1:8100"
    token = strangers.invite()
    strangers.join(token, address="")
    assert (AppLcm.objects.get().ip, AppLcm.objects.get().port) == ("10.9.0.1", 8100)


def test_an_edge_that_dials_needs_no_address(strangers, settings):
    settings.SITE_URL = "https://edge.example"
    token = strangers.invite(opened_by="edge")
    center = strangers.join(token, address="")
    assert center.opened_by == "edge"
    edge = AppLcm.objects.get()
    assert edge.opened_by == "edge"
    assert edge.ip.startswith("fd")


@pytest.mark.parametrize("url", ["", "center.example", "ftp://center.example", "http://u:p@c.test",
                                 "http://c.test/#x", "http://c.test/?a=b",
                                 "http://169.254.169.254", "http://c test"])
def test_an_address_that_is_no_center_is_refused_at_its_field(strangers, url):
    with pytest.raises(Invalid) as refusal:
        strangers.join(strangers.invite(), url=url)
    assert "center" in refusal.value.fields


def test_another_center_that_answers_is_not_believed(strangers, monkeypatch):
    token = strangers.invite()
    other = Other()
    real = strangers.up.edge.answer

    def impostor(request):
        answer = real(request)
        if request.url.path != "/sync/v1/join":
            return answer
        body = answer.json() | {"public_key": other.public}
        return type(answer)(200, json=body)

    monkeypatch.setattr(strangers.up.edge, "answer", impostor)
    with pytest.raises(Conflict) as refusal:
        strangers.join(token)
    assert refusal.value.code == "another_center"
    with strangers.inside():
        assert not Center.objects.exists()
        assert SigningKey.objects.count() == 1


@pytest.mark.parametrize("change", [
    {"welcome": "x"}, {"welcome": ""}, {"site_id": str(uuid.uuid4())}, {"public_key": "x"},
])
def test_an_answer_that_was_changed_on_its_way_is_not_believed(strangers, monkeypatch, change):
    real = strangers.up.edge.answer

    def changed(request):
        answer = real(request)
        return type(answer)(200, json=answer.json() | change)

    monkeypatch.setattr(strangers.up.edge, "answer", changed)
    with pytest.raises(Conflict):
        strangers.join(strangers.invite())
    with strangers.inside():
        assert not Center.objects.exists()


def test_the_welcome_of_another_invitation_is_not_believed(strangers, monkeypatch):
    first = strangers.invite("first")
    kept = []
    real = strangers.up.edge.answer

    def replayed(request):
        if not kept:
            kept.append(real(request))
        return kept[0]

    monkeypatch.setattr(strangers.up.edge, "answer", replayed)
    strangers.join(first)
    with pytest.raises(Conflict) as refusal:
        strangers.join(strangers.invite("second"))
    assert refusal.value.code == "another_center"


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
    strangers.at_edge(joining.leave, actor=SYSTEM)
    assert strangers.pull(edge)["came"] == "failed"


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
