"""Taking packages from a store: there at once, distributed when their file has come."""

from __future__ import annotations

import pytest

from apps.packages import distribution_work, onboarding, store_work
from apps.packages.models import Distribution, Package, StorePackage
from tests import factories as make
from tests.packages.stores import IP, register, serving, wanted
from tests.packages.stores import onboarding as body_of


@pytest.fixture
def owner(red, now):
    """The client of red's user."""
    return make.Api(make.user(red, name="rita"))


@pytest.fixture
def store(settings, owner):
    """A store with two packages."""
    with serving(settings) as found:
        yield found


@pytest.fixture
def url(red):
    """The address of red's packages."""
    return f"/apm/v1/tenants/{red.pk}/packages"


def fetch():
    """One round of the workers that fetch."""
    return [store_work.work_on(key) for key in store_work.due()]


def carry():
    """One round of the workers that distribute."""
    return [distribution_work.work_on(key) for key in distribution_work.due()]


def test_package_of_a_store_is_there_at_once_and_on_its_hosts_when_it_came(owner, store, url):
    """P2 P3: Processing until the file has come and gone to the host, then Distributed."""
    first, host = store.offers[0], make.host()
    more = {"appProvider": "P" * 1024, "appPkgDesc": "d" * 1024, "appIconUrl": "i" * 1024,
            "appPkgAffinity": "a" * 255, "createdTime": "long ago"}
    answer = owner.send("POST", url, body_of(first, host, **more))
    assert answer.status_code == 202
    key = answer.json()["packageId"]
    assert key == first.app_id + first.package_id
    told = owner.send("GET", f"{url}/{key}").json()
    assert (told["mecHostInfo"][0]["status"], told["hasFile"]) == ("Processing", False)
    assert {key: told[key] for key in ("appProvider", "appPkgDesc", "appIconUrl")} == {
        "appProvider": "P" * 1024, "appPkgDesc": "d" * 1024, "appIconUrl": "i" * 1024}
    assert told["appPkgAffinity"] == "a" * 255
    assert carry() == [], "nothing can go before it has come"
    assert fetch() == ["arrived"]
    assert carry() == ["arrived"]
    told = owner.send("GET", f"{url}/{key}").json()
    assert (told["mecHostInfo"][0]["status"], told["appClass"]) == ("Distributed", "container")
    assert told["appPkgPath"].endswith("/action/download")
    assert told["createdTime"] != "long ago"
    got = make.content_of(owner.send("GET", f"{url}/{key}/download"))
    assert got == first.content


def test_same_package_again_is_no_second_one_and_may_go_to_more_hosts(owner, store, url):
    """P2 Q81: what is there already needs no room, and goes to further hosts."""
    first, hosts = store.offers[0], [make.host(), make.host()]
    owner.send("POST", url, body_of(first, hosts[0]))
    fetch()
    answer = owner.send("POST", url, body_of(first, hosts[1]))
    assert answer.status_code == 202
    assert store.downloads == 1, "what has been fetched is not fetched again"
    carry()
    assert {row.state for row in Package.objects.get().distributions.all()} == {"Distributed"}
    assert Distribution.objects.count() == 2


def test_limit_is_for_new_packages_and_refuses_without_leaving_anything(
    owner, store, url, settings
):
    """Q81: at the limit the known package may still be ordered, a new one is 409."""
    first, second, host = *store.offers, make.host()
    owner.send("POST", url, body_of(first, host))
    settings.LIMITS = settings.LIMITS | {"packages_per_tenant": 1}
    assert owner.send("POST", url, body_of(first, host)).status_code == 202
    refused = owner.send("POST", url, body_of(second, host))
    assert refused.status_code == 409
    assert (refused.json()["limit"], refused.json()["used"]) == (1, 1)
    assert refused.json()["message"] == "Max record limit exceeded"
    assert Package.objects.count() == StorePackage.objects.count() == 1


def test_what_was_fetched_before_goes_out_without_another_download(owner, store, url):
    """Q63: a fetched package is whole, whoever fetched it."""
    first, host = store.offers[0], make.host()
    owner.send("POST", "/apm/v1/apps/sync", [wanted(first)])
    fetch()
    owner.send("POST", url, body_of(first, host))
    assert carry() == ["arrived"]
    assert store.downloads == 1


def test_two_tenants_take_the_same_package_and_neither_sees_the_other(owner, store, url):
    """Q56 Q64: one id at the store, one row and one file per tenant."""
    blue = make.tenant("blue")
    theirs, host = make.Api(make.user(blue)), make.host()
    body = body_of(store.offers[0], host)
    key = owner.send("POST", url, body).json()["packageId"]
    other = f"/apm/v1/tenants/{blue.pk}/packages"
    assert theirs.send("POST", other, body).json()["packageId"] == key
    fetch()
    carry()
    assert owner.send("DELETE", f"{url}/{key}").status_code == 200
    carry()
    assert owner.send("GET", f"{url}/{key}").json()["removing"] is True
    told = theirs.send("GET", f"{other}/{key}").json()
    assert told["mecHostInfo"][0]["status"] == "Distributed"
    assert make.content_of(theirs.send("GET", f"{other}/{key}/download")) == store.offers[0].content
    boss = make.Api(make.admin())
    unclear = boss.send("GET", f"/apm/v1/packages/{key}")
    assert (unclear.status_code, list(unclear.json()["errors"])) == (400, ["tenant_id"])
    assert boss.send("GET", f"/apm/v1/packages/{key}?tenant_id={blue.pk}").status_code == 200


def test_fetch_that_fails_is_an_error_at_each_host_until_it_is_tried_again(owner, store, url, now):
    """Q59 Q72: every host tells why; trying again clears the error."""
    first, hosts = store.offers[0], [make.host(), make.host()]
    store.vanished.add(first.app_id)
    key = owner.send("POST", url, body_of(first, *hosts)).json()["packageId"]
    assert fetch() == ["failed"]
    told = owner.send("GET", f"{url}/{key}").json()["mecHostInfo"]
    assert {(row["status"], "no such package" in row["error"]) for row in told} == {
        ("Error", True)}
    store.vanished.clear()
    again = owner.send("POST", f"{url}/{key}", {"hostIp": [host.ip for host in hosts]})
    assert again.status_code == 202
    told = owner.send("GET", f"{url}/{key}").json()["mecHostInfo"]
    assert {(row["status"], row["error"]) for row in told} == {("Processing", None)}
    assert fetch() == ["arrived"]
    carry()
    told = owner.send("GET", f"{url}/{key}").json()["mecHostInfo"]
    assert {(row["status"], row["error"]) for row in told} == {("Distributed", None)}


def test_state_that_a_client_gives_a_host_is_not_believed(owner, store, url):
    """Q72: a client cannot say that a package is distributed."""
    host = make.host()
    info = [{"hostIp": host.ip, "status": "Distributed", "error": "none"}]
    key = owner.send("POST", url, body_of(store.offers[0], mecHostInfo=info)).json()["packageId"]
    told = owner.send("GET", f"{url}/{key}").json()["mecHostInfo"][0]
    assert (told["status"], told["error"]) == ("Processing", None)


def test_host_that_cannot_run_it_is_an_error_with_its_reason_and_the_others_have_it(
    owner, store, url
):
    good, narrow = make.host(), make.host(vim="OpenStack", access="")
    owner.send("POST", url, body_of(store.offers[0], good, narrow))
    fetch()
    carry()
    states = {row.host_id: row for row in Distribution.objects.all()}
    assert states[good.pk].state == "Distributed"
    assert states[narrow.pk].state == "Error"
    assert states[narrow.pk].fault_reason.code == "wrong_class"


def test_address_of_a_download_is_that_of_the_registered_store(owner, store, url):
    """Q76: port, scheme and path that a client gives are never called."""
    first = store.offers[0]
    path = f"ftp://{IP}/etc/passwd"
    refused = owner.send("POST", url, body_of(first, make.host(), appPkgPath=path))
    assert refused.status_code == 400
    odd = f"http://{IP}:1/somewhere/else"
    owner.send("POST", url, body_of(first, make.host(), appPkgPath=odd))
    assert fetch() == ["arrived"], "the registered port answered, not port 1"
    nowhere = body_of(first, make.host(), ip="10.66.0.1")
    answer = owner.send("POST", url, nowhere)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["appPkgPath"])


def test_package_is_removed_while_its_file_is_awaited(owner, store, url):
    """P5 P6: it goes like any other."""
    first, host = store.offers[0], make.host()
    key = owner.send("POST", url, body_of(first, host)).json()["packageId"]
    assert owner.send("DELETE", f"{url}/{key}/hosts/{host.ip}").content == b"success"
    carry()
    assert owner.send("GET", f"{url}/{key}").json()["mecHostInfo"] == []
    assert owner.send("DELETE", f"{url}/{key}").content == b"success"
    assert owner.send("GET", f"{url}/{key}").status_code == 404
    assert fetch() == ["arrived"]
    assert not Package.objects.exists()


def test_description_of_a_package_is_taken_in_lines_as_it_was_written(owner, store, url):
    body = body_of(store.offers[0], make.host(), appPkgDesc=" one\n\ttwo", appProvider=None)
    assert owner.send("POST", url, body).status_code == 202
    assert Package.objects.get().description == " one\n\ttwo"


def test_file_that_came_while_the_process_died_is_handed_on(owner, store, url, monkeypatch):
    """Q62 Q67: fetched and handed on are two steps, and the second is made up for."""
    owner.send("POST", url, body_of(store.offers[0], make.host()))
    monkeypatch.setattr(onboarding, "settle", lambda _: 0)
    fetch()
    assert not Package.objects.get().has_file
    assert onboarding.settle_all() == 1
    assert Package.objects.get().has_file
    assert onboarding.settle_all() == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [({"appPkgId": "x"}, "appPkgId"), ({"appPkgId": "0" * 64}, "appPkgId"),
     ({"appPkgName": ""}, "appPkgName"), ({"appPkgName": "a b"}, "appPkgName"),
     ({"appPkgName": "x" * 256}, "appPkgName"), ({"appPkgVersion": ""}, "appPkgVersion"),
     ({"appPkgVersion": "1" * 256}, "appPkgVersion"), ({"appPkgPath": None}, "appPkgPath"),
     ({"appPkgPath": "no url"}, "appPkgPath"), ({"appPkgPath": "http://[x"}, "appPkgPath"),
     ({"appPkgPath": "http://a/" + "x" * 1024}, "appPkgPath"), ({"appId": ""}, "appId"),
     ({"appProvider": "x" * 1025}, "appProvider"), ({"appPkgDesc": "x" * 1025}, "appPkgDesc"),
     ({"appIconUrl": "x" * 1025}, "appIconUrl"), ({"appPkgDesc": ["x"]}, "appPkgDesc"),
     ({"appProvider": 5}, "appProvider"), ({"appPkgDesc": 1.5}, "appPkgDesc"),
     ({"appIconUrl": 7}, "appIconUrl"), ({"createdTime": 1}, "createdTime"),
     ({"appProvider": "a\nb"}, "appProvider"), ({"appPkgDesc": "a\x07b"}, "appPkgDesc"),
     ({"mecHostInfo": [{"hostIp": 1}]}, "mecHostInfo.0.hostIp"),
     ({"appPkgAffinity": "x" * 256}, "appPkgAffinity"), ({"mecHostInfo": []}, "mecHostInfo"),
     ({"mecHostInfo": [{"hostIp": "x"}]}, "mecHostInfo.0.hostIp"),
     ({"mecHostInfo": [{"hostIp": "10.99.9.9"}]}, "mecHostInfo"), ({"mecHostInfo": 1},
                                                                   "mecHostInfo")],
    ids=lambda value: f"Q74 {value}"[:40] if isinstance(value, str) else None,
)
def test_wrong_field_of_an_onboarding_is_400_and_nothing_is_kept(owner, url, more, field):
    """Q74: lengths of the wire are lengths of the table, and none is a 500."""
    register()
    from_store = type("Offer", (), {"app_id": "a" * 32, "package_id": "b" * 32})
    answer = owner.send("POST", url, body_of(from_store, make.host(), **more))
    assert answer.status_code == 400
    assert field in answer.json()["errors"], answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert Package.objects.count() == StorePackage.objects.count() == 0
