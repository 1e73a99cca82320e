"""Accounts of the center at an edge: asked for there, good here for a stated time, never stolen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from apps.common.errors import Conflict, Denied, TooManyFailures, Unauthenticated
from apps.sync import joining
from apps.tenants import administration, services, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant, User
from apps.tenants.roles import Role
from apps.tenants.sign_in import sign_in
from apps.tenants.specs import UserChange, UserSpec
from tests import factories as make

WEEK = 7 * 24 * 3600


@pytest.fixture
def joined(strangers):
    """An edge that joined, and at the center a tenant with Anna and an administrator."""
    strangers.red = make.tenant("red")
    strangers.anna = make.user(strangers.red, name="anna")
    strangers.boss = make.admin("boss")
    strangers.edge = strangers.joined()
    return strangers


def at_edge(sites, name="anna", password=make.PASSWORD):
    """Sign in at the edge; returns the user there."""
    with sites.inside():
        return sign_in(username=name, password=password, address="192.0.2.1")


def copies(sites):
    """The names of the accounts of the center that the edge has."""
    with sites.inside():
        return [one.username for one in User.objects.exclude(home_site=None)]


def test_an_account_of_the_center_signs_in_and_a_copy_is_kept_for_a_week(joined):
    user = at_edge(joined)
    assert (user.pk, user.username, user.role) == (joined.anna.pk, "anna", "tenant")
    assert user.tenant_id == joined.red.pk
    assert user.cached_until == joined.now() + timedelta(days=7)
    assert make.PASSWORD not in user.password
    with joined.inside():
        assert Tenant.objects.get(pk=joined.red.pk).name == "red"
        token = tokens.access_token(user)
        assert make.Api(token=token).send("GET", "/auth/v1/me").json()["user_name"] == "anna"


def test_an_administrator_of_the_center_is_one_here_unless_the_edge_does_not_want_it(
        joined, settings):
    boss = at_edge(joined, "boss")
    assert (boss.role, boss.tenant_id) == ("admin", None)
    with joined.inside():
        token = tokens.access_token(boss)
    settings.CENTER_ADMINS = False
    with pytest.raises(Denied):
        at_edge(joined, "boss")
    joined.up.down = True
    with pytest.raises(Denied):
        at_edge(joined, "boss")
    with joined.inside(), pytest.raises(Unauthenticated):
        tokens.read(token)
    joined.up.down = False
    assert at_edge(joined).username == "anna"


def test_without_the_center_the_copy_is_good_until_its_time_and_then_the_refusal_says_why(joined):
    at_edge(joined)
    joined.up.down = True
    joined.now.advance(seconds=WEEK - 1)
    user = at_edge(joined)
    with joined.inside():
        token = tokens.access_token(user)
        assert tokens.read(token)
    with pytest.raises(Unauthenticated):
        at_edge(joined, password="wrong-horse-1")
    joined.now.advance(seconds=1)
    with pytest.raises(Denied) as refusal:
        at_edge(joined)
    assert refusal.value.code == "cache_over"
    assert "2" in str(refusal.value)
    with pytest.raises(Unauthenticated):  # who does not know the password learns nothing
        at_edge(joined, password="wrong-horse-1")
    with joined.inside(), pytest.raises(Unauthenticated):
        tokens.read(token)
    joined.up.down = False
    assert at_edge(joined).cached_until == joined.now() + timedelta(days=7)


def test_a_session_ends_with_the_copy(joined):
    user = at_edge(joined)
    with joined.inside():
        browser = Client()
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        assert browser.get("/account/").status_code == 200
        joined.now.advance(seconds=WEEK)
        assert browser.get("/account/").status_code == 302
        assert browser.get("/login/").status_code == 200


def test_signing_in_again_ends_no_other_session(joined):
    token = joined.at_edge(tokens.access_token, at_edge(joined))
    at_edge(joined)
    assert joined.at_edge(tokens.read, token)


def test_an_unknown_name_without_the_center_is_only_wrong(joined):
    joined.up.down = True
    with pytest.raises(Unauthenticated):
        at_edge(joined)
    assert copies(joined) == []


def test_a_password_that_the_center_no_longer_takes_ends_the_copy(joined):
    at_edge(joined)
    services.change_my_password(user=joined.anna, old=make.PASSWORD, new="another-horse-7")
    with pytest.raises(Unauthenticated):
        at_edge(joined)
    assert copies(joined) == []
    assert at_edge(joined, password="another-horse-7").username == "anna"


def test_the_new_password_replaces_the_old_one_in_the_copy(joined):
    at_edge(joined)
    services.change_my_password(user=joined.anna, old=make.PASSWORD, new="another-horse-7")
    at_edge(joined, password="another-horse-7")
    joined.up.down = True
    with pytest.raises(Unauthenticated):
        at_edge(joined)
    assert at_edge(joined, password="another-horse-7")


def test_an_account_that_was_switched_off_at_the_center_ends_here(joined):
    at_edge(joined)
    services.set_user_active(actor=SYSTEM, user_id=joined.anna.pk, active=False)
    with pytest.raises(Unauthenticated):
        at_edge(joined)
    joined.up.down = True
    with pytest.raises(Unauthenticated):
        at_edge(joined)


def test_nobody_takes_a_copy_away_by_mistyping_its_password(joined):
    at_edge(joined)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            at_edge(joined, password="wrong-horse-1")
    joined.up.down = True
    assert at_edge(joined)


def test_many_wrong_passwords_close_the_door_at_the_center_for_that_edge(joined):
    for number in range(20):
        with joined.inside(), pytest.raises((Unauthenticated, TooManyFailures)):
            sign_in(username="anna", password="wrong-horse-1", address=f"192.0.2.{number}")
    with pytest.raises(TooManyFailures):
        at_edge(joined)
    assert sign_in(username="anna", password=make.PASSWORD, address="198.51.100.1")


def test_a_local_account_of_the_same_name_always_wins(joined):
    with joined.inside():
        local = make.admin("Anna")
        local.set_password("local-horse-99")
        local.save()
    with pytest.raises(Unauthenticated):
        at_edge(joined)
    assert at_edge(joined, password="local-horse-99").pk == local.pk
    assert copies(joined) == []


def test_a_local_account_may_take_the_name_of_a_copy(joined):
    at_edge(joined)
    with joined.inside():
        services.create_user(actor=SYSTEM, spec=UserSpec("anna", Role.ADMIN, "local-horse-99"))
    assert at_edge(joined, password="local-horse-99").home_site is None
    assert copies(joined) == []


def test_a_copy_that_the_edge_switched_off_stays_out(joined):
    user = at_edge(joined)
    joined.at_edge(services.set_user_active, actor=SYSTEM, user_id=user.pk, active=False)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            at_edge(joined)
        joined.up.down = True


def test_role_tenant_and_name_follow_the_center(joined):
    at_edge(joined)
    User.objects.filter(pk=joined.anna.pk).update(username="anne", role="admin", tenant=None)
    user = at_edge(joined, "anne")
    assert (user.pk, user.username, user.role, user.tenant_id) == (
        joined.anna.pk, "anne", "admin", None)
    assert copies(joined) == ["anne"]


def test_what_is_the_centers_is_not_changed_here(joined):
    user = at_edge(joined)
    with joined.inside():
        user = User.objects.get(pk=user.pk)
        for work in (
            lambda: services.change_my_password(
                user=user, old=make.PASSWORD, new="another-horse-7"),
            lambda: administration.update_user(
                actor=SYSTEM, user_id=user.pk, change=UserChange(role=Role.ADMIN)),
            lambda: administration.update_user(
                actor=SYSTEM, user_id=user.pk, change=UserChange(password="another-horse-7")),
        ):
            with pytest.raises(Conflict) as refusal:
                work()
            assert refusal.value.code == "account_of_center"
    boss = at_edge(joined, "boss")
    with joined.inside(), pytest.raises(Conflict):
        services.reset_administrator(username=boss.username)


def test_a_tenant_that_does_not_work_there_does_not_sign_in_there(strangers):
    red, blue = make.tenant("red"), make.tenant("blue")
    make.user(red, name="anna")
    make.user(blue, name="bert")
    strangers.joined(tenants=[red.pk])
    assert at_edge(strangers)
    with pytest.raises(Denied):
        at_edge(strangers, "bert")


def test_the_copies_are_dropped_when_the_edge_leaves(joined):
    at_edge(joined)
    joined.at_edge(joining.leave, actor=SYSTEM)
    assert copies(joined) == []
    with pytest.raises(Unauthenticated):
        at_edge(joined)


def test_a_revoked_edge_learns_nothing_more_and_lives_on_its_copies(joined):
    at_edge(joined)
    joined.revoke(joined.edge)
    assert at_edge(joined).username == "anna"
    with pytest.raises(Unauthenticated):
        at_edge(joined, "boss")
    joined.now.advance(seconds=WEEK)
    with pytest.raises(Denied):
        at_edge(joined)


def test_only_an_edge_may_ask_whose_a_password_is(joined):
    body = {"username": "anna", "password": make.PASSWORD}
    for who in (make.Api(), make.Api(joined.boss)):
        assert who.send("POST", "/sync/v1/accounts", body).status_code == 401


def test_the_time_is_a_setting(joined, settings):
    settings.ACCOUNT_CACHE = timedelta(hours=1)
    assert at_edge(joined).cached_until == joined.now() + timedelta(hours=1)


def test_the_users_of_the_edge_show_whose_they_are_and_until_when(joined):
    at_edge(joined)
    with joined.inside():
        rows = make.Api(make.admin("here")).send("GET", "/tenants/v1/users").json()
        assert {row["username"]: bool(row["home_site"]) for row in rows} == {
            "anna": True, "here": False}
