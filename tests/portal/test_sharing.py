"""The form and the page of a host that is not open to every tenant."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.hosts.models import MecHost
from apps.hosts.selectors import hosts_for, tenants_of
from apps.journal.models import Entry
from apps.tenants.actors import SYSTEM
from tests import factories
from tests.portal.test_forms import HOST

CLOSED = {name: value for name, value in HOST.items() if name != "shared"}


def chosen(host):
    return {tenant.name for tenant in tenants_of(SYSTEM, host)}


def ticked(text):
    return set(re.findall(r'name="tenants" value="([^"]+)"[^>]*checked', text))


@pytest.fixture
def closed(estate, open_as):
    """A host that was registered for the first tenant alone."""
    given = {**CLOSED, "tenants": [estate.one.pk]}
    assert open_as("admin").post("/hosts/new/", given).status_code == 302
    return MecHost.objects.get(ip=HOST["ip"])


def test_a_host_is_registered_for_chosen_tenants(estate, closed):
    assert not closed.shared
    assert chosen(closed) == {"one"}
    assert closed in hosts_for(estate.people["tenant"].actor)
    assert closed not in hosts_for(estate.people["other"].actor)
    assert Entry.objects.filter(verb="hosts.host.shared", subject_id=str(closed.pk)).count() == 1


def test_the_choice_is_shown_and_changed(estate, open_as, closed):
    client, url = open_as("admin"), f"/hosts/{closed.pk}/edit/"
    assert ticked(client.get(url).content.decode()) == {str(estate.one.pk)}
    assert client.post(url, {**CLOSED, "tenants": [estate.two.pk]}).status_code == 302
    assert chosen(closed) == {"two"}
    # Open to all, the choice waits.
    assert client.post(url, {**HOST, "tenants": [estate.two.pk]}).status_code == 302
    assert closed in hosts_for(estate.people["tenant"].actor)
    assert client.post(url, CLOSED).status_code == 302
    assert chosen(closed) == set()


def test_a_wrong_choice_saves_nothing_and_keeps_what_was_ticked(estate, open_as, closed):
    url = f"/hosts/{closed.pk}/edit/"
    wrong = {**CLOSED, "name": "renamed", "tenants": [estate.two.pk, "nonsense"]}
    answer = open_as("admin").post(url, wrong)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="id_tenants_error"' in text
    assert ticked(text) == {str(estate.two.pk)}
    closed.refresh_from_db()
    assert (closed.name, chosen(closed)) == ("quay", {"one"})


def test_the_page_names_the_tenants_to_administrators_only(estate, open_as, closed):
    admin = open_as("admin")
    admin.post(f"/hosts/{closed.pk}/edit/", {**CLOSED, "tenants": [estate.one.pk, estate.two.pk]})

    def told(who):
        piece = open_as(who).get(f"/hosts/{closed.pk}/?part=about", headers={"HX-Request": "true"})
        return set(re.findall(r"<div>(\w+)</div>", piece.content.decode().split("Tenants</dt>")[1]))

    assert told("admin") == {"one", "two"}
    assert told("tenant") == {"one"}
    assert told("other") == {"two"}


def test_the_record_has_words_for_the_choice(open_as, closed):
    text = open_as("admin").get(f"/hosts/{closed.pk}/").content.decode()
    assert "chose the tenants of the host" in text


def test_more_tenants_cost_no_more_queries(estate, open_as, closed):
    client = open_as("admin")
    client.get(f"/hosts/{closed.pk}/")

    def cost(url):
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url).status_code == 200
        return len(caught)

    urls = (f"/hosts/{closed.pk}/", f"/hosts/{closed.pk}/edit/")
    few = [cost(url) for url in urls]
    more = [factories.tenant().pk for _ in range(6)]
    client.post(f"/hosts/{closed.pk}/edit/", {**CLOSED, "tenants": more})
    assert chosen(closed) != {"one"}
    assert [cost(url) for url in urls] == few
