"""The answers of the original, letter for letter, along the lives of its resources."""

from __future__ import annotations

import json

import pytest

from tests import factories as make
from tests.security.world import file

SAVED, UPDATED, DELETED = ({"response": word} for word in ("Saved", "Updated", "Deleted"))
INVENTORY = "/inventory/v1"
HOST = {"mechostIp": "10.8.8.8", "mechostName": "newhost", "city": "Delft", "address": "Quay 1",
        "coordinates": "1,2", "vim": "Simulated", "applcmIp": "10.9.0.1"}


@pytest.fixture
def boss(house):
    """An administrator's client."""
    return make.Api(make.admin())


def ask(api, method, path, body=None, **more):
    """The JSON of an answer that is a success."""
    answer = api.send(method, path, body, **more)
    assert answer.status_code < 300, answer.content
    return answer.json()


@pytest.mark.parametrize(("name", "prefix"), [
    pytest.param("applcms", "applcm", id="I1 I2 I3 I4 I5 I6"),
    pytest.param("apprulemanagers", "appRule", id="I7 I8 I9 I10 I11 I12"),
])
def test_managers_live_and_end_in_the_originals_words(boss, name, prefix):
    url = f"{INVENTORY}/{name}"
    body = {f"{prefix}Name": "north", f"{prefix}Ip": "10.3.0.1", f"{prefix}Port": "30204"}
    assert ask(boss, "POST", url, body) == SAVED
    again = boss.send("POST", url, body)
    assert (again.status_code, again.json()["message"]) == (400, "Record already exist")
    assert ask(boss, "PUT", f"{url}/10.3.0.1", body | {f"{prefix}Name": "south"}) == UPDATED
    assert [row[f"{prefix}Name"] for row in ask(boss, "GET", url)] == ["south"]
    one = ask(boss, "GET", f"{url}/10.3.0.1")
    assert {key: one[key] for key in body} == body | {f"{prefix}Name": "south"}
    assert one["userName"] is None
    assert ask(boss, "DELETE", f"{url}/10.3.0.1") == DELETED
    gone = boss.send("GET", f"{url}/10.3.0.1")
    assert (gone.status_code, gone.json()["details"]) == (404, ["Record not found"])
    assert ask(boss, "DELETE", url) == DELETED
    assert ask(boss, "GET", url) == []


def test_hosts_live_and_end_in_the_originals_words(boss):
    """I25 I26 I27 I28 I29 I30, Q15: an empty list is a list."""
    url = f"{INVENTORY}/mechosts"
    assert ask(boss, "GET", url) == []
    make.edge()
    assert ask(boss, "POST", url, HOST) == SAVED
    assert boss.send("POST", url, HOST).json()["message"] == "Record already exist"
    assert ask(boss, "PUT", f"{url}/10.8.8.8", HOST | {"city": "Leiden"}) == UPDATED
    (row,) = ask(boss, "GET", url)
    one = ask(boss, "GET", f"{url}/10.8.8.8")
    assert row == one
    wanted = HOST | {"city": "Leiden", "hwcapabilities": [], "zipCode": None, "userName": None}
    assert {key: one[key] for key in wanted} == wanted
    assert ask(boss, "DELETE", f"{url}/10.8.8.8") == DELETED
    assert ask(boss, "DELETE", url) == DELETED


def test_access_file_of_a_host_is_uploaded_and_removed(boss):
    """I31 I32, Q23: what is no access file is refused."""
    host = make.host("10.8.0.1", access="")
    url = f"{INVENTORY}/mechosts/10.8.0.1/k8sconfig"
    assert boss.send("POST", url, form={"file": file("config", b"\x00\x01")}).status_code == 400
    good = boss.send("POST", url, form={"file": file("config", make.ACCESS.encode())})
    assert good.status_code == 200
    status = f"{INVENTORY}/mechosts/{host.ip}"
    assert ask(boss, "GET", status)["configUploadStatus"] == "Uploaded"
    assert boss.send("DELETE", url).status_code == 200
    assert boss.send("DELETE", f"{INVENTORY}/mechosts/10.8.0.9/k8sconfig").status_code == 404


@pytest.mark.parametrize("mount", [
    pytest.param("inventory", id="I33"), pytest.param("appo", id="O18"),
    pytest.param("apm", id="P13"),
])
def test_health_is_told_to_everybody_as_plain_text(house, mount):
    answer = make.Api().send("GET", f"/{mount}/v1/health")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.fixture
def red_api(house, red):
    """A client of a tenant that has a package and a host."""
    api = make.Api(make.user(red))
    api.package, api.host = make.package(red, name="gauge"), make.host("10.8.0.1")
    api.tenant = red
    return api


def test_instance_lives_and_ends_in_the_originals_words(red_api):
    """O1 O3 O5 O6 O11 O12."""
    base = f"/appo/v1/tenants/{red_api.tenant.pk}"
    body = {"appPackageId": red_api.package.package_id, "appId": red_api.package.app_id.hex,
            "appName": "camera", "appInstanceDescription": "one", "mecHost": "10.8.0.1"}
    answer = red_api.send("POST", f"{base}/app_instances", body)
    assert answer.status_code == 202
    key = answer.json()["response"]["app_instance_id"]
    (info,) = ask(red_api, "GET", f"{base}/app_instance_infos")["response"]
    names = {"appInstanceId", "appPackageId", "appName", "appId", "appDescriptor", "mecHost",
             "applcmHost", "operationalStatus", "operationInfo"}
    assert names <= info.keys()
    assert (info["appInstanceId"], info["operationalStatus"]) == (key, "Creating")
    one = ask(red_api, "GET", f"{base}/app_instance_infos/{key}")["response"]
    assert {name: one[name] for name in names} == {name: info[name] for name in names}
    ordered = red_api.send("POST", f"{base}/app_instances/{key}")
    assert (ordered.status_code, ordered.json()) == (202, {"response": "ACCEPTED"})
    not_yet = red_api.send("GET", f"{base}/app_instances/{key}")
    assert not_yet.status_code == 412
    words = "Application instance operational status is : Creating"
    assert not_yet.json()["response"] == words
    ended = red_api.send("DELETE", f"{base}/app_instances/{key}")
    assert (ended.status_code, ended.json()) == (202, {"response": "ACCEPTED"})


def test_workload_is_json_within_a_string(red_api):
    """O5, Q52: kept as the original's clients read it."""
    seen = {"phase": "Ready", "as_of": "2026-01-01T00:00:00+00:00", "ready": 1, "total": 1}
    row = make.instance(red_api.package, red_api.host, state="Instantiated", workload=seen)
    url = f"/appo/v1/tenants/{red_api.tenant.pk}/app_instances/{row.pk}"
    assert isinstance(json.loads(ask(red_api, "GET", url)["response"]), dict)


def test_package_is_withdrawn_from_a_host(red_api):
    """P6."""
    url = f"/apm/v1/tenants/{red_api.tenant.pk}/packages/{red_api.package.package_id}"
    assert red_api.send("POST", url, {"hostIp": ["10.8.0.1"]}).status_code == 202
    assert red_api.send("DELETE", f"{url}/hosts/10.8.0.1").status_code == 200
