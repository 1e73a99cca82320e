"""Cordons and drains: what is refused, what moves, what stays and why."""

from __future__ import annotations

import pytest

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.journal.models import Entry
from apps.orchestration import draining
from apps.orchestration.models import DrainMove, HostDrain
from tests import factories as make
from tests.sites import work_once


class Fleet:
    """Three hosts of this site, one tenant, an administrator, and the work done by hand."""

    def __init__(self, now):
        self.now = now
        self.red = make.tenant("red")
        self.rita = make.Api(make.user(self.red, name="rita"))
        self.boss = make.Api(make.admin("root"))
        self.package = make.package(self.red, name="gauge")
        self.quay, self.dock = self.host("quay"), self.host("dock")

    @staticmethod
    def host(name, **fields):
        """A host that was never probed, in the west."""
        made = make.host(name=name)
        MecHost.objects.filter(pk=made.pk).update(region="west", **fields)
        return made

    def deploy(self, name, **strategy):
        """Deploy by a strategy and say which instances came of it."""
        body = {"appPackageId": self.package.package_id, "appName": name, "strategy": strategy}
        answer = self.rita.send("POST", "/appo/v1/deployments", body)
        assert answer.status_code == 202, answer.json()
        return [one["appInstanceId"] for one in answer.json()["response"]["instances"]]

    def create(self, name, host, who=None):
        """Create an instance on a host by name."""
        return (who or self.rita).send("POST", f"/appo/v1/tenants/{self.red.pk}/app_instances", {
            "appPackageId": self.package.package_id, "appName": name, "mecHost": host.ip,
            "appId": self.package.app_id.hex, "appInstanceDescription": "one",
        })

    def work(self, seconds=30.0):
        """Let the workers and the drains do what is due for so long."""
        passed = 0.0
        while passed < seconds:
            work_once()
            draining.advance()
            self.now.advance(seconds=0.5)
            passed += 0.5

    def drain(self, host, **body):
        """Order a drain as the administrator."""
        return self.boss.send("POST", f"/appo/v1/hosts/{host.ip}/drain", body)

    def told(self, host):
        """What the API tells of the last drain: its state, and the instances by name."""
        answer = self.boss.send("GET", f"/appo/v1/hosts/{host.ip}/drain").json()["response"]
        return answer["state"], {one["appName"]: one for one in answer["instances"]}


@pytest.fixture
def fleet(now):
    """The fleet on a clock that stands still."""
    return Fleet(now)


def hosts_of(name):
    """Where the instances of a name are, and how."""
    rows = AppInstance.objects.filter(app_name=name).order_by("host__name")
    return [(row.host.name, row.state) for row in rows.select_related("host")]


def test_a_cordoned_host_takes_nothing_new_and_keeps_what_it_has(fleet):
    [running] = fleet.deploy("first", hosts=["quay"])
    fleet.work(10)
    assert fleet.boss.send("POST", f"/appo/v1/hosts/{fleet.quay.ip}/cordon").status_code == 200
    refused = fleet.create("second", fleet.quay)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("host_cordoned")
    assert "“quay” is cordoned" in refused.json()["detail"]
    assert fleet.deploy("third", count=1) and hosts_of("third")[0][0] == "dock"
    assert AppInstance.objects.get(pk=running).state == "Instantiated"
    assert fleet.boss.send("DELETE", f"/appo/v1/hosts/{fleet.quay.ip}/cordon").status_code == 200
    assert fleet.create("second", fleet.quay).status_code == 202
    verbs = Entry.objects.filter(kind="mechost").values_list("verb", flat=True)
    assert {"hosts.host.cordoned", "hosts.host.uncordoned"} <= set(verbs)


def test_a_drain_moves_what_a_strategy_lets_go_and_names_what_stays(fleet):
    fleet.deploy("free", regions=["west"], exclude=["dock"])
    fleet.deploy("tied", hosts=["quay"])
    assert fleet.create("named", fleet.quay).status_code == 202
    MecHost.objects.filter(pk=fleet.dock.pk).update(region="west")
    pier = fleet.host("pier")
    fleet.work(15)
    answer = fleet.drain(fleet.quay)
    assert answer.status_code == 202
    fleet.work()
    state, by_name = fleet.told(fleet.quay)
    assert state == "Finished"
    assert {name: one["state"] for name, one in by_name.items()} == {
        "free": "Moved", "tied": "Stays", "named": "Stays"}
    # Its strategy excludes the dock, also when it moves.
    assert hosts_of("free") == [("pier", "Instantiated")]
    assert by_name["free"]["newMechostName"] == pier.name
    assert hosts_of("tied") == [("quay", "Instantiated")]
    assert "no other" in by_name["tied"]["reason"]
    assert "by name" in by_name["named"]["reason"]
    assert fleet.drain(fleet.quay, moveNamed=True).status_code == 202
    fleet.work()
    assert hosts_of("named")[0][0] in ("dock", "pier")


def test_an_instance_that_fits_nowhere_stays_with_the_decision_that_says_why(fleet):
    fleet.deploy("gauge", regions=["west"])
    [(first, _)] = hosts_of("gauge")
    other = fleet.dock if first == "quay" else fleet.quay
    here = fleet.quay if first == "quay" else fleet.dock
    fleet.boss.send("POST", f"/appo/v1/hosts/{other.ip}/cordon")
    fleet.work(10)
    fleet.drain(here)
    fleet.work(5)
    state, by_name = fleet.told(here)
    assert (state, by_name["gauge"]["state"]) == ("Finished", "Stays")
    url = f"/appo/v1/placement_decisions/{by_name['gauge']['decisionId']}"
    dropped = {one["mechostName"]: one["droppedBy"]
               for one in fleet.boss.send("GET", url).json()["response"]["hosts"]}
    assert dropped == {"quay": "standing", "dock": "standing"}
    assert hosts_of("gauge") == [(first, "Instantiated")]


def test_an_instance_that_does_not_come_up_elsewhere_stays_where_it_runs(fleet):
    fleet.deploy("gauge", regions=["west"], exclude=["dock"])
    fleet.work(10)
    make.credentials.remove_credentials(actor=make.SYSTEM, host_id=fleet.dock.pk)
    move = HostDrain.objects.get(
        pk=fleet.drain(fleet.quay, moveNamed=True).json()["response"]["drainId"]).moves.get()
    assert move.state == "Waiting"
    fleet.work(5)
    assert hosts_of("gauge") == [("quay", "Instantiated")]
    assert fleet.told(fleet.quay)[1]["gauge"]["state"] == "Stays"


def test_uncordoning_ends_a_drain_and_a_second_order_is_the_first(fleet):
    fleet.deploy("gauge", hosts=["quay", "dock"], count=1, exclude=["dock"])
    first, second = fleet.drain(fleet.quay).json(), fleet.drain(fleet.quay).json()
    assert first["response"]["drainId"] == second["response"]["drainId"]
    fleet.boss.send("DELETE", f"/appo/v1/hosts/{fleet.quay.ip}/cordon")
    fleet.work(5)
    state, by_name = fleet.told(fleet.quay)
    assert (state, by_name["gauge"]["state"]) == ("Stopped", "Stays")
    assert not MecHost.objects.get(pk=fleet.quay.pk).cordoned
    assert DrainMove.objects.count() == 1


def test_only_an_administrator_closes_and_empties_hosts(fleet):
    for method, what in (("POST", "cordon"), ("DELETE", "cordon"), ("POST", "drain"),
                         ("GET", "drain")):
        answer = fleet.rita.send(method, f"/appo/v1/hosts/{fleet.quay.ip}/{what}")
        assert answer.status_code == 403
    assert fleet.boss.send("POST", "/appo/v1/hosts/10.99.0.1/drain").status_code == 404
    assert fleet.boss.send("GET", f"/appo/v1/hosts/{fleet.quay.ip}/drain").status_code == 404
