"""An edge joins a center: once, with the right token, and nothing half-done when it fails."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from apps.common.errors import Conflict, DomainError, Invalid, Unauthenticated, Upstream
from apps.hosts.models import AppLcm, AppRuleManager, MecHost
from apps.hosts.selectors import hosts_for
from apps.journal.models import Entry
from apps.sync import admission, invitations
from apps.sync.models import Center, Invitation, JoinStep
from apps.sync.tasks import pull_edge
from apps.tenants import keys
from apps.tenants.actors import SYSTEM
from apps.tenants.models import KeyHolder, SigningKey, Tenant
from tests import factories as make
from tests.sync.strangers import CENTER_URL, Other, other_site, steps


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


def test_hosts_of_an_edge_are_for_the_tenants_that_it_was_invited_for(strangers):
    red, blue = make.tenant("red"), make.tenant("blue")
    edge = strangers.joined(tenants=[red.pk])
    roof = strangers.at_edge(make.host, "10.9.1.1", name="roof")
    assert strangers.pull(edge)["came"] == "ok"
    users = make.user(red).actor, make.user(blue).actor
    assert [[one.pk for one in hosts_for(user)] for user in users] == [[roof.pk], []]
    # Whoever administers the center may open it; the edge's word on it does not close it again.
    MecHost.objects.update(shared=True)
    strangers.at_edge(lambda: MecHost.objects.get().save())
    strangers.pull(edge)
    assert [[one.pk for one in hosts_for(user)] for user in users] == [[roof.pk]] * 2


def test_hosts_of_an_edge_that_works_for_all_are_open(strangers):
    blue = make.tenant("blue")
    edge = strangers.joined()
    roof = strangers.at_edge(make.host, "10.9.1.1", name="roof")
    strangers.pull(edge)
    assert [one.pk for one in hosts_for(make.user(blue).actor)] == [roof.pk]


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
