"""Applications of a host in the inventory: told by clients or run from here, wall by wall."""

from __future__ import annotations

import uuid

import pytest

from apps.hosts import services as hosts
from apps.hosts.models import AppRecord
from apps.hosts.specs import RecordSpec
from apps.instances import inventory
from apps.journal.models import Entry, Tombstone
from apps.tenants import quotas
from apps.tenants.actors import SYSTEM
from tests import factories as make

IP = "10.0.0.1"
CAPABILITIES = [{"hwType": kind, "hwVendor": "Acme", "hwModel": "1"} for kind in ("GPU", "GPU1")]


class Scene:
    """A host with capabilities, two tenants, their people and an administrator."""

    def __init__(self):
        self.host = make.host(IP, access="", hw_capabilities=CAPABILITIES)
        self.red, self.blue = make.tenant("red"), make.tenant("blue")
        self.boss = make.Api(make.admin())
        self.api = make.Api(make.user(self.red))
        self.other = make.Api(make.user(self.blue))
        self.guest = make.Api(make.user(self.red, role="guest"))

    def url(self, rest, tenant=None):
        """An address of the host, in the spelling with a tenant or without."""
        prefix = f"tenants/{tenant.pk}/" if tenant else ""
        return f"/inventory/v1/{prefix}mechosts/{IP}/{rest}"

    def tell(self, tenant, **fields):
        """A record as if its tenant's client had told of it."""
        spec = RecordSpec(**{
            "app_instance_id": uuid.uuid4(), "app_name": "camera", "package_id": "a" * 32,
            "status": "Instantiated", "capabilities": ("GPU",), **fields})
        return inventory.tell(actor=SYSTEM, tenant_id=tenant.pk, host_id=self.host.pk, spec=spec)


@pytest.fixture
def scene(house):
    """Such a scene at a center."""
    return Scene()


def body(**fields):
    """A right MecApp."""
    return {"appInstanceId": str(uuid.uuid4()), "appName": "camera", "packageId": "a" * 64,
            "capabilities": ["GPU"], "status": "Instantiated", **fields}


@pytest.fixture(params=[True, False], ids=["with the tenant", "without"])
def own(request, scene):
    """A maker of red's addresses, in one spelling."""
    return lambda rest: scene.url(rest, scene.red if request.param else None)


def test_capabilities_of_a_host_are_listed_and_none_is_an_empty_list(scene, own):
    """I34: the hardware of a host, for everybody who may see it."""
    for reader in (scene.api, scene.guest, scene.boss):
        answer = reader.send("GET", own("capabilities"))
        assert (answer.status_code, answer.json()) == (200, {"hwcapabilities": CAPABILITIES})
    make.host("10.0.0.2", access="")
    bare = scene.api.send("GET", own("capabilities").replace(IP, "10.0.0.2"))
    assert (bare.status_code, bare.json()) == (200, {"hwcapabilities": []})
    absent = scene.api.send("GET", own("capabilities").replace(IP, "10.0.0.3"))
    assert (absent.status_code, absent.json()["message"]) == (404, "Record not found")


def test_told_application_is_read_changed_and_taken_back(scene, own):
    """I36 I37 I38 I39: the life of a record."""
    told = body()
    one = own(f"apps/{told['appInstanceId']}")
    assert scene.api.send("POST", own("apps"), told).json() == {"response": "Saved"}
    for reader in (scene.api, scene.guest, scene.boss):
        found = reader.send("GET", one).json()
        assert told.items() <= found.items()
        assert (found["managed"], found["tenantId"]) == (False, str(scene.red.pk))
    assert scene.api.send("PUT", one, told | {"status": "Terminating"}).json() == {
        "response": "Updated"}
    assert scene.api.send("GET", one).json()["status"] == "Terminating"
    again = scene.api.send("POST", own("apps"), told)
    assert (again.status_code, again.json()["message"]) == (400, "Record already exist")
    assert scene.api.send("DELETE", one).json() == {"response": "Deleted"}
    assert scene.api.send("DELETE", one).status_code == 404
    assert Tombstone.objects.filter(kind="apprecord").count() == 1
    verbs = Entry.objects.filter(kind="apprecord").values_list("verb", "tenant_id")
    assert [verb.rpartition(".")[2] for verb, _ in verbs.order_by("id")] == [
        "registered", "updated", "removed"]
    assert {tenant for _, tenant in verbs} == {scene.red.pk}


def test_application_of_another_tenant_is_as_unknown_as_none_at_all(scene):
    """Q5: every way to a record goes through its tenant and its host."""
    theirs = scene.tell(scene.red).app_instance_id
    for prefix in (None, scene.blue):
        for method in ("GET", "PUT", "DELETE"):
            sent = body(appInstanceId=str(theirs)) if method == "PUT" else None
            answers = [
                scene.other.send(method, scene.url(f"apps/{key}", prefix), sent)
                for key in (theirs, uuid.uuid4())
            ]
            assert [one.status_code for one in answers] == [404, 404]
            assert len({one.json()["message"] for one in answers}) == 1
    assert scene.other.send("GET", scene.url("apps")).json() == []
    found = scene.other.send("GET", scene.url("capabilities/GPU/applications")).json()
    assert found == {"apps": []}
    make.host("10.0.0.2", access="")
    elsewhere = scene.url(f"apps/{theirs}").replace(IP, "10.0.0.2")
    assert scene.api.send("GET", elsewhere).status_code == 404, "it is not on that host"
    mine = scene.other.send("POST", scene.url("apps"), body(appInstanceId=str(theirs)))
    assert mine.status_code == 200, "an id that another has says nothing"
    assert AppRecord.objects.filter(app_instance_id=theirs).count() == 2


def test_applications_of_a_capability_ask_for_exactly_it_and_are_told_or_run_from_here(scene, own):
    """I35 Q22: GPU is not GPU1; instances are read where they live."""
    scene.tell(scene.red, app_name="exact")
    scene.tell(scene.red, app_name="longer", capabilities=("GPU1",))
    scene.tell(scene.blue, app_name="theirs")
    package = make.package(scene.red)
    run = make.instance(package, scene.host, name="run", state="Instantiated",
                        capabilities=["NPU", "GPU"])
    make.instance(package, scene.host, name="idle")
    found = scene.api.send("GET", own("capabilities/GPU/applications")).json()["apps"]
    assert [(one["appName"], one["managed"]) for one in found] == [("exact", False), ("run", True)]
    assert found[1] | {"version": 0} == {
        "appInstanceId": str(run.pk), "appName": "run", "packageId": package.package_id,
        "capabilities": ["NPU", "GPU"], "status": "Instantiated", "managed": True,
        "tenantId": str(scene.red.pk), "version": 0}
    none = scene.api.send("GET", own("capabilities/NPU/applications"))
    assert none.status_code == 404, "the host has no such capability"
    names = [one["appName"] for one in scene.api.send("GET", own("apps?limit=2&offset=1")).json()]
    assert names == ["idle", "longer"]


def test_administrator_reads_all_and_names_the_tenant_to_write(scene):
    """Q3: whoever administers may act for a tenant that they name."""
    scene.tell(scene.red)
    scene.tell(scene.blue)
    assert len(scene.boss.send("GET", scene.url("apps")).json()) == 2
    assert len(scene.boss.send("GET", scene.url("apps", scene.red)).json()) == 1
    assert len(scene.boss.send("GET", scene.url(f"apps?tenant_id={scene.red.pk}")).json()) == 1
    nobody = scene.boss.send("POST", scene.url("apps"), body())
    assert (nobody.status_code, list(nobody.json()["errors"])) == (400, ["tenant_id"])
    for url in (scene.url("apps", scene.red), scene.url(f"apps?tenant_id={scene.red.pk}")):
        assert scene.boss.send("POST", url, body()).status_code == 200
    assert AppRecord.objects.filter(tenant=scene.red).count() == 3
    for url in (scene.url("apps?tenant_id=x"), scene.url(f"apps?tenant_id={uuid.uuid4()}")):
        assert scene.boss.send("POST", url, body()).status_code in (400, 404)
    assert scene.other.send("POST", scene.url("apps", scene.red), body()).status_code == 404
    assert scene.guest.send("POST", scene.url("apps"), body()).status_code == 403


def test_instance_that_is_run_from_here_is_changed_by_orders_only(scene):
    run = make.instance(make.package(scene.red), scene.host, name="run")
    one = scene.url(f"apps/{run.pk}")
    assert scene.api.send("GET", one).json()["managed"] is True
    told = body(appInstanceId=str(run.pk))
    assert scene.api.send("PUT", one, told).status_code == 409
    assert scene.api.send("DELETE", one).status_code == 409
    again = scene.api.send("POST", scene.url("apps"), told)
    assert (again.status_code, again.json()["message"]) == (400, "Record already exist")
    assert not AppRecord.objects.exists()


def test_capabilities_that_are_not_said_stay_and_an_empty_list_ends_them(scene):
    """Q22: they can be cleared."""
    row = scene.tell(scene.red)
    one = scene.url(f"apps/{row.app_instance_id}")
    told = body(appInstanceId=str(row.app_instance_id))
    unsaid = {name: value for name, value in told.items() if name != "capabilities"}
    scene.api.send("PUT", one, unsaid)
    assert scene.api.send("GET", one).json()["capabilities"] == ["GPU"]
    scene.api.send("PUT", one, told | {"capabilities": []})
    assert scene.api.send("GET", one).json()["capabilities"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("appInstanceId", "x"), ("appInstanceId", None), ("appName", ""), ("appName", "a b"),
     ("appName", "x" * 129), ("packageId", "a" * 31), ("packageId", "A" * 32),
     ("packageId", "a" * 65), ("capabilities", None), ("capabilities", "GPU"),
     ("capabilities", ["a"] * 11), ("capabilities", [1]), ("capabilities", ["a,b"]),
     ("status", ""), ("status", "a-b"), ("status", "x" * 129), ("status", None)],
)
def test_wrong_field_answers_400_names_it_and_keeps_nothing(scene, field, value):
    """Q24: null is no list."""
    answer = scene.api.send("POST", scene.url("apps"), body(**{field: value}))
    assert answer.status_code == 400
    assert [name.partition(".")[0] for name in answer.json()["errors"]] == [field]
    assert not AppRecord.objects.exists()


def test_order_of_checks_is_role_host_body(scene):
    absent = scene.url("apps").replace(IP, "10.0.0.9")
    assert scene.guest.send("POST", absent, "{").status_code == 403
    assert scene.api.send("POST", absent, "{").status_code == 404
    assert scene.api.send("POST", scene.url("apps"), "{").status_code == 400
    one = scene.url(f"apps/{uuid.uuid4()}")
    assert scene.api.send("PUT", one, "{").status_code == 404
    row = scene.tell(scene.red)
    answer = scene.api.send("PUT", scene.url(f"apps/{row.app_instance_id}"), body())
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["appInstanceId"])


def test_removed_record_gives_its_place_back(scene):
    """Q17 Q18: places are counted from what is there, under a lock; nothing can leak."""
    quotas.set_limits(actor=SYSTEM, tenant_id=scene.red.pk, limits={"applications": 1})
    for _ in range(3):
        told = body()
        assert scene.api.send("POST", scene.url("apps"), told).status_code == 200
        full = scene.api.send("POST", scene.url("apps"), body())
        assert (full.status_code, full.json()["limit"], full.json()["used"]) == (409, 1, 1)
        one = scene.url(f"apps/{told['appInstanceId']}")
        assert scene.api.send("DELETE", one).status_code == 200
    scene.tell(scene.blue)
    assert quotas.used_by(scene.red.pk, "applications") == 0


def test_host_of_which_something_is_told_stays_and_the_answer_names_it(scene):
    """Q14: nothing is cascaded away."""
    scene.tell(scene.red, app_name="watched")
    for url in (f"/inventory/v1/mechosts/{IP}", "/inventory/v1/mechosts"):
        answer = scene.boss.send("DELETE", url)
        assert answer.status_code == 409
        assert "watched" in answer.json()["detail"]
    AppRecord.objects.all().delete()
    hosts.remove_host(actor=SYSTEM, host_id=scene.host.pk)
