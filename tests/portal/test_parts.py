"""The wall around the pieces of the pages: each is for exactly those who see it in the page.

The table is written by hand, from the roles and the tenants' wall.
"""

from __future__ import annotations

import re
import uuid

import pytest

from apps.instances.models import LcmOperation
from apps.journal import services as journal
from apps.tenants.actors import SYSTEM
from tests.portal.test_pages import FRAGMENT, filled

EVERYBODY = {"admin", "tenant", "other", "guest"}  # "other" is a tenant too, but of nothing here
THEIRS = {"admin", "tenant", "guest"}
NOT_GUESTS = {"admin", "tenant"}
WALL = {
    "/": {"tiles": EVERYBODY, "concerns": EVERYBODY, "recent": EVERYBODY - {"guest"}},
    "/packages/{package}/": {"hosts": THEIRS, "instances": THEIRS, "history": NOT_GUESTS},
    "/packages/{other}/": {
        "hosts": {"admin", "other"}, "instances": {"admin", "other"},
        "history": {"admin", "other"},
    },
    "/instances/{running}/": {
        "state": THEIRS, "work": THEIRS, "workload": THEIRS, "rules": THEIRS,
        "history": NOT_GUESTS,
    },
    "/instances/{gone}/": {
        "state": THEIRS, "work": THEIRS, "workload": THEIRS, "history": NOT_GUESTS,
    },
    "/hosts/{online}/": {
        "state": EVERYBODY, "facts": EVERYBODY, "load": EVERYBODY, "about": EVERYBODY,
        "packages": EVERYBODY,
        "instances": EVERYBODY, "services": EVERYBODY, "credentials": EVERYBODY,
        "history": {"admin"}, "settings": {"admin"},
    },
}
ADDRESSES = [(url, part) for url, parts in WALL.items() for part in parts]


@pytest.fixture
def gone(estate):
    """An instance of the first tenant that is no more."""
    key = uuid.uuid4()
    LcmOperation.objects.create(
        instance_id=key, tenant_id=estate.one.pk, host_id=estate.online.pk, app_name="was-here",
        kind="terminate", state="Succeeded", actor=estate.people["tenant"].actor.as_json(),
    )
    return key


@pytest.fixture
def address_of(estate, gone):
    """The address of a page of the estate."""

    def address(url):
        return filled(url.replace("{gone}", str(gone)), estate)

    return address


@pytest.mark.parametrize("who", sorted(EVERYBODY))
def test_a_piece_comes_alone_for_those_who_see_it_in_the_page(open_as, address_of, who):
    client = open_as(who)
    for url, part in ADDRESSES:
        address = f"{address_of(url)}?part={part}"
        whole, piece = client.get(address), client.get(address, headers=FRAGMENT)
        page, text = whole.content.decode(), piece.content.decode()
        mark, hidden = f'id="{part}"', (url, part) == ("/instances/{gone}/", "workload")
        if who in WALL[url][part]:
            assert (whole.status_code, piece.status_code) == (200, 200), address
            assert mark in text, address
            assert mark in page or hidden, address
            assert "<html" in page, address
        else:
            assert piece.status_code == 404, address
            assert mark not in text + page, address
        assert "<html" not in text or piece.status_code == 404, address
        assert "⁉" not in text, address


def test_a_piece_that_no_page_has_is_not_found(open_as, address_of):
    client = open_as("admin")
    for url in WALL:
        for part in ("nothing", "_history", "History", "history/", "list"):
            address = f"{address_of(url)}?part={part}"
            assert client.get(address, headers=FRAGMENT).status_code == 404, address
            assert client.get(address).status_code == 200, address


def test_the_table_names_every_piece_that_a_page_asks_for(open_as, address_of):
    client = open_as("admin")
    for url, parts in WALL.items():
        text = client.get(address_of(url)).content.decode()
        asked = set(re.findall(r'data-src="[^"]*\?part=(\w+)"', text))
        assert asked, url
        assert asked <= set(parts), url


def test_who_did_it_is_not_told_to_a_guest_in_any_piece(estate, open_as, address_of):
    LcmOperation.objects.update(actor=estate.people["tenant"].actor.as_json())
    told = {}
    for who in ("tenant", "guest"):
        client = open_as(who)
        pieces = [client.get(f"{address_of(url)}?part={part}", headers=FRAGMENT)
                  for url, part in ADDRESSES if "{gone}" in url or "{running}" in url]
        told[who] = any("ann" in piece.content.decode() for piece in pieces)
    assert told == {"tenant": True, "guest": False}


def test_somebody_without_a_tenant_reads_no_record_at_all(estate, open_as, monkeypatch):
    journal.record("tenants.user.created", estate.people["admin"], actor=SYSTEM)
    homeless = estate.people["tenant"]
    real = type(homeless).actor.fget
    monkeypatch.setattr(
        type(homeless), "actor",
        property(lambda user: real(user) if user.role == "admin" else _without_tenant(real(user))),
    )
    for url in ("/activity/", "/?part=recent"):
        headers = FRAGMENT if "part" in url else {}
        text = open_as("tenant").get(url, headers=headers).content.decode()
        assert estate.online.name not in text
        assert "root" not in text
        assert estate.running.app_name not in text
    assert estate.running.app_name in open_as("admin").get("/activity/").content.decode()


def _without_tenant(actor):
    return type(actor)(actor.actor_id, actor.actor_name, actor.role)
