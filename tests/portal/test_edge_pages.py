"""The pages about joining: who may come and who is shut out, and the center of an edge."""

from __future__ import annotations

import copy
import re

import pytest

from apps.hosts.models import AppLcm
from apps.sync.models import Center, Invitation, Peer
from apps.tenants import keys
from apps.tenants.sign_in import sign_in
from tests import factories as make
from tests.portal.conftest import MISSING, browser
from tests.portal.test_pages import FRAGMENT, Page
from tests.sync.strangers import CENTER_URL

LANGUAGES = ("en", "zh-hans")


@pytest.fixture
def sites(strangers, settings):
    """Two sites whose templates show every name that they do not find."""
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["string_if_invalid"] = MISSING
    settings.TEMPLATES = templates
    strangers.boss = make.admin("boss")
    return strangers


def whole(client, url, **options):
    """The text of a page that is right."""
    answer = client.get(url, **options)
    assert answer.status_code == 200, (url, answer.status_code)
    text = answer.content.decode()
    assert not re.findall("⁉.{0,60}⁉", text), url
    page = Page(text)
    assert not page.inline
    assert len(page.ids) == len(set(page.ids)), url
    return text


def test_an_invitation_shows_its_token_once_and_the_command_to_run(sites):
    client = browser(sites.boss)
    answer = client.post("/systems/edges/invite/", {
        "name": "far", "opened_by": "center", "hours": "2"})
    text = answer.content.decode()
    token = re.search(r"--token ([0-9a-f]+-[0-9a-f]{32})", text)[1]
    assert "manage.py edge join --center" in text
    assert "no-store" in answer["Cache-Control"]
    row = Invitation.objects.get()
    for url in ("/systems/edges/", f"/systems/edges/invitations/{row.pk}/", "/activity/"):
        assert token not in whole(client, url)
    assert "far" in whole(client, "/systems/edges/", headers=FRAGMENT)
    client.post(f"/systems/edges/invitations/{row.pk}/withdraw/")
    row.refresh_from_db()
    assert row.withdrawn_at


def test_a_wrong_invitation_is_refused_at_its_field(sites):
    client = browser(sites.boss)
    for name, value in (("name", "two words"), ("hours", "999"), ("opened_by", "nobody")):
        body = {"name": "far", "opened_by": "edge", "hours": "1"} | {name: value}
        answer = client.post("/systems/edges/invite/", body)
        assert answer.status_code == 422
        assert f'id="id_{name}_error"' in answer.content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_an_edge_shows_how_it_joined_and_its_end(sites, language):
    client = browser(sites.boss, language)
    edge = sites.joined()
    sites.pull(edge)
    url = f"/systems/edges/{edge.pk}/"
    assert str(edge.site_id) in whole(client, url)
    whole(client, f"/systems/edges/invitations/{Invitation.objects.get().pk}/")
    whole(client, f"{url}revoke/")
    assert client.post(url, {"hours": "48"}).status_code == 302
    assert Peer.objects.get(edge=edge).autonomy.days == 2
    assert client.post(url, {"hours": "0"}).status_code == 422
    assert client.post(f"{url}revoke/").status_code == 302
    assert AppLcm.objects.get().revoked_at
    words = {"en": "Shut out since", "zh-hans": "shut out"}[language]
    text = whole(client, url)
    assert words in text or language != "en"
    whole(client, "/systems/")
    whole(client, "/systems/edges/")


def test_a_new_key_is_made_by_the_page_and_who_lacks_it_is_shown(sites):
    client = browser(sites.boss)
    edge, old = sites.joined(), keys.own_key()
    assert client.post("/keys/rotate/", {"keep": "5"}).status_code == 302
    assert keys.own_key() != old
    assert "does not have the present key yet" in whole(client, "/systems/edges/")
    assert "Does not have our new key yet" in whole(client, f"/systems/edges/{edge.pk}/")
    assert client.post("/keys/rotate/", {"keep": "-1"}).status_code == 422


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_the_edge_joins_shows_and_leaves(sites, language):
    token = sites.invite()
    with sites.inside():
        client = browser(make.admin("here"), language)
        whole(client, "/center/")
        wrong = client.post("/center/", {"center": "nowhere", "token": token})
        assert wrong.status_code == 422
        assert 'id="id_center_error"' in wrong.content.decode()
        wrong = client.post("/center/", {"center": CENTER_URL, "token": "x"})
        assert 'id="id_token_error"' in wrong.content.decode()
        body = {"center": CENTER_URL, "token": token, "address": "10.9.0.1:8100"}
        assert client.post("/center/", body).status_code == 302
        assert CENTER_URL in whole(client, "/center/")
        assert "<html" not in whole(client, "/center/", headers=FRAGMENT)
        whole(client, "/center/leave/")
        assert client.post("/center/leave/").status_code == 302
        assert Center.objects.get().left_at
        assert client.get("/center/leave/").status_code == 404


def test_the_pages_are_for_administrators_and_each_for_its_kind_of_site(sites):
    edge = sites.joined()
    user = browser(make.user(make.tenant("red")))
    for url in ("/systems/edges/", "/systems/edges/invite/", f"/systems/edges/{edge.pk}/",
                f"/systems/edges/{edge.pk}/revoke/", "/keys/rotate/"):
        assert user.get(url).status_code in (403, 404)
        assert user.post(url).status_code in (403, 404, 405)
    assert browser(sites.boss).get("/center/").status_code == 404
    with sites.inside():
        here = browser(make.admin("here"))
        assert here.get("/systems/edges/").status_code == 404
        user = browser(make.user(make.tenant("blue")))
        for url in ("/center/", "/center/leave/", "/keys/rotate/"):
            assert user.get(url).status_code == 403
            assert user.post(url).status_code == 403


def test_the_users_page_of_the_edge_tells_whose_account_it_is(sites):
    sites.joined()
    with sites.inside():
        sign_in(username="boss", password=make.PASSWORD, address="192.0.2.1")
        text = whole(browser(make.admin("here")), "/users/")
    assert "of the center" in text
