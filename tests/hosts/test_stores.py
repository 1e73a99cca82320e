"""App stores and app repositories: register, read without passwords, change, remove."""

from __future__ import annotations

import pytest

from apps.hosts.models import AppRepo, AppStore
from apps.journal.models import Entry, Tombstone
from tests import factories as make

STORE = {
    "appstoreIp": "10.0.0.1", "appstorePort": "8099", "appstoreName": "store",
    "appstoreRepoName": "images", "appstoreRepo": "10.0.0.1:5000", "appstoreRepoUserName": "puller",
    "producer": "acme",
}
REPO = {"repoEndPoint": "10.0.0.1:5000", "repoName": "images", "repoUserName": "puller"}
KINDS = {
    "appstores": (AppStore, "appstoreIp", "appstoreRepoPassword", "10.0.0.{}", STORE,
                  "repo_password", "producer"),
    "apprepos": (AppRepo, "repoEndPoint", "repoPassword", "10.0.0.{}:5000", REPO,
                 "password", "repoName"),
}


class Kind:
    """One of the two collections, and an administrator."""

    def __init__(self, name):
        (self.model, self.key_field, self.secret_field, self._key, self.fields, self.column,
         self.other) = KINDS[name]
        self.name, self.url = name, f"/inventory/v1/{name}"
        self.boss = make.Api(make.admin())

    def key(self, number=1):
        """What one is known by."""
        return self._key.format(number)

    def body(self, number=1, **more):
        """A right body, with a password."""
        return self.fields | {self.key_field: self.key(number), self.secret_field: make.TOKEN} | more

    def one(self, number=1):
        """The address of one."""
        return f"{self.url}/{self.key(number)}"

    def secret(self):
        """The password that is stored."""
        return getattr(self.model.objects.get(), self.column).reveal()


@pytest.fixture(params=KINDS)
def kind(request, house):
    """A collection."""
    return Kind(request.param)


@pytest.mark.parametrize("routes", ["I13 I15 I16 I19 I21 I22"])
def test_registered_one_is_read_back_without_its_password_by_everybody(kind, routes):
    """Q7: a password goes in, lies sealed, and never comes out, for a guest least of all."""
    tenant = make.tenant()
    answer = kind.boss.send("POST", kind.url, kind.body())
    assert (answer.status_code, answer.json()) == (200, {"response": "Saved"})
    for reader in (kind.boss, make.Api(make.user(tenant)), make.Api(make.user(tenant, role="guest"))):
        read = reader.send("GET", kind.one())
        for found, text in ((read.json(), read.content.decode()),
                            (reader.send("GET", kind.url).json()[0], read.content.decode())):
            assert kind.fields.items() <= found.items()
            assert found["credentialsStored"] is True
            assert kind.secret_field not in found
            assert make.TOKEN not in text
    assert kind.secret() == make.TOKEN


@pytest.mark.parametrize("routes", ["I15 I21"])
def test_list_of_none_is_empty_and_not_an_error(kind, routes):
    """Q15: nothing registered is an empty list, for both kinds."""
    for spelling in (kind.url, f"{kind.url}/"):
        answer = kind.boss.send("GET", spelling)
        assert (answer.status_code, answer.json()) == (200, [])


def test_same_key_again_answers_400_in_the_words_of_the_original(kind):
    """Q16: a duplicate is 400, an absent one 404, in the original's words."""
    kind.boss.send("POST", kind.url, kind.body())
    answer = kind.boss.send("POST", kind.url, kind.body())
    assert (answer.status_code, answer.json()["message"]) == (400, "Record already exist")
    assert kind.model.objects.count() == 1
    for method in ("GET", "PUT", "DELETE"):
        answer = kind.boss.send(method, kind.one(9), "{" if method == "PUT" else None)
        assert (answer.status_code, answer.json()["message"]) == (404, "Record not found")


@pytest.mark.parametrize("routes", ["I14 I20"])
def test_change_replaces_every_field_but_a_password_that_is_not_said(kind, routes):
    kind.boss.send("POST", kind.url, kind.body())
    before = kind.model.objects.get().version
    body = {name: value for name, value in kind.body().items() if name != kind.secret_field}
    changed = kind.boss.send("PUT", kind.one(), body | {kind.other: "changed"})
    assert changed.json() == {"response": "Updated"}
    found = kind.boss.send("GET", kind.one())
    assert found.json()[kind.other] == "changed"
    assert found.headers["ETag"] == f'"{kind.model.objects.get().version}"'
    assert kind.model.objects.get().version > before
    assert kind.secret() == make.TOKEN
    entries = Entry.objects.count()
    kind.boss.send("PUT", kind.one(), body | {kind.other: "changed"})
    assert Entry.objects.count() == entries, "the same again is no news"
    kind.boss.send("PUT", kind.one(), body | {kind.secret_field: "another"})
    assert kind.secret() == "another"
    entry = Entry.objects.latest("id")
    assert kind.column in entry.data["changed"]
    assert "another" not in str(entry.data)


def test_key_in_the_body_that_is_not_the_one_of_the_url_answers_400(kind):
    kind.boss.send("POST", kind.url, kind.body())
    answer = kind.boss.send("PUT", kind.one(), kind.body(2))
    assert answer.status_code == 400
    assert "in body and url is different" in answer.json()["details"][0]
    assert list(answer.json()["errors"]) == [kind.key_field]


@pytest.mark.parametrize("routes", ["I17 I18 I23 I24"])
def test_one_or_all_are_removed_and_leave_tombstones(kind, routes):
    for number in (1, 2, 3):
        kind.boss.send("POST", kind.url, kind.body(number))
    assert kind.boss.send("DELETE", kind.one()).json() == {"response": "Deleted"}
    assert kind.model.objects.count() == 2
    assert kind.boss.send("DELETE", kind.url).json() == {"response": "Deleted"}
    assert not kind.model.objects.exists()
    assert Tombstone.objects.count() == 3
    assert kind.boss.send("DELETE", kind.url).status_code == 200


def test_limit_answers_409_with_limit_use_and_who_can_raise_it(kind, settings):
    settings.LIMITS = settings.LIMITS | {kind.name: 1}
    kind.boss.send("POST", kind.url, kind.body())
    answer = kind.boss.send("POST", kind.url, kind.body(2))
    told = answer.json()
    assert (answer.status_code, told["limit"], told["used"]) == (409, 1, 1)
    assert told["raised_by"] == f"MECM_LIMIT_{kind.name.upper()}"
    assert kind.model.objects.count() == 1


@pytest.mark.parametrize(
    ("collection", "field", "value"),
    [("appstores", "appstoreIp", "10.0.0"), ("appstores", "appstoreIp", None),
     ("appstores", "appstorePort", "0"), ("appstores", "appstorePort", ""),
     ("appstores", "appstoreName", "a b"), ("appstores", "appstoreName", "x" * 129),
     ("appstores", "appstoreRepoName", 1), ("appstores", "appstoreRepo", ""),
     ("appstores", "appstoreRepo", "a b"), ("appstores", "appstoreRepo", "u:p@r:5000"),
     ("appstores", "appstoreRepo", "x" * 129), ("appstores", "appstoreRepoUserName", "-a"),
     ("appstores", "appstoreRepoPassword", "x" * 129), ("appstores", "producer", ["a"]),
     ("apprepos", "repoEndPoint", ""), ("apprepos", "repoEndPoint", "a/b"),
     ("apprepos", "repoEndPoint", "x" * 256), ("apprepos", "repoName", ""),
     ("apprepos", "repoName", None), ("apprepos", "repoUserName", ""),
     ("apprepos", "repoUserName", "a b"), ("apprepos", "repoPassword", ""),
     ("apprepos", "repoPassword", None), ("apprepos", "repoPassword", "x" * 129)],
)
def test_wrong_field_answers_400_and_names_it(house, collection, field, value):
    """Q24: null, a list or a number where a text belongs is a 400 that names the field."""
    kind = Kind(collection)
    answer = kind.boss.send("POST", kind.url, kind.body() | {field: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert make.TOKEN not in answer.content.decode()
    assert not kind.model.objects.exists()


def test_store_needs_neither_a_user_nor_a_password_and_may_lose_the_one_it_has(house):
    """Q19: what the contract calls optional may be absent."""
    kind = Kind("appstores")
    least = {"appstoreIp": "10.0.0.1", "appstorePort": 80, "appstoreRepo": "https://r.example/v2"}
    assert kind.boss.send("POST", kind.url, least | {"surprise": 1}).status_code == 200
    found = kind.boss.send("GET", kind.one()).json()
    assert [found[name] for name in ("appstoreName", "appstoreRepoUserName", "producer",
                                     "credentialsStored")] == [None, None, None, False]
    kind.boss.send("PUT", kind.one(), least | {"appstoreRepoPassword": make.TOKEN})
    kind.boss.send("PUT", kind.one(), least | {"appstoreRepoPassword": None})
    assert kind.secret() == make.TOKEN
    kind.boss.send("PUT", kind.one(), least | {"appstoreRepoPassword": ""})
    assert kind.secret() == ""


def test_ipv6_address_is_one_address_however_it_is_spelled(house):
    """Q27: a store may have an IPv6 address."""
    kind = Kind("appstores")
    kind.boss.send("POST", kind.url, kind.body(appstoreIp="2001:DB8:0::1"))
    again = kind.boss.send("POST", kind.url, kind.body(appstoreIp="2001:db8::1"))
    assert again.json()["message"] == "Record already exist"
    for spelling in ("2001:db8::1", "2001:DB8:0::1"):
        body = kind.body(appstoreIp="2001:db8::1")
        assert kind.boss.send("PUT", f"{kind.url}/{spelling}", body).status_code == 200
