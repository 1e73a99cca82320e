"""Signing in and out, language, theme, one's own password, and where strangers are sent."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.tenants.roles import Role
from tests import factories
from tests.portal.conftest import browser

FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def ann(strict):
    return factories.user(factories.tenant("one"), name="ann")


def sign_in(client, name, password=factories.PASSWORD, **more):
    return client.post("/login/", {"username": name, "password": password, **more})


def test_signing_in_leads_to_where_one_wanted(ann):
    client = Client()
    asked = client.get("/packages/?q=x")
    assert asked["Location"] == "/login/?next=%2Fpackages%2F%3Fq%3Dx"
    assert sign_in(client, "ann", next="/packages/?q=x")["Location"] == "/packages/?q=x"
    assert client.get("/packages/").status_code == 200


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_nobody_is_sent_elsewhere(ann, address):
    assert sign_in(Client(), "ann", next=address)["Location"] == "/"
    client = browser(ann)
    assert client.post("/preferences/", {"theme": "dark", "next": address})["Location"] == "/"


def test_a_wrong_password_says_nothing_about_which_was_wrong(ann):
    first, second = sign_in(Client(), "ann", "wrong"), sign_in(Client(), "nobody", "wrong")
    for answer in (first, second):
        assert answer.status_code == 422
        assert "The user name or the password is not right." in answer.content.decode()
    assert 'value="ann"' in first.content.decode()
    assert "wrong" not in first.content.decode()


def test_guests_stay_out_where_the_operator_wants_that(strict):
    strict.GUEST_ACCESS = False
    factories.user(factories.tenant(), role=Role.GUEST, name="gus")
    answer = sign_in(Client(), "gus")
    assert answer.status_code == 422
    assert "Guest access is switched off at this site." in answer.content.decode()


def test_signing_out_needs_a_post(ann):
    client = browser(ann)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/").status_code == 302


def test_a_fragment_after_the_end_of_the_session_takes_the_tab_along(ann):
    headers = FRAGMENT | {"HX-Current-URL": "http://testserver/hosts/"}
    answer = Client().get("/hosts/", headers=headers)
    assert answer.status_code == 204
    assert answer["HX-Redirect"].startswith("/login/?next=")


def test_forms_need_their_token(ann):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/preferences/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "The form has expired" in answer.content.decode()


def test_language_and_theme_follow_the_user(ann):
    client = browser(ann)
    client.post("/preferences/", {"language": "zh-hans", "next": "/packages/"})
    client.post("/preferences/", {"theme": "dark", "next": "/packages/"})
    text = client.get("/packages/").content.decode()
    assert 'lang="zh-hans"' in text
    assert 'data-theme="dark" data-bs-theme="dark"' in text
    ann.refresh_from_db()
    assert (ann.language, ann.theme) == ("zh-hans", "dark")
    elsewhere = Client()
    sign_in(elsewhere, "ann")
    text = elsewhere.get("/").content.decode()
    assert 'lang="zh-hans"' in text
    assert 'data-theme="dark"' in text


def test_a_stranger_may_choose_too(ann):
    client = Client()
    assert 'lang="en"' in client.get("/login/").content.decode()
    client.post("/preferences/", {"language": "zh-hans", "next": "/login/"})
    assert "登录" in client.get("/login/").content.decode()
    client.post("/preferences/", {"language": "tlh", "next": "/login/"})
    assert "登录" in client.get("/login/").content.decode()


def test_one_changes_ones_own_password(ann):
    client = browser(ann)
    new = "another-horse-10"
    given = {"old_password": "wrong", "new_password": new, "repeated": new}
    answer = client.post("/account/password/", given)
    assert answer.status_code == 422
    assert 'id="id_old_password_error"' in answer.content.decode()
    given["old_password"] = factories.PASSWORD
    unlike = client.post("/account/password/", {**given, "repeated": "other"})
    assert 'id="id_repeated_error"' in unlike.content.decode()
    assert client.post("/account/password/", given).status_code == 302
    assert client.get("/").status_code == 200  # this session goes on
    assert sign_in(Client(), "ann", new).status_code == 302


def test_pages_are_not_kept_by_browsers(ann):
    assert browser(ann).get("/")["Cache-Control"] == "no-store"
