"""Every route of EdgeGallery's edge, in both generations, and the shapes of what it tells.

``ROWS`` is written by hand after the table of the original's routes: number, method, path, and
what is answered to a right request, to nobody, to a guest, about something that there is not, and
to a wrong request; ``-`` where there is no such case.  The original's faults are absent: an answer
of 500 or of 200 with a failure in it is nowhere, and no route is open to those without a token.
"""

from __future__ import annotations

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.common import clock
from apps.orchestration.second import BY_STATUS
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.security.endpoints import endpoints_of
from tests.security.world import call, world_of
from tests.sites import EDGE, urls_of

T, V = "tenants/{tenant_id}", "lcmcontroller/v1"
I = f"{T}/app_instances/{{instance_id}}"  # noqa: E741 - reads as the URL does
P = f"{T}/packages/{{package_id}}"
H = f"{T}/hosts/{{ip}}"
#                                                               ok nobody guest unknown wrong
ROWS = {
    1: ("GET", "health", "200 200 200 - -"),
    2: ("POST", "hosts", "200 401 403 - 400"),
    3: ("PUT", "hosts", "200 401 403 - 400"),
    4: ("GET", "hosts", "200 401 200 - -"),
    # What runs there is in the way; the original ends it without a word.
    5: ("DELETE", "hosts/{ip}", "409 401 403 404 -"),
    6: ("GET", "hosts/sync_updated", "200 401 403 - -"),
    7: ("GET", "hosts/sync_deleted", "200 401 403 - -"),
    8: ("GET", "hosts/{ip}/packages/{package_id}/status", "200 401 200 404 -"),
    9: ("POST", "configuration", "200 401 403 404 400"),
    10: ("DELETE", "configuration", "200 401 403 404 400"),
    11: ("POST", f"{T}/packages", "200 401 403 404 400"),
    12: ("GET", f"{T}/packages", "200 401 200 404 -"),
    13: ("GET", P, "200 401 200 404 -"),
    14: ("POST", P, "200 401 403 404 400"),
    15: ("DELETE", P, "200 401 403 404 -"),
    16: ("DELETE", f"{P}/hosts/{{ip}}", "200 401 403 404 -"),
    17: ("GET", f"{T}/packages/sync_updated", "200 401 403 404 -"),
    18: ("GET", f"{T}/packages/sync_deleted", "200 401 403 404 -"),
    19: ("POST", f"{I}/instantiate", "200 401 403 404 400"),
    20: ("POST", f"{I}/terminate", "200 401 403 404 -"),
    21: ("GET", I, "200 401 200 404 -"),
    22: ("GET", f"{I}/workload/events", "200 401 200 404 -"),
    23: ("GET", f"{T}/app_instances", "200 401 200 404 -"),
    24: ("DELETE", f"{T}/app_instances/batchTerminate", "200 401 403 404 400"),
    25: ("GET", f"{T}/app_instances/sync_updated", "200 401 403 404 -"),
    26: ("GET", f"{T}/app_instances/sync_deleted", "200 401 403 404 -"),
    27: ("GET", f"{H}/kpi", "200 401 200 404 -"),
    28: ("GET", f"{H}/mep_capabilities", "200 401 200 404 -"),
    29: ("GET", f"{H}/mep_capabilities/{{capability_id}}", "200 401 200 404 400"),
    30: ("POST", f"{I}/images", "200 401 403 404 400"),
    31: ("GET", f"{I}/images/{{image_id}}", "200 401 403 404 -"),
    32: ("DELETE", f"{I}/images/{{image_id}}", "200 401 403 404 -"),
    33: ("GET", f"{I}/images/{{image_id}}/file", "200 401 403 404 400"),
}
# The later generation has these; hosts and images stay where they are.
SECOND = (*range(8, 30),)
# What an administrator alone may do.
ADMIN = (2, 3, 5, 6, 7, 9, 10)
FILE = SimpleUploadedFile
WRONG = {
    2: {"body": {"mechostIp": "nowhere"}},
    3: {"body": b"{"},
    9: {"form": {"hostIp": "10.7.0.1", "configFile": FILE("config", b"\x00")}},
    10: {"body": {"hostIp": "nowhere"}},
    11: {"form": {"package": FILE("x.csar", b"no package")}},
    14: {"body": {"hostIp": ["10.250.0.1"]}},
    19: {"body": {"hostIp": "x"}},
    24: {"body": {"appInstances": "x"}},
    30: {"body": {"vmId": "x"}},
    33: {"headers": {"chunk_num": "-1"}},
}
NUMBERS = {
    (9, 400): 31100, (10, 400): 31003, (11, 400): 31105, (14, 400): 31003, (19, 400): 31003,
    (24, 400): 31035, (29, 400): 31020,
}


@pytest.fixture
def world(edge_house, tmp_path):
    """An edge with two tenants."""
    return world_of("edge", tmp_path)


def generations():
    """Every row, and the generation in which it is asked."""
    return [(number, "v1") for number in ROWS] + [(number, "v2") for number in SECOND]


def answers(world, number, generation):
    """What a right request, nobody, a guest, an unknown thing and a wrong request are answered."""
    method, path, _ = ROWS[number]
    endpoint = f"{method} lcmcontroller/{generation}/{path}"
    who = "admin" if number in ADMIN else "tenant"
    red = world.red.path()
    yield call(world, endpoint, "anonymous")
    yield call(world, endpoint, "guest")
    yield _unknown(world, number, endpoint, who, red)
    yield _wrong(world, number, endpoint, who, red)
    yield call(world, endpoint, who)


def _unknown(world, number, endpoint, who, red):
    values = red | {"instance_id": str(uuid.uuid4()), "package_id": "f" * 64}
    if number == 10:
        api = make.Api(world.admin)
        return api.send("DELETE", f"/{endpoint.split()[1]}?hostIp=10.250.0.1")
    if number in (5, 9, 27, 28, 29):
        values |= {"ip": "10.250.0.1", "package_id": red["package_id"]}
    if number in (11, 12, 17, 18, 23, 24, 25, 26):
        values |= {"tenant_id": str(uuid.uuid4())}
    if number == 19:
        values |= {"tenant_id": str(uuid.uuid4())}
    return call(world, endpoint, who, values)


def _wrong(world, number, endpoint, who, red):
    if number == 29:
        return call(world, endpoint, who, red | {"capability_id": "not!an!id"})
    if number not in WRONG:
        return None
    api = make.Api(world.admin if who == "admin" else world.red.user)
    method, route = endpoint.split()
    for file in WRONG[number].get("form", {}).values():
        if hasattr(file, "seek"):
            file.seek(0)
    return api.send(method, "/" + route.format(**red), **WRONG[number])


@pytest.mark.parametrize(("number", "generation"), generations())
def test_route_answers_as_its_row_says(world, number, generation):
    good, nobody, guest, unknown, wrong = ROWS[number][2].split()
    got = list(answers(world, number, generation))
    for wanted, answer in zip((nobody, guest, unknown, wrong, good), got, strict=True):
        if wanted == "-":
            continue
        assert answer.status_code == int(wanted), answer.content
        if generation == "v2":
            _is_enveloped(number, answer)


def _is_enveloped(number, answer):
    body, status = answer.json(), answer.status_code
    if status < 400:
        assert body.keys() == {"data", "retCode", "message", "params"}
        assert (body["retCode"], body["message"], body["params"]) == (0, "success", None)
        assert not isinstance(body["data"], str)
    else:
        assert answer["Content-Type"] == "application/problem+json"
        assert body["status"] == status
        wanted = NUMBERS.get((number, status), BY_STATUS[status])
        assert body["retCode"] == wanted, body


def test_every_route_of_the_original_is_there_and_the_second_generation_has_no_other():
    found = endpoints_of(urls_of(EDGE))
    assert {f"{method} {V}/{path}" for method, path, _ in ROWS.values()} <= found
    later = {f"{ROWS[number][0]} lcmcontroller/v2/{ROWS[number][1]}" for number in SECOND}
    later.add(f"GET lcmcontroller/v2/{I}/workload/logs")
    server = f"{I}/servers/{{server_id}}"
    later |= {f"{method} lcmcontroller/v2/{server}" for method in ("GET", "POST")}
    # The last releases name the tenant there.
    later |= {f"{method} lcmcontroller/v2/{T}/configuration" for method in ("POST", "DELETE")}
    assert {one for one in found if "/v2/" in one} == later


# --- what a workload tells (sections 2.5 to 2.7 of the reference) -----------------------------


@pytest.fixture
def site(edge_house):
    """An edge with an instance that runs, and its addresses in both generations."""
    with clock.frozen() as now:
        stage = Stage(now)
        stage.instance = stage.create()
        stage.instantiate(stage.instance)
        stage.work(until="Instantiated")
        stage.owner = make.Api(make.user(stage.tenant))
        stage.path = f"tenants/{stage.tenant.pk}/app_instances/{stage.instance.pk}"
        yield stage


def read(site, path):
    """The same in both generations; the later one in its envelope."""
    first = site.owner.send("GET", f"/lcmcontroller/v1/{path}").json()
    second = site.owner.send("GET", f"/lcmcontroller/v2/{path}").json()
    assert second == {"data": first, "retCode": 0, "message": "success", "params": None}
    return first


def test_query_tells_one_entry_per_pod_with_load_as_used_of_total(site):
    found = read(site, site.path)
    names = [pod["podname"] for pod in found["pods"]]
    assert len(names) == len(set(names)) == found["total"]
    for pod in found["pods"]:
        assert pod["podstatus"] == "Running"
        for box in pod["containers"]:
            assert box["containername"]
            load = box["metricsusage"]
            assert load.keys() == {"cpuusage", "memusage", "diskusage"}
            for text in filter(None, load.values()):
                used, total = map(int, text.split("/"))
                assert 0 < used < total
    for service in found["services"]:
        assert service.keys() == {"serviceName", "type", "ports"}
        for port in service["ports"]:
            assert all(isinstance(port[name], str) for name in ("port", "targetPort", "nodePort"))


def test_load_that_is_measured_is_in_the_originals_units(site):
    load = read(site, site.path)["pods"][0]["containers"][0]["metricsusage"]
    unit = site.instance.package.details.requirements.compute
    used, total = map(int, load["memusage"].split("/"))
    assert total % 2**20 == 0
    assert unit
    assert used > 2**20
    assert int(load["cpuusage"].split("/")[1]) >= 100


def test_load_that_nobody_measures_is_null_and_never_zero(site):
    make.simulate(site.host.pk, "  metrics: false\n")
    found = read(site, site.path)
    assert found["metricsSource"] is None
    for pod in found["pods"]:
        for box in pod["containers"]:
            assert set(box["metricsusage"].values()) == {None}
    kpi = read(site, f"tenants/{site.tenant.pk}/hosts/{site.host.ip}/kpi")
    assert [kpi[name]["used"] for name in ("cpuusage", "memusage", "diskusage")] == [None] * 3
    assert kpi["reason"]


def test_events_are_told_per_pod(site):
    found = read(site, f"{site.path}/workload/events")
    assert found["pods"]
    for pod in found["pods"]:
        assert pod.keys() == {"podName", "podEventsInfo"}
        assert all(isinstance(text, str) for text in pod["podEventsInfo"])


def test_kpi_is_numbers_of_use_and_total(site):
    found = read(site, f"tenants/{site.tenant.pk}/hosts/{site.host.ip}/kpi")
    for name in ("cpuusage", "memusage", "diskusage"):
        meter = found[name]
        assert isinstance(meter["total"], (int, float))
        assert 0 <= meter["used"] <= meter["total"]


def test_unknown_instance_is_a_404_and_no_success_with_a_failure_in_it(site):
    path = site.path.replace(str(site.instance.pk), str(uuid.uuid4()))
    for generation in ("v1", "v2"):
        for what in ("", "/workload/events", "/workload/logs?pod=p"):
            answer = site.owner.send("GET", f"/lcmcontroller/{generation}/{path}{what}")
            assert answer.status_code == 404
            assert answer.json()["message"] == "App info record does not exist in database"


def test_package_is_deployed_where_an_instance_of_it_is(site):
    path = f"hosts/{site.host.ip}/packages/{site.package.package_id}/status"
    assert read(site, path) == {"package_deployed": True}
    site.terminate(site.instance)
    site.work(until="gone")
    assert read(site, path) == {"package_deployed": False}
