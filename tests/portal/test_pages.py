"""Every page renders, for every role, in both languages, whole and in pieces, under the policy."""

from __future__ import annotations

import re
import uuid
from html.parser import HTMLParser

import pytest

from apps.instances.models import LcmOperation
from tests.portal.conftest import browser

FRAGMENT = {"HX-Request": "true"}
READABLE = {
    "/": ("admin", "tenant", "guest"),
    "/topology/": ("admin", "tenant", "guest"),
    "/topology/table/": ("admin", "tenant", "guest"),
    "/packages/": ("admin", "tenant", "guest"),
    "/packages/upload/": ("admin", "tenant"),
    "/packages/{package}/": ("admin", "tenant", "guest"),
    "/packages/{package}/distribute/": ("admin", "tenant"),
    "/packages/{package}/delete/": ("admin", "tenant"),
    "/packages/{package}/withdraw/{online}/": ("admin", "tenant"),
    "/packages/{package}/download/": ("admin", "tenant"),
    "/packages/{other}/": ("admin",),
    "/instances/": ("admin", "tenant", "guest"),
    "/instances/new/": ("admin", "tenant"),
    "/instances/new/?package={package}": ("admin", "tenant"),
    "/instances/{running}/": ("admin", "tenant", "guest"),
    "/instances/{failed}/": ("admin", "tenant", "guest"),
    "/instances/{running}/terminate/": ("admin", "tenant"),
    "/instances/many/": ("admin", "tenant"),
    "/upgrades/": ("admin", "tenant", "guest"),
    "/upgrades/new/?instance={running}": ("admin", "tenant"),
    "/hosts/": ("admin", "tenant", "guest"),
    "/hosts/new/": ("admin",),
    "/hosts/{online}/": ("admin", "tenant", "guest"),
    "/hosts/{offline}/": ("admin", "tenant", "guest"),
    "/hosts/{stale}/": ("admin", "tenant", "guest"),
    "/hosts/{unseen}/": ("admin", "tenant", "guest"),
    "/hosts/{online}/edit/": ("admin",),
    "/hosts/{online}/delete/": ("admin",),
    "/hosts/{online}/credentials/": ("admin",),
    "/hosts/{online}/credentials/delete/": ("admin",),
    "/hosts/{online}/cordon/": ("admin",),
    "/hosts/{online}/uncordon/": ("admin",),
    "/hosts/{online}/drain/": ("admin",),
    "/hosts/{online}/drained/": ("admin",),
    "/deployments/": ("admin", "tenant", "guest"),
    "/deployments/new/": ("admin", "tenant"),
    "/deployments/new/?package={package}": ("admin", "tenant"),
    "/systems/": ("admin",),
    "/systems/edges/": ("admin",),
    "/systems/edges/invite/": ("admin",),
    "/systems/edges/{edge}/": ("admin",),
    "/systems/edges/{edge}/revoke/": ("admin",),
    "/keys/rotate/": ("admin",),
    "/systems/applcm/new/": ("admin",),
    "/systems/sources/stores/": ("admin",),
    "/systems/sources/repositories/": ("admin",),
    "/systems/sources/stores/new/": ("admin",),
    "/systems/sources/repositories/new/": ("admin",),
    "/systems/apprule/new/": ("admin",),
    "/systems/applcm/10.9.0.1/edit/": ("admin",),
    "/systems/applcm/10.9.0.1/delete/": ("admin",),
    "/synchronization/": ("admin", "tenant"),
    "/synchronization/edges/{edge}/": ("admin", "tenant"),
    "/synchronization/edges/{dead}/": ("admin", "tenant"),
    "/synchronization/runs/": ("admin", "tenant"),
    "/synchronization/conflicts/": ("admin", "tenant"),
    "/users/": ("admin",),
    "/users/new/": ("admin",),
    "/users/tenants/new/": ("admin",),
    "/activity/": ("admin", "tenant"),
    "/account/": ("admin", "tenant", "guest"),
}

def filled(url, estate):
    """The address of a page of the estate."""
    names = ("package", "other", "running", "failed", "online", "offline", "stale", "unseen",
             "edge", "dead")
    return url.format(**{name: getattr(estate, name).pk for name in names})


class Page(HTMLParser):
    """What must not be in a page, and what must be once."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.inline, self.headings = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.headings += tag == "h1"
        self.ids += [given["id"]] if given.get("id") else []
        if "style" in given or any(name.startswith("on") for name in given) or tag == "style":
            self.inline.append((tag, attrs))
        if tag == "script" and not given.get("src"):
            self.inline.append((tag, attrs))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("who", ["admin", "tenant", "guest"])
def test_each_page_renders_for_whom_it_is_meant(estate, open_as, who, language):
    client = open_as(who, language)
    for url, readers in READABLE.items():
        address = filled(url, estate)
        page = client.get(address)
        whole = b"".join(page.streaming_content) if page.streaming else page.content
        if who not in readers:
            assert page.status_code in (403, 404), (address, page.status_code)
        else:
            assert page.status_code == 200, (address, page.status_code)
        if page.streaming:
            continue
        text = whole.decode()
        assert not re.findall("⁉.{0,60}⁉", text), address
        found = Page(text)
        assert not found.inline, (address, found.inline)
        assert len(found.ids) == len(set(found.ids)), (address, sorted(found.ids))
        if "/table/" not in address:
            assert found.headings == 1, address
            assert f'<html lang="{language}"' in text, address
        if page.status_code == 200:
            assert "HX-Request" in page["Vary"], address


def test_a_list_answers_its_table_alone(open_as):
    for url in ("/packages/", "/instances/", "/hosts/", "/users/", "/activity/"):
        text = open_as("admin").get(url, headers=FRAGMENT).content.decode()
        assert "<html" not in text
        assert f'data-src="{url}"' in text
        assert "<table" in text


def test_history_navigation_gets_the_whole_page(open_as):
    headers = FRAGMENT | {"HX-History-Restore-Request": "true"}
    assert "<html" in open_as("admin").get("/hosts/", headers=headers).content.decode()


def test_what_belongs_to_another_tenant_is_not_found(estate, open_as):
    client = open_as("other")
    for url in ("/packages/{package}/", "/packages/{package}/download/", "/instances/{running}/",
                "/packages/{package}/delete/", "/instances/{running}/terminate/"):
        assert client.get(filled(url, estate)).status_code == 404, url
    assert client.post(filled("/instances/{running}/instantiate/", estate)).status_code == 404
    for url in ("/", "/packages/", "/instances/", "/activity/", "/topology/"):
        text = client.get(url).content.decode()
        assert estate.package.name not in text, url
        assert estate.running.app_name not in text, url


def test_an_instance_that_is_gone_shows_its_record_to_those_who_could_see_it(estate, open_as):
    gone = uuid.uuid4()
    LcmOperation.objects.create(
        instance_id=gone, tenant_id=estate.one.pk, host_id=estate.online.pk, app_name="was-here",
        kind="terminate", state="Succeeded",
    )
    page = open_as("tenant").get(f"/instances/{gone}/")
    assert page.status_code == 200
    assert "was-here" in page.content.decode()
    piece = open_as("tenant").get(f"/instances/{gone}/?part=state", headers=FRAGMENT)
    assert "<html" not in piece.content.decode()
    assert open_as("other").get(f"/instances/{gone}/").status_code == 404
    assert open_as("admin").get(f"/instances/{uuid.uuid4()}/").status_code == 404


def test_a_guest_sees_no_button_that_works(estate, open_as):
    client = open_as("guest")
    ours = {"/logout/", "/preferences/", "/account/password/"}
    for url, readers in READABLE.items():
        if "guest" not in readers:
            continue
        address = filled(url, estate)
        text = client.get(address).content.decode()
        posts = set(re.findall(r'method="post" action="([^"]+)"', text))
        assert posts <= ours, (address, posts)
        verbs = "new|upload|edit|delete|distribute|download|withdraw|terminate|credentials"
        doing = rf'href="[^"]*/(?:{verbs})/'
        assert not re.search(doing, text), (address, re.search(doing, text))


def test_a_refused_button_says_why(estate, open_as):
    text = open_as("guest").get(filled("/packages/{package}/", estate)).content.decode()
    assert 'aria-disabled="true"' in text
    assert "A guest may look at packages, but not change them." in text


def test_simulated_hosts_carry_their_badge_wherever_they_are_named(estate, open_as):
    for url in ("/hosts/", "/hosts/{online}/", "/packages/{package}/", "/instances/",
                "/instances/{running}/", "/packages/{package}/distribute/",
                "/instances/new/?package={package}"):
        text = open_as("admin").get(filled(url, estate)).content.decode()
        assert "chip-sim" in text.split("<main", 1)[1], url


def test_what_a_dead_edge_said_last_is_marked(estate, open_as):
    text = open_as("admin").get(filled("/hosts/{stale}/", estate)).content.decode()
    assert "Edge offline" in text
    assert "what is shown here is what it said last" in text
    assert 'class="panel-body stale"' in text


def test_what_is_not_known_is_not_zero(estate, open_as):
    text = open_as("admin").get(filled("/hosts/{online}/", estate)).content.decode()
    assert "– / –" in text  # storage: neither used nor total was told
    assert "Storage: unknown" in text


def test_pages_that_do_not_exist_look_like_the_rest(estate, open_as):
    page = open_as("tenant", "zh-hans").get("/nothing/")
    assert page.status_code == 404
    assert "未找到" in page.content.decode()
    assert "<nav" in page.content.decode()
    problem = open_as("tenant").get("/api/v1/nothing")
    assert problem.status_code == 404
    assert problem["Content-Type"] == "application/problem+json"


def test_an_edge_shows_its_own_sections_only(edge_house):
    from tests import factories  # noqa: PLC0415

    client = browser(factories.admin("edge-root"))
    text = client.get("/").content.decode()
    assert 'href="/systems/"' not in text
    assert 'href="/hosts/"' in text
