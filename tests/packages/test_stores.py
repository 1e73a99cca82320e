"""Fetching from an application store: what it offers, the work, and every way in which it fails."""

from __future__ import annotations

import os

import pytest

from apps.hosts import stores as inventory
from apps.hosts.models import AppStore
from apps.packages import services, store_work
from apps.packages.models import Package, StorePackage
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.packages.stores import IP, offer, register, serving, wanted

APPS = "/apm/v1/apps"


@pytest.fixture
def owner(red, now):
    """The client of red's user."""
    return make.Api(make.user(red, name="rita"))


@pytest.fixture
def store(settings, owner):
    """A store with two packages."""
    with serving(settings) as found:
        yield found


def fetch(owner, *offers):
    """Order packages and answer what the site said."""
    return owner.send("POST", f"{APPS}/sync", [wanted(one) for one in offers])


def work():
    """One round of the workers; what came of each."""
    return [store_work.work_on(key) for key in store_work.due()]


def state_of(owner, one):
    """What ``syncstatus`` says of a package."""
    answer = owner.send("GET", f"{APPS}/{one.app_id}/packages/{one.package_id}/syncstatus")
    assert answer.status_code == 200
    return answer.json()


def drafts(house):
    """What lies about in the directory for things that arrive."""
    return list((house.SITE_DIR / "tmp").iterdir())


def test_store_is_listed_with_what_is_here_of_it_and_nothing_changes(owner, store):
    """P8 Q60: a listing deletes nothing, also when the store has it no more."""
    first = store.offers[0]
    rows = owner.send("GET", f"{APPS}/info/appstores/{IP}").json()
    assert {(row["name"], row["version"], row["syncStatus"]) for row in rows} == {
        ("Berth Planner", "1.2", "NOT_IN_SYNC"), ("Gate Reader", "3.0", "NOT_IN_SYNC")}
    assert rows[0].keys() >= {"packageId", "appId", "size", "provider", "shortDesc", "testTaskId"}
    assert StorePackage.objects.count() == 0
    fetch(owner, first)
    work()
    store.offers.remove(first)
    assert [row["name"] for row in owner.send("GET", f"{APPS}/info/appstores/{IP}").json()] == [
        "Gate Reader"]
    row = StorePackage.objects.get()
    assert row.state == "IN_SYNC" and row.path.exists()
    store.offers.clear()
    assert owner.send("GET", f"{APPS}/info/appstores/{IP}").json() == []


def test_application_that_is_gone_meanwhile_is_left_out_of_the_list(owner, store):
    """Q65: one application that is not found does not hide the others."""
    store.vanished.add(store.offers[0].app_id)
    rows = owner.send("GET", f"{APPS}/info/appstores/{IP}").json()
    assert [row["name"] for row in rows] == ["Gate Reader"]


def test_package_is_fetched_checked_and_told_of(owner, store, house):
    """P9 P10 P11: ordered, fetched by the workers, and its state told at every stage."""
    first, second = store.offers
    assert owner.send("GET", f"{APPS}/syncstatus").json() == []
    answer = fetch(owner, first)
    assert answer.status_code == 202
    assert answer.json() == [
        {"appId": first.app_id, "packageId": first.package_id, "status": "accepted"}]
    assert state_of(owner, first)["syncStatus"] == "SYNC_INPROGRESS"
    assert work() == ["arrived"]
    told = state_of(owner, first)
    assert (told["syncStatus"], told["operationalInfo"], told["percent"]) == (
        "IN_SYNC", "success", 100)
    assert (told["name"], told["provider"], told["shortDesc"]) == (
        "Berth Planner", "Example Labs", first.text)
    assert told["received"] == told["total"] == len(first.content)
    assert owner.send("GET", f"{APPS}/syncstatus").json() == [told]
    row = StorePackage.objects.get()
    assert row.path.read_bytes() == first.content
    assert drafts(house) == []
    listed = owner.send("GET", f"{APPS}/info/appstores/{IP}").json()
    assert {one["name"]: one["syncStatus"] for one in listed} == {
        "Berth Planner": "IN_SYNC", "Gate Reader": "NOT_IN_SYNC"}
    unknown = owner.send(
        "GET", f"{APPS}/{second.app_id}/packages/{second.package_id}/syncstatus")
    assert (unknown.status_code, unknown.json()["message"]) == (404, "record not found")


def test_order_for_several_tells_of_each(owner, store):
    """P9: one that cannot be fetched is no matter of the others; none at all is 400."""
    first, second = store.offers
    items = [wanted(first), wanted(second, ip="10.77.0.1"), wanted(second)]
    answer = owner.send("POST", f"{APPS}/sync", items)
    assert answer.status_code == 202
    assert [one["status"] for one in answer.json()] == ["accepted", "failed", "accepted"]
    again = owner.send("POST", f"{APPS}/sync", [wanted(first)])
    assert again.status_code == 400
    assert [one["reason"] for one in again.json()["items"]] == ["SYNC_INPROGRESS"]
    work()
    assert fetch(owner, first).status_code == 202, "what is here may be fetched anew"


@pytest.mark.parametrize(
    ("body", "field"),
    [([], "body"), ({}, "body"), ([{}], "0.appstoreIp"), ([None], "0"),
     ([{"appstoreIp": "x", "appId": "0" * 32, "packageId": "0" * 32}], "0.appstoreIp"),
     ([{"appstoreIp": IP, "appId": "0" * 31, "packageId": "0" * 32}], "0.appId"),
     ([{"appstoreIp": IP, "appId": "0" * 32, "packageId": "Z" * 32}], "0.packageId"),
     ([{"appstoreIp": IP, "appId": "0" * 32, "packageId": "0" * 32}] * 401, "body")],
)
def test_wrong_order_is_400_at_its_field(owner, body, field):
    answer = owner.send("POST", f"{APPS}/sync", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"], answer.json()
    assert StorePackage.objects.count() == 0


def test_other_fields_of_an_item_are_not_looked_at(owner, store):
    """P9: clients send whole rows of the list."""
    row = owner.send("GET", f"{APPS}/info/appstores/{IP}").json()[0]
    answer = owner.send("POST", f"{APPS}/sync", [row | {"appstoreIp": IP, "status": {"x": 1}}])
    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["info/appstores/10.77.0.1", "info/appstores/nonsense"])
def test_store_that_nobody_registered_is_not_found(owner, path):
    assert owner.send("GET", f"{APPS}/{path}").status_code == 404


@pytest.mark.parametrize("key", ["x", "0" * 31, "0" * 64, "Z" * 32])
def test_ids_of_another_form_are_those_of_nothing(owner, key):
    assert owner.send("GET", f"{APPS}/{key}/packages/{'0' * 32}/syncstatus").status_code == 404


# --- what goes wrong -----------------------------------------------------------------------------


def failed(owner, one):
    """Work until it has failed; the reason that is told."""
    fetch(owner, one)
    assert work() == ["failed"]
    told = state_of(owner, one)
    assert told["syncStatus"] == "SYNC_FAILED"
    assert not StorePackage.objects.get().path.exists()
    return told["operationalInfo"]


def test_file_that_is_not_the_announced_one_is_refused(owner, store, house):
    """Q75: digests are compared."""
    store.digest = "AAAA"
    assert "digest" in failed(owner, store.offers[0])
    assert drafts(house) == []


@pytest.mark.parametrize(("content", "word"), [(b"no zip at all", "zip"), (b"", "empty")])
def test_file_that_is_no_package_is_refused_like_an_upload(owner, store, content, word):
    """Q57 Q73: one reader with one set of limits for uploads and for what is fetched."""
    broken = offer("Broken", "1.0" if content else "2.0")
    broken.content = content
    store.offers.append(broken)
    assert word in failed(owner, broken)


def test_file_above_the_limit_is_given_up_while_it_comes(owner, store, settings):
    """Q73"""
    settings.PACKAGE_MAX_BYTES = 1000
    assert "more than" in failed(owner, store.offers[0])


def test_package_that_the_store_does_not_have_is_told(owner, store):
    store.vanished.add(store.offers[0].app_id)
    assert "no such package" in failed(owner, store.offers[0])


def test_store_that_fails_is_asked_again_and_in_the_end_given_up(owner, store, now, house):
    """Q59 Q67: whatever fails ends as failed, and can be ordered again."""
    first = store.offers[0]
    fetch(owner, first)
    store.cut_after = 100
    came = []
    for _ in range(5):
        came += work()
        assert drafts(house) == []
        now.advance(seconds=100)
    assert came == ["waiting", "waiting", "waiting", "failed"]
    assert "received 100 bytes" in state_of(owner, first)["operationalInfo"]
    store.cut_after = None
    assert fetch(owner, first).status_code == 202
    assert work() == ["arrived"]


def test_bug_in_the_work_ends_as_failed_and_tells_no_insides(owner, store, monkeypatch):
    """Q59: an exception of any kind ends as failed."""
    def stumble(*_, **__):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(store_work, "read_package", stumble)
    assert "/secret" not in failed(owner, store.offers[0])


def test_work_of_a_process_that_died_is_taken_up(owner, store, now):
    """Q67: nothing stays in progress that nobody works on."""
    fetch(owner, store.offers[0])
    StorePackage.objects.update(lease="of one that died", lease_until=now() + store_work.LEASE)
    assert work() == []
    assert store_work.drop_leases() == 1
    assert work() == ["arrived"]


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "169.254.169.254"])
def test_store_at_an_address_of_our_own_side_is_called_only_when_settings_allow_it(
    owner, settings, ip
):
    """Q76: a registered address is no way into the site's own network."""
    settings.APP_STORES = {"scheme": "http", "networks": "", "ca_file": ""}
    register(ip)
    answer = owner.send("GET", f"{APPS}/info/appstores/{ip}")
    assert answer.status_code == 502
    assert answer.json()["type"].endswith("forbidden_address")


@pytest.mark.parametrize("status", [500, 403])
def test_store_that_refuses_is_a_bad_gateway(owner, store, status):
    store.status = status
    assert owner.send("GET", f"{APPS}/info/appstores/{IP}").status_code == 502


def test_store_has_its_most_packages_and_no_more(owner, store, settings):
    """Q16 Q18: the limit of a store is 409 with limit and use, and counted under a lock."""
    settings.LIMITS = settings.LIMITS | {"packages_per_appstore": 1}
    first, second = store.offers
    assert fetch(owner, first).status_code == 202
    refused = fetch(owner, second)
    assert refused.status_code == 400
    assert refused.json()["items"][0]["reason"] == "Max record limit exceeded"
    work()
    assert fetch(owner, first).status_code == 202, "what is known already needs no room"
    listed = owner.send("GET", f"{APPS}/info/appstores/{IP}")
    assert (listed.status_code, listed.json()["limit"]) == (409, 1)


def test_list_of_what_was_fetched_is_paged(owner, store):
    """P10"""
    fetch(owner, *store.offers)
    rows = owner.send("GET", f"{APPS}/syncstatus?limit=1&offset=1").json()
    assert len(rows) == 1


def test_guest_reads_and_orders_nothing(red, store):
    """P8 P9 P10: guests look."""
    guest = make.Api(make.user(red, role="guest"))
    assert guest.send("GET", f"{APPS}/info/appstores/{IP}").status_code == 200
    assert guest.send("GET", f"{APPS}/syncstatus").status_code == 200
    assert fetch(guest, store.offers[0]).status_code == 403
    assert not Package.objects.exists()


def test_what_came_from_a_store_that_is_gone_is_swept_unless_somebody_waits_for_it(
    owner, store, house, now
):
    fetch(owner, store.offers[0])
    work()
    row = StorePackage.objects.get()
    services.sweep_orphans()
    assert StorePackage.objects.exists()
    inventory.remove(AppStore, actor=SYSTEM, key=IP)
    os.utime(row.path, (0, 0))
    assert services.sweep_orphans() == 1
    assert not StorePackage.objects.exists()
    assert not row.path.exists()
