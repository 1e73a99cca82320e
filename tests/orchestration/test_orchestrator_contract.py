"""Routes and faults of the orchestrator that no other test here is about: outcomes over HTTP."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest
from django.db import connection

from apps.common import clock
from apps.instances.models import AppInstance, LcmOperation
from apps.journal.models import RememberedAnswer
from apps.mep import applications
from apps.mep.models import Application, Credential, MecService, Rule
from apps.orchestration import services
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from tests import factories as make
from tests.orchestration.test_remote import Pair
from tests.sites import work_once


class Desk:
    """A tenant with one instance at an edge, and clients in every role."""

    def __init__(self):
        self.tenant = make.tenant("red")
        self.owner = make.Api(make.user(self.tenant))
        self.guest = make.Api(make.user(self.tenant, role=Role.GUEST))
        self.boss = make.Api(make.admin())
        self.package = make.package(self.tenant)
        self.host = make.host("10.1.0.1", edge=make.edge(name="far"))
        self.base = f"/appo/v1/tenants/{self.tenant.pk}"

    def instance(self, state="Instantiated", **fields):
        """An instance in a state."""
        return make.instance(self.package, self.host, name="camera", state=state, **fields)

    def body(self, **change):
        """A CreateParam."""
        return {
            "appPackageId": self.package.package_id, "appName": "camera",
            "appId": self.package.app_id.hex, "appInstanceDescription": "on the quay",
            "mecHost": "10.1.0.1", **change}


@pytest.fixture
def desk(house):
    """At a center."""
    return Desk()


SPELLINGS = ["/appo/v1/tenants/{tenant}", "/appo/v1"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_life_of_an_instance_in_either_spelling(desk, spelling):
    """O1, O3, O5, O6, O11, O12, O18: create, instantiate, look, list and terminate."""
    base, owner = spelling.format(tenant=desk.tenant.pk), desk.owner
    made = owner.send("POST", f"{base}/app_instances", desk.body())
    assert made.status_code == 202
    key = made.json()["response"]["app_instance_id"]
    one = f"{base}/app_instances/{key}"
    assert owner.send("POST", one).json() == {"response": "ACCEPTED"}
    assert owner.send("GET", one).status_code == 412
    (listed,) = owner.send("GET", f"{base}/app_instance_infos").json()["response"]
    info = owner.send("GET", f"{base}/app_instance_infos/{key}").json()["response"]
    assert listed["appInstanceId"] == info["appInstanceId"] == key
    assert desk.guest.send("GET", f"{base}/app_instance_infos/{key}").status_code == 200
    AppInstance.objects.update(state="Instantiated")
    shown = json.loads(owner.send("GET", one).json()["response"])
    assert shown["pods"] is None
    assert owner.send("DELETE", one).json() == {"response": "ACCEPTED"}
    assert AppInstance.objects.get().state == "Terminating"
    assert make.Api().send("GET", "/appo/v1/health").status_code == 200


def test_administrator_reads_all_without_a_tenant_and_names_one_to_write(desk):
    """Q3: on behalf of any tenant, in either spelling."""
    other = make.tenant("blue")
    make.instance(make.package(other), desk.host, name="theirs")
    desk.instance()
    url = "/appo/v1/app_instance_infos"

    def names(query="", who=desk.boss):
        return {row["appName"] for row in who.send("GET", f"{url}{query}").json()["response"]}

    assert names() == {"camera", "theirs"}
    assert names(f"?tenant_id={other.pk}") == {"theirs"}
    assert names(who=desk.owner) == {"camera"}
    assert desk.owner.send("GET", f"{url}?tenant_id={other.pk}").status_code == 404
    assert desk.boss.send("GET", f"{url}?tenant_id=x").status_code == 400
    refused = desk.boss.send("POST", "/appo/v1/app_instances", desk.body(appName="more"))
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["tenant_id"])


def test_load_and_mec_services_of_a_host_are_asked_at_its_edge(now, two_sites):
    """O8, O9, O10, Q52: the edge's answers as strings with JSON in them."""
    pair = Pair(now, two_sites)
    tenant_user = make.user(pair.tenant)
    api, base = make.Api(tenant_user), f"/appo/v1/tenants/{pair.tenant.pk}/hosts/10.9.1.1"
    instance = pair.create()
    pair.instantiate(instance)
    assert pair.work(until="Instantiated")[-1] == "Instantiated"
    with pair.sites.inside():
        service = make.mec_service(Application.objects.get(pk=instance.pk), name="maps")

    def asked(path):
        answer = api.send("GET", f"{base}/{path}")
        assert answer.status_code == 200, answer.content
        return json.loads(answer.json()["response"])

    load = asked("kpi")
    assert {"cpuusage", "memusage", "diskusage"} <= load.keys()
    assert all(load[name].keys() == {"total", "used", "unit", "ratio"} for name in (
        "cpuusage", "memusage", "diskusage"))
    (found,) = asked("mep_capabilities")
    assert found == {
        "capabilityId": str(service.pk), "capabilityName": "maps", "status": "ACTIVE",
        "version": "1.0", "consumers": []}
    assert asked(f"mep_capabilities/{service.pk}") == found
    unknown = api.send("GET", f"{base}/mep_capabilities/{uuid.uuid4()}")
    assert unknown.status_code == 404
    assert api.send("GET", f"{base}/mep_capabilities/{'x' * 65}").status_code == 400
    stranger = make.Api(make.user(make.tenant("blue")))
    theirs = stranger.send("GET", "/appo/v1/hosts/10.9.1.1/mep_capabilities")
    assert json.loads(theirs.json()["response"]) == []


@pytest.mark.parametrize("path", ["kpi", "mep_capabilities", "mep_capabilities/x"])
def test_host_that_is_unknown_or_does_not_answer_is_told_apart(desk, monkeypatch, path):
    """Q33, Q54: 404 for an unknown host, 502 and 504 for a silent edge without its address."""
    url = f"{desk.base}/hosts/{{}}/{path}"
    assert desk.guest.send("GET", url.format("10.250.0.1")).status_code == 404
    for fault, status in ((httpx.ConnectError, 502), (httpx.ReadTimeout, 504)):
        silent(monkeypatch, fault)
        answer = desk.guest.send("GET", url.format("10.1.0.1"))
        assert answer.status_code == status
        assert "far" in answer.json()["detail"]
        assert "10.9.0.1" not in answer.content.decode()


def silent(monkeypatch, fault):
    """No edge answers, and this is how."""

    def refuse(request):
        raise fault("refused", request=request)

    def client(base_url, *, read_seconds=0):
        return httpx.Client(base_url=base_url, transport=httpx.MockTransport(refuse))

    monkeypatch.setattr("apps.common.http.client", client)


def test_question_about_an_instance_changes_nothing_when_its_edge_is_silent(desk, monkeypatch):
    """Q32: what is known is shown, with its age."""
    silent(monkeypatch, httpx.ConnectError)
    row = desk.instance(observed_at=clock.now())
    before = AppInstance.objects.values().get()
    assert desk.owner.send("GET", f"{desk.base}/app_instances/{row.pk}").status_code == 200
    assert AppInstance.objects.values().get() == before


def test_host_without_a_rule_manager_is_a_host_like_any_other(desk):
    """Q28: nothing that is created waits for a rule manager."""
    assert desk.host.app_rule_manager is None
    answer = desk.owner.send("POST", f"{desk.base}/app_instances", desk.body())
    work_once()
    key = answer.json()["response"]["app_instance_id"]
    assert AppInstance.objects.get(pk=key).state == "Created"


@pytest.mark.parametrize("state", ["Created", "Instantiation failed", "Create failed"])
def test_end_that_fails_says_so_and_pretends_nothing(desk, now, monkeypatch, state):
    """Q34, Q35: the row stays until its edge has nothing of it, whatever it was before."""
    silent(monkeypatch, httpx.ConnectError)
    row = desk.instance(state)
    assert desk.owner.send("DELETE", f"{desk.base}/app_instances/{row.pk}").status_code == 202
    work_once()
    row.refresh_from_db()
    assert row.state == "Terminating"
    now.advance(minutes=16)
    work_once()
    row.refresh_from_db()
    assert row.state == "Terminate failed"
    assert "far" in str(row.info)
    assert "10.9.0.1" not in str(row.info)


def test_workload_that_fails_can_be_ordered_again(now, two_sites):
    """Q37, Q51: the edge knows the order again, and the center follows what it says."""
    pair = Pair(now, two_sites)
    pair.simulate("  faults:\n    - {kind: refuse, says: full}\n")
    instance = pair.create()
    pair.instantiate(instance)
    assert pair.work(60, until="Instantiation failed")[-1] == "Instantiation failed"
    pair.simulate("")
    pair.instantiate(instance)
    assert pair.work(60, until="Instantiated")[-1] == "Instantiated"
    assert pair.there() == "Instantiated"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_of_an_edge_is_one(desk, monkeypatch, status):
    """Q42: not only 200."""

    def answer(request):
        if request.url.path.endswith("/site"):
            return httpx.Response(200, json={"site_id": str(uuid.uuid4())})
        return httpx.Response(status, text="" if status == 204 else "null")

    def client(base_url, *, read_seconds=0):
        return httpx.Client(base_url=base_url, transport=httpx.MockTransport(answer))

    monkeypatch.setattr("apps.common.http.client", client)
    row = desk.instance("Instantiating")
    target = services.target_for(row.host)
    assert target.install(row, actor=SYSTEM) is None


def test_no_transaction_is_open_while_an_edge_is_asked(desk, monkeypatch):
    """Q43: another connection could write meanwhile."""
    seen = []

    def answer(request):
        seen.append(len(connection_savepoints()))
        raise httpx.ConnectError("refused", request=request)

    def client(base_url, *, read_seconds=0):
        return httpx.Client(base_url=base_url, transport=httpx.MockTransport(answer))

    monkeypatch.setattr("apps.common.http.client", client)
    row = desk.instance()
    desk.owner.send("DELETE", f"{desk.base}/app_instances/{row.pk}")
    outside = len(connection_savepoints())
    work_once()
    assert set(seen) == {outside}


def connection_savepoints():
    """How many transactions are open inside the test's own."""
    return connection.savepoint_ids


def test_package_stays_one_file_however_often_it_is_used(desk):
    """Q45: no copy per instance that could be left behind or be in the way."""
    before = sorted(desk.package.path.parent.iterdir())
    for name in ("one", "two"):
        desk.owner.send("POST", f"{desk.base}/app_instances", desk.body(appName=name))
    work_once()
    assert sorted(desk.package.path.parent.iterdir()) == before
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Created"}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("POST", "/{key}"), ("DELETE", "/{key}")]
)
def test_order_under_one_key_is_carried_out_once_and_answered_alike(desk, method, path):
    row = desk.instance("Created")
    url = f"{desk.base}/app_instances{path.format(key=row.pk)}"
    body = None if path else desk.body(appName="more")
    told = [desk.owner.send(method, url, body, headers={"idempotency-key": "k"})
            for _ in range(2)]
    assert [one.status_code for one in told] == [202, 202]
    assert told[0].json() == told[1].json()
    assert told[1].headers["Idempotency-Replayed"] == "true"
    assert LcmOperation.objects.count() == 1
    assert RememberedAnswer.objects.count() == 1


def test_one_call_at_the_edge_removes_workload_rules_keys_and_registrations(edge_house):
    """O6, and the enhanced termination of later releases: nothing of it is left at the edge."""
    with clock.frozen() as now:
        tenant = make.tenant("red")
        user, host = make.user(tenant), make.host("10.1.0.1")
        instance = make.instance(make.package(tenant), host, state="Created")
        api, base = make.Api(user), f"/lcmcontroller/v1/tenants/{tenant.pk}/app_instances"
        services.instantiate(actor=user.actor, instance_id=instance.pk)
        for _ in range(40):
            work_once()
            now.advance(seconds=0.5)
        application = Application.objects.get(pk=instance.pk)
        access, secret = applications.new_pair()
        applications.configure(
            actor=SYSTEM, application=application, access_key=access, secret_key=secret,
            required_services=[])
        make.mec_service(application, name="maps")
        Rule.objects.create(application=application, kind=Rule.Kind.DNS, rule_id="dns1", body={})
        assert api.send("POST", f"{base}/{instance.pk}/terminate").status_code == 200
        for _ in range(60):
            work_once()
            now.advance(seconds=0.5)
        for table in (AppInstance, Application, Credential, MecService, Rule):
            assert not table.objects.exists(), table.__name__
        assert services.target_for(host).observe(instance, actor=SYSTEM).phase == "Absent"
