"""Deployments by strategy through the API: what is chosen, created, refused and kept."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.orchestration import decisions
from apps.orchestration.models import PlacedInstance, PlacementDecision
from tests import factories as make

PROBE = {"kind": "simulated", "version": "1", "as_of": "2026-01-01T00:00:00+00:00",
         "architecture": "x86_64", "capabilities": ["GPU"],
         "capacity": {"cpus": 16, "memory_mb": 32768, "storage_gb": 500,
                      "cpus_used": 4, "memory_mb_used": 0, "storage_gb_used": 0}}


class Estate:
    """A tenant with a package and three hosts: two in the west, one in the north."""

    def __init__(self):
        self.red = make.tenant("red")
        self.rita = make.Api(make.user(self.red, name="rita"))
        self.boss = make.Api(make.admin("root"))
        self.package = make.package(self.red, name="gauge")
        self.west = self.host("west-a", region="west", used=12)
        self.empty = self.host("west-b", region="west", used=1)
        self.north = self.host("north-a", region="north", used=8)

    def host(self, name, *, used=4, granted_to=None, **fields):
        """A host that was probed, with so many processors in use."""
        made = make.host(name=name, granted_to=granted_to)
        room = PROBE["capacity"] | {"cpus_used": used}
        fields.setdefault("facts", PROBE | {"capacity": room})
        MecHost.objects.filter(pk=made.pk).update(reachable=True, **fields)
        made.refresh_from_db()
        return made

    def body(self, name="camera", **strategy):
        """An order for the package."""
        return {"appPackageId": self.package.package_id, "appName": name, "strategy": strategy}

    def post(self, body, *, who=None, dry_run=False, own=False):
        """Send an order; ``own`` without a tenant in the address."""
        url = "/appo/v1/deployments" if own else f"/appo/v1/tenants/{self.red.pk}/deployments"
        return (who or self.rita).send("POST", url + ("?dry_run=true" if dry_run else ""), body)


@pytest.fixture
def estate(house):
    """The tenant, the package and the hosts."""
    return Estate()


def names(answer):
    """The chosen hosts of an answer, in order."""
    return [one["mechostName"] for one in answer.json()["response"]["chosen"]]


def test_a_dry_run_is_the_record_and_creates_nothing(estate):
    answer = estate.post(estate.body(regions=["west"], count=1), dry_run=True)
    assert answer.status_code == 200
    record = answer.json()["response"]
    assert (record["dryRun"], record["considered"], record["passed"]) == (True, 3, 2)
    assert names(answer) == ["west-b"]
    by_name = {one["mechostName"]: one for one in record["hosts"]}
    assert by_name["north-a"]["droppedBy"] == "region"
    assert by_name["north-a"]["toWin"][0] == "be in the region west"
    assert by_name["west-a"]["toWin"] == ["have at most 6.2 % in use"]
    assert sum(part["points"] for part in by_name["west-b"]["parts"]) == pytest.approx(
        by_name["west-b"]["score"])
    assert AppInstance.objects.count() == 0
    assert PlacementDecision.objects.get().dry_run


def test_a_deployment_creates_one_instance_on_each_chosen_host(estate):
    answer = estate.post(estate.body(count=2, order="spread"))
    assert answer.status_code == 202
    assert names(answer) == ["west-b", "north-a"]
    made = {one["mechostName"]: one for one in answer.json()["response"]["instances"]}
    for name, host in (("west-b", estate.empty), ("north-a", estate.north)):
        row = AppInstance.objects.get(pk=made[name]["appInstanceId"])
        assert (row.host, row.app_name, row.wanted) == (host, "camera", "Instantiated")
        assert made[name]["accepted"]
    again = estate.post(estate.body(count=2))
    assert again.status_code == 409
    assert again.json()["type"].endswith("too_few_hosts")
    kept = PlacementDecision.objects.get(pk=again.json()["decision_id"])
    assert [one.dropped_by for one in kept.decided.verdicts] == ["", "name", "name"]
    fewer = estate.post({**estate.body(count=2), "allowFewer": True, "start": False})
    assert (fewer.status_code, names(fewer)) == (202, ["west-a"])
    assert AppInstance.objects.get(host=estate.west).wanted == "Created"


def test_one_refused_host_does_not_sink_the_others(estate, house):
    house.LIMITS = {**house.LIMITS, "instances_per_tenant": 1}
    answer = estate.post(estate.body(count=2))
    assert answer.status_code == 202
    first, second = answer.json()["response"]["instances"]
    assert (first["accepted"], second["accepted"]) == (True, False)
    assert (second["code"], second["appInstanceId"]) == ("limit", None)
    assert "limit of 1" in second["reason"]


@pytest.mark.parametrize(("strategy", "field"), [
    ({"order": "nearest"}, "strategy.near"),
    ({"hosts": ["10.99.99.99"]}, "strategy.hosts"),
    ({"order": "best"}, "strategy.order"),
    ({"count": 0}, "strategy.count"),
    ({"count": "many"}, "strategy.count"),
    ({"near": {"latitude": 91, "longitude": 0}}, "strategy.near.latitude"),
    ({"unknown": {"standing": "keep"}}, "strategy.unknown"),
    ({"vims": ["vmware"]}, "strategy.vims.0"),
    ({"free": {"cpus": -1}}, "strategy.free.cpus"),
])
def test_a_strategy_that_nobody_can_follow_is_refused_by_field(estate, strategy, field):
    answer = estate.post(estate.body(**strategy))
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert PlacementDecision.objects.count() == 0


def test_hosts_of_others_are_not_considered_and_an_administrator_sees_why(estate):
    blue = make.tenant("blue")
    estate.host("blue-only", granted_to=blue, used=0)
    mine = estate.post(estate.body(), dry_run=True).json()["response"]
    assert "blue-only" not in {one["mechostName"] for one in mine["hosts"]}
    theirs = estate.post(estate.body(), who=estate.boss, dry_run=True).json()["response"]
    dropped = {one["mechostName"]: one["droppedBy"] for one in theirs["hosts"]}
    assert dropped["blue-only"] == "tenant"
    stranger = make.Api(make.user(blue))
    url = f"/appo/v1/tenants/{blue.pk}/placement_decisions"
    assert stranger.send("GET", url).json() == {"response": []}
    assert stranger.send("GET", f"{url}/{mine['decisionId']}").status_code == 404
    assert stranger.send("GET", "/appo/v1/placement_decisions").json() == {"response": []}


def test_the_spelling_without_a_tenant_is_the_callers_and_an_administrator_names_one(estate):
    answer = estate.post(estate.body(hosts=[estate.north.ip]), own=True)
    assert (answer.status_code, names(answer)) == (202, ["north-a"])
    refused = estate.post(estate.body("other"), own=True, who=estate.boss)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["tenant_id"])
    told = estate.body("other") | {"tenant_id": str(estate.red.pk)}
    assert estate.post(told, own=True, who=estate.boss).status_code == 202
    for who, expected in ((estate.rita, 2), (estate.boss, 2)):
        assert len(who.send("GET", "/appo/v1/deployments").json()["response"]) == expected


def test_a_kept_decision_is_replayed_also_when_the_hosts_have_changed(estate):
    estate.post(estate.body(count=2))
    kept = PlacementDecision.objects.get()
    MecHost.objects.update(region="", facts={}, cordoned=True)
    assert decisions.replayed(kept) == kept.decided
    PlacementDecision.objects.update(algorithm=99)
    assert decisions.replayed(PlacementDecision.objects.get()) is None


def test_decisions_are_forgotten_after_their_retention(estate, now):
    estate.post(estate.body(), dry_run=True)
    estate.post(estate.body())
    now.advance(days=decisions.DRY_RUN_DAYS, seconds=1)
    decisions.purge()
    assert [one.dry_run for one in PlacementDecision.objects.all()] == [False]
    now.advance(days=decisions.RETENTION_DAYS)
    decisions.purge()
    assert not PlacementDecision.objects.exists() and not PlacedInstance.objects.exists()


def test_facts_are_gathered_in_as_many_queries_for_twenty_hosts_as_for_three(estate):
    def cost(who):
        with CaptureQueriesContext(connection) as seen:
            answer = estate.post(estate.body(), who=who, dry_run=True)
        assert answer.status_code == 200
        return len(seen), answer.json()["response"]["considered"]

    make.instance(estate.package, estate.west)  # on its way, and so promised
    first = {who: cost(who) for who in (estate.rita, estate.boss)}
    for number in range(17):
        host = estate.host(f"more-{number}", region="west")
        make.instance(make.package(estate.red), host)
    for who, (queries, hosts) in first.items():
        assert cost(who) == (queries, hosts + 17)


def test_what_is_on_its_way_takes_room_that_no_probe_has_seen(estate):
    before = estate.post(estate.body(), dry_run=True).json()["response"]["hosts"]
    for _ in range(3):
        make.instance(make.package(estate.red, app_class="vm"), estate.empty)
    after = estate.post(estate.body(), dry_run=True).json()["response"]["hosts"]
    load = {at: {one["mechostName"]: one["parts"][0]["value"] for one in rows}
            for at, rows in (("before", before), ("after", after))}
    assert load["after"]["west-b"] > load["before"]["west-b"]
    assert load["after"]["west-a"] == load["before"]["west-a"]


@pytest.mark.parametrize(("given", "named"), [
    ({}, "parameters.who"), ({"who": "me", "colour": "red"}, "parameters.colour"),
    ({"who": "x" * 257}, "parameters.who"),
])
@pytest.mark.parametrize("dry_run", [True, False])
def test_values_that_no_host_could_be_given_are_refused_before_any_is_chosen(
    estate, given, named, dry_run
):
    estate.package.info["requirements"]["inputs"] = [
        {"name": "who", "type": "string", "default": None, "description": "", "required": True}]
    estate.package.save()
    body = estate.body(count=2) | {"parameters": given}
    answer = estate.post(body, dry_run=dry_run)
    assert answer.status_code == 400
    assert named in answer.json()["errors"]
    assert not AppInstance.objects.exists()
    assert not PlacementDecision.objects.exists()
