"""The pages of app stores and app repositories, and what the host form has of the inventory."""

from __future__ import annotations

import pytest

from apps.hosts.models import AppRepo, AppStore, MecHost
from tests import factories as make
from tests.portal.conftest import browser

KINDS = {
    "stores": (AppStore, "10.0.0.1", {
        "name": "central", "ip": "10.0.0.1", "port": "8099", "producer": "acme",
        "repo": "r.example:5000", "repo_name": "", "repo_user_name": "puller"}, "repo_password"),
    "repositories": (AppRepo, "r.example:5000", {
        "name": "central", "endpoint": "r.example:5000", "user_name": "puller"}, "password"),
}


@pytest.fixture
def boss(house):
    """An administrator's browser."""
    return browser(make.admin())


@pytest.mark.parametrize("name", KINDS)
def test_one_is_registered_changed_without_its_password_and_removed_after_a_question(boss, name):
    model, key, given, column = KINDS[name]
    url = f"/systems/sources/{name}/"
    assert "None registered" in boss.get(url).content.decode()
    assert boss.post(f"{url}new/", {**given, "password": make.TOKEN}).status_code == 302
    again = boss.post(f"{url}new/", {**given, "password": make.TOKEN})
    assert again.status_code == 422
    assert "registered already" in again.content.decode()
    edit = f"{url}{key}/edit/"
    for page in (boss.get(url), boss.get(edit), again):
        assert make.TOKEN not in page.content.decode()
    assert boss.post(edit, {**given, "name": "renamed"}).status_code == 302
    row = model.objects.get()
    assert (row.name, getattr(row, column).reveal()) == ("renamed", make.TOKEN)
    assert boss.post(edit, {**given, "password": "another"}).status_code == 302
    assert getattr(model.objects.get(), column).reveal() == "another"
    assert "nothing" not in boss.get(f"{url}?q=renamed&sort=-name").content.decode()
    question = boss.get(f"{url}{key}/delete/").content.decode()
    assert "Remove “central”?" in question
    assert model.objects.exists()
    assert boss.post(f"{url}{key}/delete/").status_code == 302
    assert not model.objects.exists()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [("stores", "ip", "10.0.0"), ("stores", "port", "0"), ("stores", "repo", "a b"),
     ("stores", "name", "a b"), ("repositories", "endpoint", "a/b"),
     ("repositories", "user_name", ""), ("repositories", "name", ""),
     ("repositories", "password", "")],
)
def test_wrong_field_is_refused_by_the_rules_of_the_api(boss, name, field, value):
    model, _, given, _ = KINDS[name]
    answer = boss.post(f"/systems/sources/{name}/new/",
                       {**given, "password": make.TOKEN, field: value})
    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {field}
    assert not model.objects.exists()


def test_password_of_a_store_can_be_forgotten(boss):
    make.store("10.0.0.1")
    given = KINDS["stores"][2]
    assert boss.post("/systems/sources/stores/10.0.0.1/edit/", {**given, "forget": "on"})
    assert not AppStore.objects.get().repo_password


def test_only_administrators_come_to_the_pages_and_unknown_kinds_are_not_found(boss):
    tenant = browser(make.user(make.tenant()))
    assert tenant.get("/systems/sources/stores/").status_code == 403
    assert tenant.post("/systems/sources/stores/new/", KINDS["stores"][2]).status_code == 403
    assert boss.get("/systems/sources/evil/").status_code == 404
    assert boss.get("/systems/sources/stores/10.0.0.9/edit/").status_code == 404


def test_host_form_keeps_every_capability_and_takes_region_and_tags(boss):
    capabilities = [{"hwType": f"T{number}", "hwVendor": "a", "hwModel": "b"}
                    for number in range(5)]
    host = make.host("10.0.0.1", access="", hw_capabilities=capabilities)
    url = f"/hosts/{host.pk}/edit/"
    form = boss.get(url).context["form"]
    given = {name: value for name, value in form.initial.items()
             if value not in (None, False, "", [])}
    sent = given | {"region": "north", "tags": "fast, fast ,indoor"}
    assert boss.post(url, sent).status_code == 302
    host = MecHost.objects.get()
    assert (host.region, host.tags) == ("north", ["fast", "indoor"])
    assert host.hw_capabilities == capabilities
    assert "indoor" in boss.get(f"/hosts/{host.pk}/").content.decode()
    for wrong in ("a b", ",".join(map(str, range(17))), "x" * 129):
        assert boss.post(url, sent | {"tags": wrong}).context["form"].errors.keys() == {"tags"}
    wrong = boss.post(url, sent | {"coordinates": "181,0"})
    assert wrong.context["form"].errors.keys() == {"coordinates"}
