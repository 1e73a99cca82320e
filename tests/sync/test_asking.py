"""Synchronization that somebody asks a center for, in EdgeGallery's words and in ours."""

from __future__ import annotations

import uuid

import httpx
import pytest
from django.db.models import JSONField, Value

from apps.common import clock
from apps.hosts import services as hosts
from apps.hosts.models import AppLcm, MecHost
from apps.instances import services as instances
from apps.instances.models import AppInstance
from apps.packages.models import Package
from apps.rules.models import AppdConfiguration
from apps.sync import asking, puller, runs, tasks
from apps.sync.models import HeldRow, SyncRun
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from apps.tenants.services import adopt_tenant
from tests import factories as make
from tests.rules.conftest import config, dns, traffic


class Desk:
    """A center whose workers pull while somebody waits, and people of "red" at both sites."""

    def __init__(self, follower):
        self.follower = follower
        self.edge, self.wire = follower.edge, follower.wire
        make.rule_manager()
        self.boss = make.Api(make.admin())
        self.red = make.tenant("red")
        self.owner = make.Api(make.user(self.red, name="rita"))
        self.works = True

    def work(self, seconds=0.0):
        """One sweep of the center's workers."""
        if self.works:
            for key in AppLcm.objects.values_list("pk", flat=True):
                puller.pull(key)

    def live(self):
        """At the edge: something of red's of everything."""

        def born():
            there = adopt_tenant(tenant_id=self.red.pk, name="red", origin="MEO")
            host = make.host("10.5.0.1", name="red-host")
            package = make.package(there, name="redapp")
            return make.instance(package, host, name="red-inst", description="by the quay",
                                 state="Instantiated")

        return self.follower.at_edge(born)

    def configure(self, instance, body, method="PUT"):
        """Change rules at the edge, by its own rule manager."""

        def put():
            url = (f"/apprulemgr/v1/tenants/{instance.tenant_id}/app_instances/{instance.pk}"
                   "/appd_configuration")
            answer = make.Api(make.admin()).send(method, url, body)
            assert answer.status_code == 200, answer.content

        self.follower.at_edge(put)

    def hosts(self, who=None, method="GET", ip="10.9.0.1"):
        """I45."""
        return (who or self.boss).send(method, f"/inventory/v1/mepms/{ip}/mechost/sync")

    def rules(self, who=None, method="GET", tenant=None, ip="10.9.0.1"):
        """I44."""
        of = (tenant or self.red).pk
        url = f"/inventory/v1/tenants/{of}/mepms/{ip}/apprule/sync"
        return (who or self.owner).send(method, url)

    def packages(self, who=None, **more):
        """P12."""
        url = f"/apm/v1/tenants/{self.red.pk}/app_package_infos/sync"
        return (who or self.owner).send("POST", url, **more)

    def instances(self, who=None):
        """O17."""
        url = f"/appo/v1/tenants/{self.red.pk}/app_instance_infos/sync"
        return (who or self.owner).send("POST", url)

    def runs(self, who=None, query=""):
        """What became of it."""
        answer = (who or self.owner).send("GET", f"/sync/v1/runs{query}")
        assert answer.status_code == 200
        return answer.json()


@pytest.fixture
def desk(follower, monkeypatch):
    """A center at work."""
    found = Desk(follower)
    monkeypatch.setattr(asking, "pause", found.work)
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_hosts_of_an_edge_are_fetched(desk, method):
    """I45 Q26: everything of the host, with both managers of its edge; POST as well as GET."""
    desk.live()
    answer = desk.hosts(method=method)
    assert (answer.status_code, answer.json()) == (200, {"response": "Success"})
    host = desk.boss.send("GET", "/inventory/v1/mechosts/10.5.0.1").json()
    assert (host["mechostName"], host["applcmIp"], host["appRuleIp"], host["origin"]) == (
        "red-host", "10.9.0.1", "10.9.0.1", "MEPM")
    assert desk.hosts(method=method).json() == {"response": "Success"}, "again is no news"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rules_of_an_edge_are_fetched_to_the_last_number(desk, method):
    """I44 Q26 Q84: DNS rules come, and the numbers of filters."""
    instance = desk.live()
    sent = {"appName": "redapp", "appSupportMp1": True, "appTrafficRule": [traffic()],
            "appDnsRule": [dns()]}
    desk.configure(instance, sent)
    answer = desk.rules(method=method)
    assert (answer.status_code, answer.json()) == (200, {"response": "Success"})
    url = f"/inventory/v1/tenants/{desk.red.pk}/app_instances/{instance.pk}/appd_configuration"
    found = desk.owner.send("GET", url).json()
    assert found["appDNSRule"] == [dns()]
    assert found["appTrafficRule"][0]["trafficFilter"][0]["qci"] == 5
    assert desk.owner.send("GET", "/inventory/v1/mepms/10.9.0.1/apprule/sync").json() == {
        "response": "Success"}, "without a tenant it is one's own"


@pytest.mark.parametrize("name", ["appDNSRule", "appDnsRule"])
def test_both_spellings_are_taken_wherever_rules_are(desk, name):
    """Q84."""
    instance = desk.live()
    desk.configure(instance, config() | {name: [dns()]} if name == "appDNSRule" else {
        key: value for key, value in config().items() if key != "appDNSRule"} | {name: [dns()]})
    desk.work()
    at_center = f"/inventory/v1/tenants/{desk.red.pk}/app_instances/{instance.pk}/"
    body = {"appName": "redapp", name: [dns(2)]}
    answer = desk.owner.send("PUT", f"{at_center}appd_configuration", body)
    assert answer.status_code == 200, answer.content
    assert [one["dnsRuleId"] for one in desk.owner.send(
        "GET", f"{at_center}appd_configuration").json()["appDNSRule"]] == ["dns2"]


def test_end_of_what_is_unknown_here_keeps_nothing_from_coming(desk):
    """I44 I45 Q85 Q86: neither an unknown host nor rules that ended here stop the rest."""
    first = desk.live()
    desk.configure(first, config(appName="first"))

    def end():
        instances.forget(actor=SYSTEM, instance_id=first.pk)
        hosts.remove_host(actor=SYSTEM, host_id=MecHost.objects.get().pk)
        host = make.host("10.5.0.2", name="second-host")
        return make.instance(Package.objects.get(), host, name="second", state="Instantiated")

    desk.configure(first, None, "DELETE")
    second = desk.follower.at_edge(end)
    desk.configure(second, config(appName="second"))
    assert desk.hosts().json() == {"response": "Success"}
    assert desk.rules().json() == {"response": "Success"}
    assert [host.ip for host in MecHost.objects.all()] == ["10.5.0.2"]
    assert [row.app_name for row in AppdConfiguration.objects.all()] == ["second"]


def test_host_without_hardware_is_taken(desk):
    """Q88: whatever an edge has in place of a list."""
    desk.live()
    nothing = Value(None, JSONField())
    desk.follower.at_edge(lambda: MecHost.objects.update(hw_capabilities=nothing))
    assert desk.hosts().json() == {"response": "Success"}
    assert MecHost.objects.get().hw_capabilities == []


def test_host_that_gave_its_address_to_another_is_followed_in_one_go(desk):
    """Q89: what is gone goes first, whatever is asked for."""
    desk.live()
    assert desk.hosts().json() == {"response": "Success"}

    def swap():
        instances.forget(actor=SYSTEM, instance_id=AppInstance.objects.get().pk)
        hosts.remove_host(actor=SYSTEM, host_id=MecHost.objects.get().pk)
        return make.host("10.5.0.1", name="successor").pk

    successor = desk.follower.at_edge(swap)
    assert desk.hosts().json() == {"response": "Success"}
    assert [(host.pk, host.name) for host in MecHost.objects.all()] == [(successor, "successor")]


def test_instance_of_an_edge_is_known_with_all_that_belongs_to_it(desk):
    """O17 Q55 Q87 Q90: its words, its app, its place in the inventory; a tenant may ask.

    The answer comes at once, and the work is done beside it.
    """
    born = desk.live()
    answer = desk.instances()
    assert (answer.status_code, answer.json()) == (202, {"response": "accepted"})
    desk.work()
    url = f"/appo/v1/tenants/{desk.red.pk}/app_instance_infos/{born.pk}"
    info = desk.owner.send("GET", url).json()["response"]
    assert (info["appDescriptor"], info["appId"]) == ("by the quay", born.package.app_id.hex)
    assert (info["operationalStatus"], info["applcmHost"]) == ("Instantiated", "10.9.0.1")
    apps = desk.owner.send(
        "GET", f"/inventory/v1/tenants/{desk.red.pk}/mechosts/10.5.0.1/apps").json()
    assert str(born.pk) in str(apps)


def test_packages_of_an_edge_are_fetched_and_the_answer_is_bare_text(desk):
    """P12 Q87."""
    desk.live()
    make.host("10.9.1.1", edge=desk.edge)
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        answer = desk.packages(headers=headers)
        assert (answer.status_code, answer.content) == (202, b"accepted")
        assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["idempotency-replayed"] == "true"
    desk.work()
    found = desk.owner.send("GET", f"/apm/v1/tenants/{desk.red.pk}/packages").json()
    assert [one["appPkgName"] for one in found] == ["redapp"]
    refused = desk.packages(make.Api(make.user(desk.red, role="guest")))
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("ask", ["packages", "instances"])
def test_edge_that_cannot_be_reached_stops_no_other(desk, ask):
    """P12 O17 Q86: each edge is asked by itself, and says for itself how it went."""
    dead = make.edge("10.9.0.2", name="aaa")
    make.host("10.9.2.1", edge=dead)
    make.host("10.9.1.1", edge=desk.edge)
    born = desk.live()

    def refuse(request):
        if request.url.host == "10.9.0.2":
            raise httpx.ConnectError("Connection refused", request=request)

    desk.wire.on_request = refuse
    assert getattr(desk, ask)().status_code == 202
    desk.work()
    assert AppInstance.objects.filter(pk=born.pk).exists()
    ended = {run["edge"]["ip"]: run for run in desk.runs()}
    assert (ended["10.9.0.2"]["state"], ended["10.9.0.1"]["state"]) == ("failed", "done")
    assert "cannot be reached" in ended["10.9.0.2"]["reason"]


@pytest.mark.parametrize("ask", ["hosts", "rules"])
def test_silent_edge_is_said_to_be_silent(desk, ask):
    """I44 I45: 502 where it refuses, 504 where it does not answer; and the run says so, too."""
    desk.wire.down = True
    answer = getattr(desk, ask)(desk.boss)
    assert (answer.status_code, answer.headers["content-type"]) == (
        502, "application/problem+json")
    assert "cannot be reached" in answer.json()["detail"]
    desk.wire.down, desk.wire.lose_requests = False, 9
    assert getattr(desk, ask)(desk.boss).status_code == 504
    assert [run["state"] for run in desk.runs(desk.boss)] == ["failed", "failed"]


def test_rows_that_have_to_wait_are_a_partial_failure_for_whom_they_concern(desk):
    """I44 I45."""
    make.host("10.5.0.1", name="in-the-way")
    desk.live()
    assert desk.hosts().json() == {"response": "Partial Failure"}
    assert desk.rules().json() == {"response": "Partial Failure"}, "red's instance waits for it"
    blue = make.tenant("blue")
    assert desk.rules(make.Api(make.user(blue)), tenant=blue).json() == {"response": "Success"}
    MecHost.objects.all().delete()
    assert desk.hosts().json() == {"response": "Success"}
    assert not HeldRow.objects.exists()
    newest = desk.runs(desk.boss)[0]
    assert newest["counts"]["appinstance"] == {"new": 1}, "what waited has come after all"


@pytest.mark.parametrize("ask", ["hosts", "rules"])
def test_who_waits_too_long_is_told_where_the_end_can_be_read(desk, ask):
    desk.works = False
    asked_by = desk.boss if ask == "hosts" else desk.owner
    answer = getattr(desk, ask)(asked_by)
    assert (answer.status_code, answer.json()["response"]) == (202, "accepted")
    place = answer.headers["location"]
    assert answer.json()["run"] == place
    assert asked_by.send("GET", place).json()["state"] == "queued"
    desk.works = True
    desk.work()
    assert asked_by.send("GET", place).json()["state"] == "done"


def test_unknown_edge_is_not_found_and_one_that_is_shut_out_is_not_asked(desk):
    """I44 I45."""
    assert desk.hosts(ip="10.9.0.9").status_code == 404
    assert desk.rules(ip="10.9.0.9").status_code == 404
    assert desk.rules(desk.boss, tenant=Tenant(id=uuid.uuid4())).status_code == 404
    assert desk.hosts(desk.owner).status_code == 403
    AppLcm.objects.update(revoked_at=clock.now())
    answer = desk.hosts()
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:mecm:problem:revoked")
    assert desk.packages().status_code == 202
    assert desk.runs(desk.boss) == []


def test_edge_that_is_shut_out_meanwhile_ends_what_was_asked(desk):
    desk.works = False
    desk.hosts()
    AppLcm.objects.update(revoked_at=clock.now())
    desk.works = True
    desk.work()
    (run,) = desk.runs(desk.boss)
    assert (run["state"], run["reason"]) == (
        "failed", "“far” is shut out: nothing is asked there.")


def test_tenant_is_told_of_its_own_runs_and_rows(desk):
    desk.live()
    blue = make.tenant("blue")
    theirs = make.Api(make.user(blue))

    def more():
        there = adopt_tenant(tenant_id=blue.pk, name="blue", origin="MEO")
        for number in range(2):
            make.package(there, name=f"blueapp{number}")

    desk.follower.at_edge(more)
    desk.works = False
    desk.rules()
    desk.rules(theirs, tenant=blue)
    desk.hosts()
    desk.works = True
    desk.work()
    (red,), (azure,), both = desk.runs(), desk.runs(theirs), desk.runs(desk.boss)
    assert [red["tenantId"], azure["tenantId"]] == [str(desk.red.pk), str(blue.pk)]
    assert red["counts"] == {"package": {"new": 1}, "appinstance": {"new": 1}}
    assert azure["counts"] == {"package": {"new": 2}}
    whole = next(run for run in both if run["tenantId"] is None)
    assert whole["counts"]["package"] == {"new": 3}
    assert whole["counts"]["mechost"] == {"new": 1}
    assert len(both) == 3
    assert len(desk.runs(desk.boss, "?limit=2")) == 2
    url = f"/sync/v1/runs/{azure['runId']}"
    assert theirs.send("GET", url).json() == azure
    for key in (azure["runId"], uuid.uuid4(), whole["runId"]):
        assert desk.owner.send("GET", f"/sync/v1/runs/{key}").status_code == 404
    guest = make.Api(make.user(blue, role="guest"))
    assert guest.send("GET", "/sync/v1/runs").status_code == 403


def test_end_of_a_row_counts_for_whose_it_was(desk):
    born = desk.live()
    desk.rules()
    desk.follower.at_edge(lambda: instances.forget(actor=SYSTEM, instance_id=born.pk))
    desk.rules()
    assert desk.runs()[0]["counts"] == {"appinstance": {"gone": 1}}


def test_asking_twice_before_it_began_is_asking_once(desk):
    desk.works = False
    make.host("10.9.1.1", edge=desk.edge)
    for _ in range(3):
        desk.packages()
        desk.instances()
    assert SyncRun.objects.count() == 1


def test_what_is_asked_during_a_pull_is_done_by_another(desk, monkeypatch):
    """Who asks after the last page was read must not be told of success without another look."""
    asked, pulled = [], []

    def in_between(request):
        if request.url.path.endswith("/changes") and not asked:
            asked.append(runs.start(actor=SYSTEM, edge=desk.edge))

    desk.wire.on_request = in_between
    monkeypatch.setattr(tasks.pull_edge, "delay", pulled.append)
    tasks.pull_edge(str(desk.edge.pk))
    assert SyncRun.objects.get(pk=asked[0].pk).state == "queued"
    assert pulled == [str(desk.edge.pk)]
    tasks.pull_edge(pulled.pop())
    assert (SyncRun.objects.get(pk=asked[0].pk).state, pulled) == ("done", [])


def test_tenant_asks_the_edges_where_it_may_have_something(desk):
    other, third = make.edge("10.9.0.2"), make.edge("10.9.0.3")
    blue = make.tenant("blue")
    make.host("10.9.2.1", edge=other, granted_to=blue)
    make.host("10.9.3.1", edge=third)
    desk.works = False
    desk.instances()
    asked = set(SyncRun.objects.values_list("edge__ip", flat=True))
    assert asked == {"10.9.0.3"}
    assert desk.boss.send("POST", "/appo/v1/app_instance_infos/sync").status_code == 202
    assert SyncRun.objects.filter(tenant_id=None).count() == 3
