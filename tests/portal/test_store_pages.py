"""The pages of application stores, and what pages say of revisions."""

from __future__ import annotations

import uuid

import pytest

from apps.packages import store_orders, store_work
from apps.packages.models import Package, StorePackage
from apps.packages.store_orders import Wanted
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.packages.stores import IP, register, serving


def text_of(page):
    """The text of a page that came."""
    assert page.status_code == 200, page.status_code
    return page.content.decode()


def ordered(one):
    """A package on its way here."""
    wanted = Wanted(IP, uuid.UUID(one.app_id), uuid.UUID(one.package_id))
    return store_orders.fetch(actor=SYSTEM, wanted=wanted)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_package_goes_from_the_store_to_a_host_by_the_pages(estate, open_as, settings, language):
    with serving(settings) as store:
        first, client = store.offers[0], open_as("tenant", language)
        assert f"/stores/{IP}/" in text_of(client.get("/stores/"))
        assert "Berth Planner" in text_of(client.get(f"/stores/{IP}/"))
        chosen = {"package": [first.app_id + first.package_id, "nonsense"]}
        assert client.post(f"/stores/{IP}/fetch/", chosen)["Location"] == "/stores/"
        row = StorePackage.objects.get()
        assert (row.state, row.actor["name"]) == ("SYNC_INPROGRESS", "ann")
        assert "<progress" not in text_of(client.get("/stores/"))
        assert store_work.work_on(row.pk) == "arrived"
        piece = text_of(client.get("/stores/?part=fetched", headers={"HX-Request": "true"}))
        assert "<progress" in piece and "<html" not in piece
        take = f"/stores/onboard/{row.app_id}/{row.package_id}/"
        assert take in piece
        assert estate.online.name in text_of(client.get(take))
        page = client.post(take, {"hosts": [str(estate.online.pk)]})
        package = Package.objects.get(name="Berth-Planner")
        assert page["Location"] == f"/packages/{package.pk}/"
        assert (package.has_file, package.tenant) == (True, estate.one)
        assert f"{IP}:" in text_of(client.get(f"/packages/{package.pk}/"))


def test_store_that_does_not_answer_is_a_sentence_on_its_page(estate, open_as):
    register("10.9.9.9")
    assert "not a public address" in text_of(open_as("tenant").get("/stores/10.9.9.9/"))


def test_guest_looks_and_fetches_nothing(estate, open_as, settings):
    with serving(settings) as store:
        row, guest = ordered(store.offers[0]), open_as("guest")
        assert "<button" not in text_of(guest.get(f"/stores/{IP}/")).split('id="offers"')[1]
        for url in (f"/stores/{IP}/fetch/", f"/stores/onboard/{row.app_id}/{row.package_id}/"):
            assert guest.post(url, {"package": "x"}).status_code == 403


def test_package_that_is_awaited_says_so(estate, open_as, settings):
    with serving(settings) as store:
        row, client = ordered(store.offers[0]), open_as("tenant")
        client.post(f"/stores/onboard/{row.app_id}/{row.package_id}/", {"hosts": []})
        package = Package.objects.get(store_package=row)
        assert "still to come" in text_of(client.get(f"/packages/{package.pk}/"))
        assert "awaited" in text_of(client.get("/packages/"))


def test_pages_say_what_runs_on_an_older_revision(estate, open_as):
    old = estate.package
    newer = make.package(old.tenant, name=old.name)
    newer.name, newer.package_version, newer.revision = old.name, old.package_version, 2
    newer.save()
    client = open_as("tenant")
    assert "superseded by 2" in text_of(client.get(f"/packages/{old.pk}/"))
    assert "runs the older revision 1" in text_of(client.get(f"/packages/{old.pk}/"))
    assert "revision 2 is here" in text_of(client.get(f"/instances/{estate.running.pk}/"))
    assert "superseded" in text_of(client.get("/packages/"))
    assert "superseded" not in text_of(client.get(f"/packages/{newer.pk}/"))


def test_question_before_a_removal_names_who_needs_the_package(estate, open_as):
    """P5"""
    base, needy = estate.package, make.package(estate.one, name="needy")
    base.info["requirements"]["services_produced"] = [{"name": "tide", "version": "1"}]
    needy.info["requirements"]["services_required"] = [{"name": "tide", "version": ""}]
    base.save()
    needy.save()
    client = open_as("tenant")
    assert str(needy) in text_of(client.get(f"/packages/{base.pk}/delete/"))
    assert str(needy) in text_of(client.get(f"/packages/{base.pk}/"))
