"""At an edge: the banner while its center is away, and the list of what waits for it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from apps.common import clock
from apps.common.models import current_version
from apps.common.words import Reason
from apps.hosts import services as hosts
from apps.journal.models import Entry
from apps.sync import acks, waiting
from apps.sync.acks import Named
from apps.sync.models import Center, Reader
from apps.tenants import keys
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.portal.conftest import _strict, browser
from tests.portal.test_pages import FRAGMENT, Page

NOON = datetime(2026, 3, 2, 10, 42, tzinfo=UTC)


@pytest.fixture
def now(edge_house):
    _strict(edge_house)
    edge_house.TIME_ZONE = "UTC"
    with clock.frozen(NOON) as frozen:
        yield frozen


@pytest.fixture
def boss(now):
    """The operator of the edge."""
    return browser(make.admin("olga"))


@pytest.fixture
def center(now):
    """A center that this edge joined, that has everything, and that was there just now."""
    return Center.objects.create(site_id=uuid.uuid4(), name="headquarters", heard_at=NOON,
                                 joined_at=NOON - timedelta(days=1))


def acknowledge(center, **more):
    reader = Reader.objects.filter(site_id=center.site_id).first()
    reader = reader or Reader(site_id=center.site_id)
    return acks.acknowledge(reader, upto=current_version(), **more)


def text_of(client, url="/"):
    return client.get(url).content.decode()


def test_edge_that_never_had_a_center_claims_nothing(boss):
    make.host()
    assert "center has" not in text_of(boss)
    assert "No center reads this edge" in text_of(boss, "/waiting/")


def test_banner_says_since_when_and_how_many_on_every_page(boss, center, now):
    acknowledge(center)
    assert "The center has been away" not in text_of(boss)
    now.advance(minutes=18)
    assert "away since 10:42 – no change waits" in text_of(boss)
    make.host("10.1.1.1", access="")
    for url in ("/", "/hosts/", "/activity/", "/waiting/", "/account/"):
        assert "away since 10:42 – 1 change waits" in text_of(boss, url), url
    make.host("10.1.1.2", access="")
    assert "2 changes wait" in text_of(boss)
    Center.objects.update(heard_at=clock.now())
    assert "The center has been away" not in text_of(boss)


def test_banner_is_fetched_again_by_a_page_that_stays_open(boss, center, now):
    acknowledge(center)
    now.advance(days=2)
    piece = boss.get("/waiting/banner/", headers=FRAGMENT).content.decode()
    assert "since 2026-03-02 10:42" in piece
    assert "<html" not in piece
    assert 'data-src="/waiting/banner/"' in piece


def test_link_that_this_edge_opens_and_that_fails_is_known_at_once(boss, center, now):
    acknowledge(center)
    Center.objects.update(connected=False, since=NOON, heard_at=NOON)
    assert "away since 10:42" in text_of(boss)


def test_of_a_center_that_was_not_joined_only_acknowledgements_are_known(boss, now):
    site = uuid.uuid4()
    keys.trust(kid="k", site_id=site, site_name="far", public_key="p")
    acks.acknowledge(Reader(site_id=site), upto=current_version())
    now.advance(hours=1)
    assert "took changes last" not in text_of(boss), "nothing waits, so silence means nothing"
    make.host(access="")
    assert "took changes last at 10:42 – 1 change waits" in text_of(boss)
    assert "has been away" not in text_of(boss)


def test_acknowledgement_of_a_person_is_not_that_of_a_center(boss, now):
    acks.acknowledge(Reader(site_id=uuid.uuid4(), name="olga"), upto=current_version())
    now.advance(hours=1)
    make.host(access="")
    assert "took changes last" not in text_of(boss)


def test_tenants_see_the_banner_and_not_the_list(boss, center, now):
    acknowledge(center)
    now.advance(minutes=5)
    ann = browser(make.user(make.tenant(), name="ann"))
    text = text_of(ann)
    assert "The center has been away" in text
    assert 'href="/waiting/"' not in text
    assert ann.get("/waiting/").status_code == 403


def test_list_tells_what_waits_who_did_it_and_when(boss, center, now):
    gone = make.host("10.1.1.9", access="", name="going")
    acknowledge(center)
    olga = make.admin("olaf").actor
    made = hosts.register_host(actor=olga, spec=make.host_spec("10.1.1.1", name="fresh"))
    hosts.remove_host(actor=SYSTEM, host_id=gone.pk)
    text = text_of(boss, "/waiting/")
    row = text.split(f'id="row-mechost-{made.pk}"')[1].split("</tr>")[0]
    assert "fresh" in row
    assert "registered the host" in row
    assert "olaf" in row
    assert f'href="/hosts/{made.pk}/"' in row
    dead = text.split(f'id="row-mechost-{gone.pk}"')[1].split("</tr>")[0]
    assert "going" in dead
    assert "gone" in dead
    acknowledge(center)
    assert "The center has everything that this edge has." in text_of(boss, "/waiting/")


def test_row_that_was_named_by_itself_does_not_wait(boss, center, now):
    acknowledge(center)
    host = make.host("10.1.1.1", access="")
    reader = Reader.objects.get()
    acks.acknowledge(reader, rows=[Named("mechost", host.pk, host.version)])
    assert f"row-mechost-{host.pk}" not in text_of(boss, "/waiting/")


def test_what_the_center_cannot_use_is_told_with_its_reason(boss, center, now):
    host = make.host("10.1.1.1", access="", name="odd")
    why = Reason("Its address belongs to another host here, or something here still stands on it.")
    acknowledge(center, refused=[Named("mechost", host.pk, host.version, why)])
    text = text_of(boss, "/waiting/").split('id="refused-title"')[1]
    assert "odd" in text
    assert str(why) in text


def test_list_is_paged(boss, center, now):
    acknowledge(center)
    for number in range(30):
        make.host(f"10.1.2.{number + 1}", access="")
    first, second = text_of(boss, "/waiting/"), text_of(boss, "/waiting/?page=2")
    assert first.count('id="row-') == 25
    assert second.count('id="row-') == 5
    assert "26–30 of 30" in second


def test_going_and_coming_back_are_written_into_the_record_once(center, now):
    acknowledge(center)
    assert waiting.look() is False
    now.advance(minutes=2)
    assert waiting.look() is True
    assert waiting.look() is True
    Center.objects.update(heard_at=clock.now())
    assert waiting.look() is False
    verbs = Entry.objects.filter(kind="center").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["sync.center.away", "sync.center.back"]


def test_banner_costs_one_query_while_the_center_is_there_and_two_while_it_is_not(
    boss, center, now, django_assert_num_queries
):
    acknowledge(center)
    make.host(access="")
    with django_assert_num_queries(3):  # with the session and the user
        boss.get("/waiting/banner/")
    now.advance(minutes=5)
    with django_assert_num_queries(4):
        boss.get("/waiting/banner/")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_pages_are_whole_in_both_languages(now, center, language):
    client = browser(make.admin(), language)
    acknowledge(center)
    make.host(access="")
    now.advance(minutes=5)
    for url in ("/", "/waiting/"):
        text = text_of(client, url)
        found = Page(text)
        assert "⁉" not in text
        assert not found.inline
        assert len(found.ids) == len(set(found.ids))
        assert ("change waits" in text) is (language == "en")
