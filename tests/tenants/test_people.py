"""Signing in, passwords, users and tenants."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction

from apps.common.errors import Conflict
from apps.journal.models import Entry
from apps.tenants import services, tokens
from apps.tenants.actors import SYSTEM, Actor
from apps.tenants.models import Tenant, User
from apps.tenants.roles import Role
from tests import factories as make

TOKEN = "/auth/v1/token"


def sign_in(username, password=make.PASSWORD, **extra):
    """What the site answers to a name and a password."""
    return make.Api().post(
        TOKEN, {"username": username, "password": password}, content_type="application/json",
        **extra,
    )


@pytest.fixture
def anna(house):
    """A user of a tenant."""
    return make.user(make.tenant("red"), name="anna")


def test_right_name_and_password_answer_tokens_that_work(anna):
    answer = sign_in("anna")
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    me = make.Api(token=body["access_token"]).send("GET", "/auth/v1/me").json()
    assert me == {
        "user_id": str(anna.pk), "user_name": "anna", "role": "tenant",
        "tenant_id": str(anna.tenant_id),
    }


def test_name_is_the_same_in_any_case(anna):
    assert sign_in("ANNA").status_code == 200


def test_refresh_token_buys_tokens_that_work(anna):
    renewal = sign_in("anna").json()["refresh_token"]
    body = make.Api().send("POST", f"{TOKEN}/refresh", {"refresh_token": renewal}).json()
    assert make.Api(token=body["access_token"]).send("GET", "/auth/v1/me").status_code == 200


def test_refusal_does_not_tell_which_of_the_two_is_wrong(anna):
    services.set_user_active(actor=SYSTEM, user_id=make.user(anna.tenant, name="bert").pk,
                             active=False)
    bodies = {sign_in(*pair).content for pair in (
        ("anna", "wrong"), ("nobody", make.PASSWORD), ("bert", make.PASSWORD), ("", "x y"),
    ) if pair[0]}
    assert len(bodies) == 1
    assert sign_in("anna", "wrong").status_code == 401


@pytest.mark.parametrize(
    "body",
    [{}, {"username": "anna"}, {"password": "x"}, {"username": "", "password": ""},
     {"username": "a\0", "password": "b"}],
)
def test_incomplete_sign_in_answers_400(house, body):
    assert make.Api().send("POST", TOKEN, body).status_code == 400


def test_ten_wrong_passwords_close_the_door_for_that_name_and_address(anna):
    assert [sign_in("anna", "wrong").status_code for _ in range(10)] == [401] * 10
    answer = sign_in("anna")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"
    assert answer.json()["type"] == "urn:mecm:problem:too_many_attempts"
    assert sign_in("Anna").status_code == 429, "the case of the name is no way around"
    assert sign_in("anna", REMOTE_ADDR="10.0.0.9").status_code == 200
    other = make.user(anna.tenant)
    assert sign_in(other.username).status_code == 200


def test_right_password_forgets_the_wrong_ones(anna):
    for _ in range(9):
        sign_in("anna", "wrong")
    assert sign_in("anna").status_code == 200
    assert [sign_in("anna", "wrong").status_code for _ in range(10)] == [401] * 10


def test_door_opens_again_when_the_count_has_expired(anna):
    for _ in range(11):
        sign_in("anna", "wrong")
    cache.clear()
    assert sign_in("anna").status_code == 200


@pytest.mark.parametrize("name", ["a b", "a\tb", "ä" * 150, "%s", "x" * 150])
def test_name_of_any_kind_is_only_a_wrong_name(house, name):
    assert sign_in(name).status_code == 401


def test_guest_signs_in_where_the_operator_wants_guests(house):
    guest = make.user(make.tenant(), role=Role.GUEST)
    assert sign_in(guest.username).status_code == 200
    house.GUEST_ACCESS = False
    answer = sign_in(guest.username)
    assert answer.status_code == 403
    assert "switched off" in answer.json()["detail"]


# --- passwords -----------------------------------------------------------------------------------


def change(user, old=make.PASSWORD, new="another-horse-8"):
    """Change one's own password through the API."""
    return make.Api(user).send(
        "PUT", "/auth/v1/password", {"old_password": old, "new_password": new}
    )


def test_changed_password_replaces_the_old_one_and_is_recorded_without_it(anna):
    assert change(anna).status_code == 200
    assert sign_in("anna").status_code == 401
    assert sign_in("anna", "another-horse-8").status_code == 200
    entry = Entry.objects.get(verb="tenants.user.password_changed")
    assert (entry.actor_name, entry.data) == ("anna", {})


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong", "another-horse-8", "old_password"),
        (make.PASSWORD, "short", "new_password"),
        (make.PASSWORD, "1234567890123", "new_password"),
        (make.PASSWORD, "password123", "new_password"),
        (make.PASSWORD, "anna-anna-anna", "new_password"),
    ],
)
def test_password_that_is_not_taken_leaves_the_old_one(house, old, new, field):
    anna = make.user(make.tenant(), name="anna-anna-ann")
    answer = change(anna, old, new)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert sign_in(anna.username).status_code == 200


def test_passwords_are_hashed(anna):
    assert make.PASSWORD not in User.objects.get(pk=anna.pk).password


def test_reset_of_an_unknown_administrator_makes_one_who_can_sign_in(house, capsys):
    call_command("reset_admin", "root")
    name, password = capsys.readouterr().out.split()
    assert name == "root"
    body = sign_in("root", password).json()
    users = make.Api(token=body["access_token"]).send("GET", "/auth/v1/users")
    assert users.status_code == 200


def test_reset_of_an_administrator_lets_them_in_again_and_ends_their_tokens(house, capsys):
    boss = make.admin("root")
    token = tokens.access_token(boss)
    services.set_user_active(actor=SYSTEM, user_id=boss.pk, active=False)
    call_command("reset_admin", "ROOT")
    _, password = capsys.readouterr().out.split()
    assert sign_in("root", make.PASSWORD).status_code == 401
    assert sign_in("root", password).status_code == 200
    assert make.Api(token=token).send("GET", "/auth/v1/me").status_code == 401
    assert User.objects.count() == 1
    assert not re.search(re.escape(password), str(list(Entry.objects.values())))


def test_reset_of_somebody_who_is_no_administrator_is_refused(anna, capsys):
    with pytest.raises((Conflict, CommandError)):
        call_command("reset_admin", "anna")
    assert sign_in("anna").status_code == 200


# --- users and tenants ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 201),
        ({"role": "admin", "tenant_id": None}, 201),
        ({"role": "guest"}, 201),
        ({"role": "system"}, 400),
        ({"role": "king"}, 400),
        ({"tenant_id": None}, 400),
        ({"tenant_id": "00000000-0000-0000-0000-000000000001"}, 400),
        ({"tenant_id": "x"}, 400),
        ({"username": "with space"}, 400),
        ({"username": ""}, 400),
        ({"username": "BERT"}, 400),
        ({"role": "admin", "tenant_id": "00000000-0000-4000-8000-000000000001"}, 400),
        ({"password": "short"}, 400),
        ({"password": ""}, 400),
    ],
    ids=str,
)
def test_new_user_is_made_only_from_a_whole_description(house, change, status):
    red = make.tenant()
    make.user(red, name="bert")
    body = {"username": "new", "role": "tenant", "password": make.PASSWORD,
            "tenant_id": str(red.pk)}
    before = User.objects.count()
    boss = make.Api(make.admin())
    answer = boss.send("POST", "/auth/v1/users", body | change)
    assert answer.status_code == status
    assert User.objects.count() == before + 1 + (status == 201)
    if status == 201:
        assert sign_in("new").status_code == 200
        assert "password" not in answer.json()


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["tenant", "guest", "system", "root"])
def test_database_refuses_people_without_a_tenant_or_with_a_role_for_programs(role):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="x", role=role)


def test_nobody_switches_off_their_own_account(house):
    boss = make.admin()
    with pytest.raises(Conflict):
        services.set_user_active(actor=boss.actor, user_id=boss.pk, active=False)
    boss.refresh_from_db()
    assert boss.is_active


def test_name_of_a_tenant_is_taken_once(house):
    boss = make.Api(make.admin())
    assert boss.send("POST", "/auth/v1/tenants", {"name": "red"}).status_code == 201
    assert boss.send("POST", "/auth/v1/tenants", {"name": "red"}).status_code == 400
    assert Tenant.objects.count() == 1


def test_tenant_of_another_site_is_taken_over_once(house):
    key = make.tenant("red").pk
    for _ in range(2):
        assert services.adopt_tenant(tenant_id=key, name="other", origin="MEO").name == "red"
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize("role", list(Role))
def test_actor_survives_as_plain_data(role, db):
    red = make.tenant()
    actor = Actor("1", "anna", role, red.pk, red.pk)
    assert Actor.from_json(actor.as_json()) == actor
    assert Actor.from_json(SYSTEM.as_json()) == SYSTEM
