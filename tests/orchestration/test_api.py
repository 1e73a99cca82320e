"""``/appo/v1`` and the instances of ``/lcmcontroller/v1``: bodies, and what each state answers."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance, LcmOperation
from apps.orchestration import services
from apps.orchestration.remote import order_of
from apps.orchestration.serializers import OrderSerializer
from tests import factories as make

SEEN = {
    "phase": "Ready", "as_of": "2026-01-01T00:00:00+00:00", "ready": 1, "total": 1,
    "simulated": True,
    "pods": [{"name": "camera-1", "kind": "Deployment", "phase": "Running", "node": "node-1",
              "containers": [{"name": "c", "image": "i:1", "state": "running", "restarts": 2}]}],
    "services": [{"name": "camera", "type": "NodePort",
                  "ports": [{"port": 80, "target_port": "8080", "node_port": 30080,
                             "protocol": "TCP"}]}],
}


class Shop:
    """A tenant with a package and a host, and clients of it."""

    def __init__(self):
        self.tenant = make.tenant("red")
        self.owner = make.Api(make.user(self.tenant))
        self.boss = make.Api(make.admin())
        self.package = make.package(self.tenant)
        self.base = f"/appo/v1/tenants/{self.tenant.pk}"
        self.lcm = f"/lcmcontroller/v1/tenants/{self.tenant.pk}/app_instances"

    def body(self, **change):
        """A CreateParam of the original."""
        return {
            "appPackageId": self.package.package_id, "appName": "camera",
            "appId": self.package.app_id.hex, "appInstanceDescription": "on the quay",
            "mecHost": "10.1.0.1", "hwCapabilities": ["GPU"], **change,
        }

    def instance(self, state="Instantiated", **fields):
        """An instance in a state."""
        return make.instance(self.package, self.host, name="camera", state=state, **fields)


@pytest.fixture
def shop(house):
    """At a center, its host at an edge."""
    found = Shop()
    found.host = make.host("10.1.0.1", edge=make.edge())
    return found


@pytest.fixture
def edge_shop(edge_house):
    """At an edge."""
    found = Shop()
    found.host = make.host("10.1.0.1")
    return found


def test_created_instance_answers_its_id_and_is_listed(shop):
    answer = shop.owner.send("POST", f"{shop.base}/app_instances", shop.body())
    assert answer.status_code == 202
    key = answer.json()["response"]["app_instance_id"]
    row = AppInstance.objects.get(pk=key)
    assert (row.state, row.capabilities) == ("Creating", ["GPU"])
    (listed,) = shop.owner.send("GET", f"{shop.base}/app_instance_infos").json()["response"]
    expected = {
        "appInstanceId": key, "appPackageId": shop.package.package_id, "appName": "camera",
        "appId": shop.package.app_id.hex, "appDescriptor": "on the quay", "mecHost": "10.1.0.1",
        "applcmHost": "10.9.0.1", "operationalStatus": "Creating", "operationInfo": None,
        "health": "Unknown",
    }
    assert expected.items() <= listed.items()
    one = shop.owner.send("GET", f"{shop.base}/app_instance_infos/{key}")
    assert expected.items() <= one.json()["response"].items()
    assert [row["kind"] for row in one.json()["response"]["operations"]] == ["create"]
    assert one.headers["ETag"] == f'"{row.version}"'


@pytest.mark.parametrize(
    ("field", "value"),
    [("appPackageId", "x"), ("appPackageId", "0" * 64), ("appPackageId", None),
     ("appName", "a b"), ("appName", "节点"), ("appName", ""), ("appName", "x" * 129),
     ("appId", "x"), ("appInstanceDescription", ""), ("appInstanceDescription", "x" * 257),
     ("mecHost", "x"), ("mecHost", "10.250.0.1"), ("hwCapabilities", "GPU"),
     ("hwCapabilities", ["x"] * 11)],
)
def test_wrong_field_of_a_creation_answers_400_and_names_it(shop, field, value):
    answer = shop.owner.send("POST", f"{shop.base}/app_instances", shop.body(**{field: value}))
    assert answer.status_code == 400
    assert [name.partition(".")[0] for name in answer.json()["errors"]] == [field]
    assert not AppInstance.objects.exists()
    assert not LcmOperation.objects.exists()


def test_name_of_a_running_instance_answers_412_in_the_words_of_the_original(shop):
    shop.instance()
    answer = shop.owner.send("POST", f"{shop.base}/app_instances", shop.body())
    assert answer.status_code == 412
    assert answer.json()["response"] == "cannot re-use app name : camera"
    assert AppInstance.objects.count() == 1


def test_limit_of_instances_answers_409(shop, settings):
    settings.LIMITS = settings.LIMITS | {"instances_per_tenant": 0}
    answer = shop.owner.send("POST", f"{shop.base}/app_instances", shop.body())
    assert (answer.status_code, answer.json()["limit"]) == (409, 0)


STATES = {
    "Creating": (202, 412, 202),
    "Created": (202, 412, 202),
    "Create failed": (412, 412, 202),
    "Instantiating": (412, 412, 202),
    "Instantiated": (412, 200, 202),
    "Instantiation failed": (202, 412, 202),
    "Terminating": (412, 412, 202),
    "Terminate failed": (412, 412, 202),
}


@pytest.mark.parametrize("state", STATES)
def test_verbs_in_each_state_answer_as_the_table_says(shop, state):
    url = f"{shop.base}/app_instances/{{}}"
    told = []
    for number, method in enumerate(("POST", "GET", "DELETE")):
        instance = make.instance(shop.package, shop.host, name=f"camera-{number}", state=state)
        answer = shop.owner.send(method, url.format(instance.pk))
        told.append(answer.status_code)
        if answer.status_code == 202:
            assert answer.json() == {"response": "ACCEPTED"}
        if answer.status_code == 412:
            assert answer.json()["response"] == (
                f"Application instance operational status is : {state}")
            assert answer.json()["message"] == answer.json()["response"]
        if method == "POST" and answer.status_code == 412:
            assert "instantiate" not in answer.json()["allowed"]
    assert tuple(told) == STATES[state]


def test_workload_is_shown_as_the_original_spells_it_and_without_invented_load(shop):
    at = clock.now()
    instance = shop.instance(workload=SEEN, observed_at=at)
    answer = shop.owner.send("GET", f"{shop.base}/app_instances/{instance.pk}")
    found = json.loads(answer.json()["response"])
    (pod,) = found["pods"]
    assert (pod["podname"], pod["podstatus"]) == ("camera-1", "Running")
    (container,) = pod["containers"]
    assert set(container["metricsusage"].values()) == {None}
    (service,) = found["services"]
    assert service["serviceName"] == "camera"
    assert service["ports"][0]["nodePort"] == "30080"
    assert found["simulated"] is True
    assert found["asOf"]


def test_workload_that_nobody_has_seen_yet_is_unknown_and_not_empty(shop):
    instance = shop.instance()
    answer = shop.owner.send("GET", f"{shop.base}/app_instances/{instance.pk}")
    found = json.loads(answer.json()["response"])
    assert found == {"pods": None, "services": None, "asOf": None}


def test_a_longer_list_asks_the_database_no_more_often(shop, django_assert_num_queries):
    url = f"{shop.base}/app_instance_infos"
    shop.instance()
    with CaptureQueriesContext(connection) as few:
        (one,) = shop.owner.send("GET", url).json()["response"]
    assert not any("workload" in query["sql"] for query in few), "nor for what it does not show"
    for number in range(3):
        shop.instance(app_name=f"more-{number}")
    with django_assert_num_queries(len(few)):
        listed = shop.owner.send("GET", url).json()["response"]
    assert len(listed) == 4
    assert one in listed


def test_list_is_empty_when_there_is_none_and_ids_pick_some(shop):
    url = f"{shop.base}/app_instance_infos"
    assert shop.owner.send("GET", url).json() == {"response": []}
    keys = [str(shop.instance(app_name=f"c{n}").pk) for n in range(3)]

    def picked(query):
        answer = shop.owner.send("GET", f"{url}?{query}").json()["response"]
        return {row["appInstanceId"] for row in answer}

    assert picked(f"appinstanceids={keys[0]},{keys[2]}") == {keys[0], keys[2]}
    assert picked(f"appinstanceids={keys[0]}&appinstanceids={keys[1]}") == set(keys[:2])
    assert picked(f"appInstId={keys[1]}") == {keys[1]}
    assert picked(f"appInstId={uuid.uuid4()}") == set()
    assert shop.owner.send("GET", f"{url}?appInstId=x").status_code == 400
    many = ",".join(str(uuid.uuid4()) for _ in range(51))
    assert shop.owner.send("GET", f"{url}?appinstanceids={many}").status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_instance_answers_404_in_the_words_of_the_original(shop, method):
    key = uuid.uuid4()
    answer = shop.owner.send(method, f"{shop.base}/app_instances/{key}")
    assert answer.status_code == 404
    assert answer.json()["details"] == [f"Record does not exist, app instance id: {key}"]


def test_administrator_reads_and_writes_in_the_name_of_any_tenant(shop):
    answer = shop.boss.send("POST", f"{shop.base}/app_instances", shop.body())
    assert answer.status_code == 202
    assert AppInstance.objects.get().tenant == shop.tenant


# --- at an edge ----------------------------------------------------------------------------------


def order(shop, **change):
    """The body of an instantiate order."""
    return {"hostIp": "10.1.0.1", "packageId": shop.package.package_id, "appName": "camera",
            "capabilities": ["GPU"], "parameters": {"log_level": "debug"}, "description": "d",
            **change}


def test_order_at_an_edge_is_taken_on_once_however_often_it_comes(edge_shop):
    shop, key = edge_shop, uuid.uuid4()
    for _ in range(3):
        answer = shop.owner.send("POST", f"{shop.lcm}/{key}/instantiate", order(shop))
        assert (answer.status_code, answer.content) == (200, b"null")
    row = AppInstance.objects.get()
    assert (row.pk, row.wanted, row.origin) == (key, "Instantiated", "MEPM")
    assert (row.capabilities, row.parameters) == (["GPU"], {"log_level": "debug"})
    assert sorted(LcmOperation.objects.values_list("kind", flat=True)) == ["create", "instantiate"]


@pytest.mark.parametrize(
    ("state", "queued"),
    [("Creating", 1), ("Created", 1), ("Instantiating", 0), ("Instantiated", 0),
     ("Instantiation failed", 1)],
)
def test_order_of_a_known_instance_starts_what_is_not_under_way(edge_shop, state, queued):
    shop = edge_shop
    instance = shop.instance(state)
    url = f"{shop.lcm}/{instance.pk}/instantiate"
    assert shop.owner.send("POST", url, order(shop)).status_code == 200
    assert LcmOperation.objects.filter(kind="instantiate").count() == queued


@pytest.mark.parametrize("state", ["Create failed", "Terminating", "Terminate failed"])
def test_order_of_an_instance_that_cannot_start_answers_409_with_the_verbs(edge_shop, state):
    shop = edge_shop
    instance = shop.instance(state)
    answer = shop.owner.send("POST", f"{shop.lcm}/{instance.pk}/instantiate", order(shop))
    assert answer.status_code == 409
    assert answer.json()["state"] == state


def test_order_under_a_known_id_for_something_else_answers_409(edge_shop):
    shop = edge_shop
    instance = shop.instance("Created")
    other = make.package(shop.tenant)
    body = order(shop, packageId=other.package_id)
    answer = shop.owner.send("POST", f"{shop.lcm}/{instance.pk}/instantiate", body)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:mecm:problem:instance_differs"


def test_order_that_comes_again_after_an_upgrade_is_the_same_order(edge_shop):
    """Its answer was lost, and people at the edge upgraded what it had brought."""
    shop = edge_shop
    instance, body = shop.instance("Instantiated"), order(shop)
    newer = make.package(shop.tenant, name=shop.package.name, version="2.0")
    AppInstance.objects.filter(pk=instance.pk).update(package=newer)
    answer = shop.owner.send("POST", f"{shop.lcm}/{instance.pk}/instantiate", body)
    assert (answer.status_code, answer.content) == (200, b"null")
    instance.refresh_from_db()
    assert (instance.package_id, LcmOperation.objects.count()) == (newer.pk, 0)
    other = order(shop, packageId=make.package(shop.tenant).package_id)
    answer = shop.owner.send("POST", f"{shop.lcm}/{instance.pk}/instantiate", other)
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("change", "status"),
    [({"packageId": "0" * 64}, 404), ({"hostIp": "10.250.0.1"}, 404), ({"hostIp": "x"}, 400),
     ({"appName": ""}, 400), ({"origin": "MARS"}, 400), ({"parameters": {"a": {}}}, 400)],
    ids=str,
)
def test_order_that_is_wrong_makes_no_instance(edge_shop, change, status):
    shop = edge_shop
    url = f"{shop.lcm}/{uuid.uuid4()}/instantiate"
    assert shop.owner.send("POST", url, order(shop, **change)).status_code == status
    assert not AppInstance.objects.exists()


def test_end_ordered_twice_is_one_end_and_of_an_unknown_instance_404(edge_shop):
    shop = edge_shop
    instance = shop.instance()
    for _ in range(2):
        assert shop.owner.send("POST", f"{shop.lcm}/{instance.pk}/terminate").status_code == 200
    assert LcmOperation.objects.get().kind == "terminate"
    answer = shop.owner.send("POST", f"{shop.lcm}/{uuid.uuid4()}/terminate")
    assert answer.status_code == 404
    assert answer.json()["message"] == "App info record does not exist in database"


def test_batch_ends_all_or_stops_before_the_first_when_one_is_unknown(edge_shop):
    shop = edge_shop
    rows = [shop.instance(app_name=f"c{n}") for n in range(2)]
    url = f"{shop.lcm}/batchTerminate"
    unknown = ",".join([str(rows[0].pk), str(uuid.uuid4())])
    assert shop.owner.send("DELETE", url, {"appInstances": unknown}).status_code == 404
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Instantiated"}
    both = " , ".join(str(row.pk) for row in rows)
    assert shop.owner.send("DELETE", url, {"appInstances": both}).status_code == 200
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Terminating"}
    assert shop.owner.send("DELETE", url, {"appInstances": "x"}).status_code == 400
    assert shop.owner.send("DELETE", url, {}).status_code == 400


def test_record_tells_the_center_life_cycle_health_and_workload(edge_shop):
    shop = edge_shop
    instance = shop.instance(workload=SEEN, observed_at=clock.now(), health="Ready")
    found = shop.owner.send("GET", f"{shop.lcm}/{instance.pk}/record").json()
    assert found["state"] == "Instantiated"
    assert found["health"] == "Ready"
    assert found["workload"] == SEEN
    assert found["version"] == AppInstance.objects.get().version
    (row,) = shop.owner.send("GET", shop.lcm).json()
    assert row["appInstanceId"] == found["id"] == str(instance.pk)
    assert row["operationalStatus"] == "Instantiated"


PROSE = "first line\n\tand a second"


def test_what_people_write_in_lines_passes_from_center_to_edge(shop):
    body = shop.body(appInstanceDescription=PROSE)
    made = shop.owner.send("POST", f"{shop.base}/app_instances", body)
    assert made.status_code == 202, made.content
    instance = AppInstance.objects.get()
    assert instance.description == PROSE
    order = OrderSerializer(data=order_of(instance))
    assert order.is_valid(), order.errors


def test_control_characters_are_refused_where_they_are_written(shop):
    refused = shop.owner.send(
        "POST", f"{shop.base}/app_instances", shop.body(appInstanceDescription="bell \x07")
    )
    assert refused.status_code == 400
    assert "control characters" in refused.json()["errors"]["appInstanceDescription"]


def test_a_host_that_is_closed_or_gone_since_it_was_looked_up_takes_nothing(shop, monkeypatch):
    lock = services.lock_package

    def meanwhile(change):
        def locked(package_id):
            change(MecHost.objects.filter(pk=shop.host.pk))
            return lock(package_id)
        monkeypatch.setattr(services, "lock_package", locked)

    meanwhile(lambda rows: rows.update(cordoned=True))
    closed = shop.owner.send("POST", f"{shop.base}/app_instances", shop.body())
    assert closed.status_code == 409
    assert closed.json()["type"].endswith("host_cordoned")
    MecHost.objects.update(cordoned=False)
    meanwhile(lambda rows: rows.delete())
    gone = shop.owner.send("POST", f"{shop.base}/app_instances", shop.body())
    assert gone.status_code == 404
    assert not AppInstance.objects.exists()
