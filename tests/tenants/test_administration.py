"""``/tenants/v1``: what an administrator does with tenants and users, and what a tenant reads."""

from __future__ import annotations

import pytest

from apps.journal.models import Entry
from apps.tenants.models import Tenant, User
from apps.tenants.roles import Role
from tests import factories as make

TENANTS, USERS = "/tenants/v1/tenants", "/tenants/v1/users"


@pytest.fixture
def boss(house):
    """An administrator's client."""
    return make.Api(make.admin("root"))


@pytest.fixture
def rita(red):
    """A user of red."""
    return make.user(red, name="rita")


def test_tenant_is_made_read_renamed_and_removed(boss):
    made = boss.send("POST", TENANTS, {"name": "teal", "description": "x"})
    assert made.status_code == 201
    url = f"{TENANTS}/{made.json()['id']}"
    assert boss.send("GET", url).json()["name"] == "teal"
    assert boss.send("PUT", url, {"name": "cyan"}).json()["name"] == "cyan"
    assert boss.send("GET", url).json()["description"] == ""
    assert boss.send("DELETE", url).json() == {"response": "Deleted"}
    assert boss.send("GET", url).status_code == 404
    assert boss.send("DELETE", url).status_code == 404
    verbs = Entry.objects.filter(verb__startswith="tenants.tenant").values_list("verb", flat=True)
    assert {"tenants.tenant.created", "tenants.tenant.updated", "tenants.tenant.removed"} <= {
        *verbs
    }


def test_name_that_is_taken_is_refused_at_its_field(boss, red):
    blue = make.tenant("blue")
    for method, url in (("POST", TENANTS), ("PUT", f"{TENANTS}/{blue.pk}")):
        answer = boss.send(method, url, {"name": "red"})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"])


def test_tenant_that_has_something_is_not_removed_and_the_answer_says_what(boss, red, rita):
    answer = boss.send("DELETE", f"{TENANTS}/{red.pk}")
    assert (answer.status_code, answer.json()["kinds"]) == (409, ["user"])
    assert Tenant.objects.filter(pk=red.pk).exists()


def test_tenant_reads_itself_with_limits_and_use_and_nobody_else(boss, red, rita):
    blue = make.tenant("blue")
    make.package(red)
    mine = make.Api(rita)
    assert [row["name"] for row in mine.send("GET", TENANTS).json()] == ["red"]
    told = {row["kind"]: row for row in mine.send("GET", f"{TENANTS}/{red.pk}").json()["quotas"]}
    assert told["packages"] == {"kind": "packages", "limit": 50, "used": 1, "default": 50}
    assert {"instances", "packages", "rules"} <= told.keys()
    assert mine.send("GET", f"{TENANTS}/{blue.pk}").status_code == 404
    assert mine.send("GET", f"{TENANTS}/{blue.pk}/quotas").status_code == 404
    assert mine.send("PUT", f"{TENANTS}/{red.pk}/quotas", {"quotas": []}).status_code == 403
    assert len(boss.send("GET", TENANTS).json()) == 2


def test_quotas_are_set_by_kind_and_taken_back_by_null(boss, red):
    url = f"{TENANTS}/{red.pk}/quotas"
    answer = boss.send("PUT", url, {"quotas": [{"kind": "rules", "limit": 7}]})
    told = {row["kind"]: row["limit"] for row in answer.json()["quotas"]}
    assert (told["rules"], told["instances"]) == (7, 50)
    assert boss.send("PUT", url, {"quotas": [{"kind": "rules", "limit": None}]}).status_code == 200
    told = {row["kind"]: row["limit"] for row in boss.send("GET", url).json()["quotas"]}
    assert told["rules"] == 50


@pytest.mark.parametrize("quota", [
    {"kind": "chairs", "limit": 1}, {"kind": "rules", "limit": -1}, {"kind": "rules"},
    {"kind": "rules", "limit": "7"}, {"limit": 3}, 7,
])
def test_wrong_quota_is_a_400(boss, red, quota):
    url = f"{TENANTS}/{red.pk}/quotas"
    assert boss.send("PUT", url, {"quotas": [quota]}).status_code == 400
    double = [{"kind": "rules", "limit": 1}] * 2
    assert boss.send("PUT", url, {"quotas": double}).status_code == 400


@pytest.mark.parametrize("wrong", [{"username": 12345}, {"username": True}, {"tenant_id": 5}])
def test_user_of_another_type_than_described_is_refused_at_its_field(boss, red, wrong):
    body = {"username": "ulla", "role": "tenant", "tenant_id": str(red.pk),
            "password": make.PASSWORD}
    answer = boss.send("POST", USERS, body | wrong)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [*wrong])
    assert not User.objects.exclude(username="root").exists()


def test_user_is_made_read_changed_and_removed_and_no_password_comes_back(boss, red):
    body = {"username": "ulla", "role": "tenant", "tenant_id": str(red.pk),
            "password": make.PASSWORD}
    made = boss.send("POST", USERS, body)
    assert made.status_code == 201
    assert make.PASSWORD not in made.content.decode()
    url = f"{USERS}/{made.json()['id']}"
    changed = boss.send("PUT", url, {"role": "guest", "is_active": False})
    assert (changed.json()["role"], changed.json()["is_active"]) == ("guest", False)
    assert changed.json()["tenant_id"] == str(red.pk)
    entry = Entry.objects.get(verb="tenants.user.updated")
    assert entry.data["changed"] == ["role", "access"]
    assert boss.send("DELETE", url).json() == {"response": "Deleted"}
    assert boss.send("GET", url).status_code == 404


def test_new_password_ends_the_tokens_of_the_old(boss, rita):
    mine = make.Api(rita)
    assert mine.send("GET", TENANTS).status_code == 200
    assert boss.send("PUT", f"{USERS}/{rita.pk}", {"password": "weak"}).status_code == 400
    assert boss.send("PUT", f"{USERS}/{rita.pk}", {"password": "a-new-horse-7"}).status_code == 200
    assert mine.send("GET", TENANTS).status_code == 401


def test_administrator_does_not_lock_themselves_out(boss, red):
    root = User.objects.get(username="root")
    url = f"{USERS}/{root.pk}"
    for body in ({"is_active": False}, {"role": "tenant", "tenant_id": str(red.pk)}):
        assert boss.send("PUT", url, body).status_code == 409
    assert boss.send("DELETE", url).status_code == 409
    root.refresh_from_db()
    assert (root.role, root.is_active) == (Role.ADMIN, True)


@pytest.mark.parametrize("tenant", [None, "0b5f4f2e-3f6a-4c43-9a55-6d1d9a1f7c11"])
def test_user_who_is_no_administrator_belongs_to_a_tenant_that_exists(boss, rita, tenant):
    answer = boss.send("PUT", f"{USERS}/{rita.pk}", {"tenant_id": tenant})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["tenant_id"])
