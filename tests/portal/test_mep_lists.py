"""The lists of the MEC platform: search, filters, order, pages, and what they cost."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.mep.models import Application, Credential, MecService, Subscription
from tests.mep.conftest import App
from tests.portal.test_mep_pages import filled
from tests.portal.test_pages import FRAGMENT

NAMES = ("alive", "silent", "off", "plain", "nobodys")


def shown(client, query, world):
    """Which services of the world a query finds."""
    text = client.get(f"/platform/services/?{query}").content.decode()
    return {name for name in NAMES if f'id="service-{getattr(world, name).pk}"' in text}


@pytest.mark.parametrize(("query", "names"), [
    ("", {*NAMES}),
    ("state=active", {"alive", "plain", "nobodys"}),
    ("state=suspended", {"silent"}),
    ("state=inactive", {"off"}),
    ("heartbeat=with", {"alive", "silent", "off"}),
    ("heartbeat=without", {"plain", "nobodys"}),
    ("q=loc-1", {"alive"}),
    ("q=mine+video", {"alive"}),
    ("q=nothing-of-that", set()),
    ("state=nonsense&sort=nonsense&page=99", {*NAMES}),
])
def test_services_are_searched_and_filtered(platform, visit, query, names):
    assert shown(visit("admin"), query, platform) == names


def test_a_tenant_lists_what_its_applications_have(platform, visit):
    assert shown(visit("tenant"), "", platform) == {"alive", "silent", "off"}
    assert shown(visit("other"), "", platform) == {"plain"}


def test_services_are_sorted(platform, visit):
    text = visit("admin").get("/platform/services/?sort=-name").content.decode()
    places = [text.index(f'id="service-{row.pk}"')
              for row in sorted((getattr(platform, name) for name in NAMES),
                                key=lambda row: row.ser_name, reverse=True)]
    assert places == sorted(places)
    assert 'aria-sort="descending"' in text


@pytest.mark.parametrize(("query", "names"), [
    ("kind=end", {"own_end"}), ("kind=services", {"by_name", "to_all"}),
    ("state=failing", {"by_name"}), ("state=waiting", {"to_all"}), ("state=fine", {"own_end"}),
])
def test_subscriptions_are_filtered(platform, visit, query, names):
    text = visit("admin").get(f"/platform/subscriptions/?{query}").content.decode()
    found = {name for name in ("by_name", "to_all", "own_end")
             if f'id="subscription-{getattr(platform, name).pk}"' in text}
    assert found == names


@pytest.mark.parametrize(("query", "names"), [
    ("keys=with", {"mine"}), ("keys=without", {"theirs", "free"}), ("state=silent", {"free"}),
    ("state=ready", {"mine"}), ("state=ending", {"theirs"}), ("q=free", {"free"}),
])
def test_applications_are_filtered(platform, visit, query, names):
    mine, theirs = platform.mine, platform.theirs
    ready = {"indication": "READY"}
    for app in (mine, theirs):
        assert app.send("POST", f"{app.support}/confirm_ready", ready).status_code == 204
    Application.objects.filter(pk=theirs.id).update(pending_action="TERMINATING")
    text = visit("admin").get(f"/platform/applications/?{query}").content.decode()
    found = {name for name in ("mine", "theirs", "free")
             if f'id="application-{getattr(platform, name).id}"' in text}
    assert found == names


def test_long_lists_have_pages(platform, visit):
    for number in range(30):
        platform.free.register(serName=f"many-{number:02}")
    client = visit("admin")
    text = client.get("/platform/services/?q=many&page=2").content.decode()
    assert "26–30 of 30" in text
    assert text.count('id="service-') == 5
    # The subscriber to everything was told of each; its page turns in place.
    url = filled("/platform/subscriptions/{to_all}/", platform)
    piece = client.get(f"{url}?page=2", headers=FRAGMENT).content.decode()
    assert 'id="deliveries"' in piece
    assert "<html" not in piece
    assert 'id="state"' not in piece
    assert 'id="delivery-' in piece


@pytest.mark.parametrize(("url", "said"), [
    ("services", "No services yet"), ("subscriptions", "No subscriptions yet"),
    ("applications", "No applications yet"), ("topology", "The platform knows no application yet"),
])
def test_what_is_empty_says_what_belongs_there(platform, visit, url, said):
    Application.objects.all().delete()
    client = visit("admin")
    assert said in client.get(f"/platform/{url}/").content.decode()
    if url != "topology":
        text = client.get(f"/platform/{url}/?q=x").content.decode()
        assert "Nothing matches" in text


def test_a_damaged_row_breaks_no_page(platform, visit):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mep_mecservice SET transport = '[]', category = '7'"
                       " WHERE ser_name = %s", ["video"])
        cursor.execute("UPDATE mep_mecservice SET state = 'ODD', liveness_interval = 'often'"
                       " WHERE ser_name = %s", ["radio"])
    client = visit("admin")
    for url in ("/", "/platform/services/", "/platform/", "/platform/topology/",
                "/platform/services/{alive}/", "/platform/services/{silent}/"):
        assert client.get(filled(url, platform)).status_code == 200, url


PLACES = (
    "/", "/platform/", "/platform/services/", "/platform/subscriptions/",
    "/platform/applications/", "/platform/topology/", "/platform/services/{alive}/",
    "/platform/subscriptions/{to_all}/", "/platform/applications/{mine}/",
)


def cost(client, url):
    """How many queries a page takes once everything that is cached is warm."""
    client.get(url)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    return len(caught)


def test_twenty_of_everything_cost_as_many_queries_as_one(platform, visit):
    client = visit("admin")
    platform.mine.subscribe(serInstanceIds=[str(platform.alive.pk)])
    urls = [filled(url, platform) for url in PLACES]
    few = [cost(client, url) for url in urls]
    for number in range(20):
        app = App(f"app-{number}", platform.two.pk)
        app.register(serName=f"more-{number}", livenessInterval=10)
        app.subscribe(serNames=["video"])
        app.subscribe(serInstanceIds=[str(platform.alive.pk)])
        platform.mine.register(serName=f"own-{number}", livenessInterval=10)
        platform.mine.subscribe(serNames=[f"own-{number}"])
        row = Application.objects.get(pk=app.id)
        Credential.objects.create(application=row, access_key=uuid.uuid4().hex[:20],
                                  secret_key="S" * 64)
    Subscription.objects.update(failures=1)
    MecService.objects.filter(ser_name__startswith="more").update(state="SUSPENDED")
    for url, before in zip(urls, few, strict=True):
        assert cost(client, url) <= before, url
        assert before <= 24, url
