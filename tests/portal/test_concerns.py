"""What needs attention: news that is held back, and access files that an edge refused."""

from __future__ import annotations

import uuid

import pytest

from apps.common import clock
from apps.common.words import Reason
from apps.hosts.models import HostCredential
from apps.sync.models import HeldRow, Peer
from tests.portal.conftest import WHY

HELD = [("mechost", 7, {"name": "taken-host"}), ("distribution", 8, {"state": "Error"})]
PAGES = ("/", "/systems/")


@pytest.fixture
def peer(estate):
    """The edge that answers, as the puller left it: with two rows that have to wait."""
    for kind, number, data in HELD:
        hold(estate.edge, kind, number, data)
    return Peer.objects.create(edge=estate.edge, last_ok=clock.now())


def hold(edge, kind, number, data):
    """A row of the edge that waits."""
    return HeldRow.objects.create(edge=edge, kind=kind, subject_id=uuid.UUID(int=number),
                                  version=number, data=data, code="waits")


@pytest.mark.parametrize("url", PAGES)
def test_what_is_held_back_is_counted_and_named(open_as, peer, url):
    text = open_as("admin").get(url).content.decode()
    assert "2 rows of this edge are held back" in text
    assert "waits for another row or its address is taken here" in text
    assert f"Host “taken-host” ({uuid.UUID(int=7)}), Distribution {uuid.UUID(int=8)}" in text


@pytest.mark.parametrize("url", PAGES)
def test_it_is_told_in_the_readers_language(open_as, peer, url):
    assert "held back" not in open_as("admin", "zh-hans").get(url).content.decode()


def test_a_long_list_is_cut(open_as, peer):
    HeldRow.objects.all().delete()
    for number in range(1, 9):
        hold(peer.edge, "distribution", number, {})
    text = open_as("admin").get("/systems/").content.decode()
    assert "8 rows of this edge are held back" in text
    assert str(uuid.UUID(int=3)) in text
    assert str(uuid.UUID(int=4)) not in text
    assert "and more" in text


@pytest.mark.parametrize("who", ["tenant", "guest"])
def test_it_is_the_concern_of_administrators(open_as, peer, who):
    assert "held back" not in open_as(who).get("/").content.decode()


@pytest.mark.parametrize("url", PAGES)
def test_nothing_is_told_where_nothing_waits(open_as, peer, url):
    HeldRow.objects.all().delete()
    assert "held back" not in open_as("admin").get(url).content.decode()


def test_why_the_last_pull_failed_is_told(open_as, peer):
    peer.fault = Reason("The edge did not answer.").as_json()
    peer.save()
    text = open_as("admin").get("/systems/").content.decode()
    assert "The last pull failed: The edge did not answer." in text


# --- access files --------------------------------------------------------------------------------
def credentials_card(client, host):
    piece = client.get(f"/hosts/{host.pk}/?part=credentials", headers={"HX-Request": "true"})
    return piece.content.decode()


@pytest.mark.parametrize(("fields", "word", "why"), [
    ({}, "Waiting for delivery", "They are stored here; the edge does not have them yet."),
    ({"fault": WHY.as_json()}, "Invalid", "Nothing is registered under 10.9.9.9."),
    ({"delivered_at": clock.now()}, "Stored", ""),
    ({"delivered_at": clock.now(), "removing": True}, "Removing", "not been told yet"),
])
def test_the_card_says_where_the_access_file_has_got_to(estate, open_as, fields, word, why):
    HostCredential.objects.filter(host=estate.online).update(**fields)
    text = credentials_card(open_as("admin"), estate.online)
    assert f"<span>{word}</span>" in text
    assert why in text
    assert "⁉" not in text


def test_without_an_access_file_the_card_says_so(estate, open_as):
    assert "<span>Missing</span>" in credentials_card(open_as("admin"), estate.offline)


def test_an_access_file_that_the_edge_refused_needs_attention(estate, open_as):
    HostCredential.objects.filter(host=estate.unseen).update(fault=WHY.as_json())
    text = open_as("admin").get("/?part=concerns", headers={"HX-Request": "true"}).content.decode()
    [row] = [one for one in text.split("<li>") if estate.unseen.name in one]
    assert "Invalid" in row
    assert "Nothing is registered under 10.9.9.9." in row
