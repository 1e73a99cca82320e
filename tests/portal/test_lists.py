"""Lists: the whole state is in the URL, and the number of queries does not depend on the rows."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.journal.models import Entry
from apps.packages.models import Distribution
from tests import factories
from tests.portal.conftest import browser


def queries(client, url):
    """How many queries a page costs once everything that is cached is warm."""
    client.get(url)
    with CaptureQueriesContext(connection, ) as caught:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in caught.captured_queries]


def grow(estate, number):
    """That many more of everything, all of it on one package and one host where it can be."""
    for _ in range(number):
        host = factories.host(edge=estate.edge, access="")
        Distribution(package=estate.package, host=host, state="Error").save()
        factories.instance(estate.package, estate.online, state="Instantiation failed")
        factories.package(estate.one)
        factories.user(estate.one)
        factories.tenant()


@pytest.mark.parametrize("who", ["admin", "tenant", "guest"])
def test_more_rows_cost_no_more_queries(estate, open_as, who):
    client = open_as(who)
    urls = ["/", "/packages/", "/instances/", "/hosts/", "/topology/",
            f"/packages/{estate.package.pk}/", f"/hosts/{estate.online.pk}/",
            f"/instances/{estate.running.pk}/"]
    urls += {"admin": ["/systems/", "/users/", "/activity/"], "tenant": ["/activity/"]}.get(who, [])
    few = {url: queries(client, url) for url in urls}
    grow(estate, 6)
    many = {url: queries(client, url) for url in urls}
    for url in urls:
        assert len(many[url]) <= len(few[url]), (url, len(few[url]), len(many[url]), many[url])
        assert len(many[url]) <= 20, (url, len(many[url]))


def test_search_finds_by_each_word(estate, open_as):
    client = open_as("admin")
    found = client.get("/hosts/", {"q": f"{estate.online.name} delft"}).content.decode()
    assert f'id="host-{estate.online.pk}"' in found
    assert f'id="host-{estate.offline.pk}"' not in found


def test_nothing_found_offers_to_clear_the_filters(open_as):
    text = open_as("admin").get("/hosts/?q=nosuchthing").content.decode()
    assert "Nothing matches" in text
    assert 'href="/hosts/">Clear the filters' in text


@pytest.mark.parametrize(
    ("state", "names"),
    [("online", {"online"}), ("offline", {"offline", "stale"}), ("never", {"unseen"})],
)
def test_hosts_by_their_link(estate, open_as, state, names):
    text = open_as("admin").get("/hosts/", {"state": state}).content.decode()
    shown = {name for name in ("online", "offline", "stale", "unseen")
             if f'id="host-{getattr(estate, name).pk}"' in text}
    assert shown == names


def test_hosts_by_their_vim_however_it_is_spelled(strict):
    for vim in ("K8S", "", "kubernetes", "OpenStack"):
        factories.host(access="", vim=vim)
    client = browser(factories.admin())
    assert client.get("/hosts/?vim=kubernetes").content.decode().count('id="host-') == 3
    assert client.get("/hosts/?vim=openstack").content.decode().count('id="host-') == 1


def test_the_head_says_how_the_table_is_sorted(open_as):
    client = open_as("admin")
    text = client.get("/hosts/").content.decode()
    assert 'aria-sort="ascending"' in text
    assert "/hosts/?sort=-name" in text
    text = client.get("/hosts/?sort=-address").content.decode()
    assert 'aria-sort="descending"' in text
    rows = re.findall(r"10\.2\.0\.\d", text.split("<tbody>")[1])
    assert rows == sorted(rows, reverse=True)


def test_pages_keep_search_filter_and_order(strict):
    client = browser(factories.admin())
    for _ in range(30):
        factories.host(access="")
    text = client.get("/hosts/?q=host&state=never&sort=-name&page=2").content.decode()
    assert "26–30 of 30" in text
    assert "q=host&amp;state=never&amp;sort=-name" in text
    assert text.count('id="host-') == 5


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page=999", "sort=evil", "state=evil",
                                   "sort=-", "q=%00", "q=" + "x" * 500])
def test_nonsense_in_the_url_is_ignored(open_as, query):
    assert open_as("admin").get(f"/hosts/?{query}").status_code == 200


def test_activity_of_a_tenant_is_its_own(estate, open_as):
    assert Entry.objects.filter(tenant_id=estate.two.pk).exists()
    text = open_as("tenant").get("/activity/").content.decode()
    assert estate.running.app_name in text
    assert "bob" not in text


def test_empty_lists_say_what_belongs_there(strict):
    client = browser(factories.admin())
    for url, words in (("/packages/", "No packages yet"), ("/instances/", "No instances yet"),
                       ("/hosts/", "No hosts yet"), ("/systems/", "None registered"),
                       ("/instances/new/", "No packages yet")):
        assert words in client.get(url).content.decode(), url
    text = client.get("/").content.decode()
    assert "From an empty site to the first application" in text
    assert "Nothing needs you" in text
