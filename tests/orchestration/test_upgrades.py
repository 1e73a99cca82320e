"""Upgrades: one instance, waves with a stop, and back; at this site and at an edge."""

from __future__ import annotations

import pytest

from apps.instances.models import AppInstance, LcmOperation, Rollout
from apps.orchestration import rollouts, services
from apps.orchestration.services import CreateSpec
from apps.vim.contract import Phase
from tests import factories as make
from tests.orchestration.conftest import Stage
from tests.orchestration.test_remote import Pair
from tests.sites import work_once


class Fleet(Stage):
    """Running instances of version 1.10, and a version 2.0 to upgrade them to."""

    def __init__(self, now, count=3):
        super().__init__(now)
        self.api = make.Api(make.user(self.tenant))
        self.base = f"/appo/v1/tenants/{self.tenant.pk}/upgrades"
        self.newer = make.package(self.tenant, name="gauge", version="2.0")
        self.rows = [self.create(name=f"camera-{n}") for n in range(count)]
        for row in self.rows:
            self.instantiate(row)
        self.settle()

    def settle(self, seconds=30):
        """Let everything come to its end; rollouts go on as their sweep lets them."""
        for _ in range(int(seconds / 0.5)):
            work_once()
            for rollout_id in rollouts.rollouts.unfinished():
                rollouts.advance(rollout_id)
            self.now.advance(seconds=0.5)

    def order(self, **more):
        """Order all of them to the newer version."""
        return self.api.send("POST", self.base, {
            "appPackageId": self.newer.package_id,
            "appInstanceIds": [str(row.pk) for row in self.rows], **more})

    def running(self):
        """What version each runs, and its state."""
        rows = AppInstance.objects.order_by("app_name").select_related("package")
        return [(row.package.package_version, row.state) for row in rows]

    def items(self):
        """The states of the newest rollout's items."""
        return [item.state for item in Rollout.objects.first().items.all()]


@pytest.fixture
def stage(now):
    """Three instances at a site with a host of its own."""
    return Fleet(now)


@pytest.fixture
def fleet(stage):
    """The same, as it is called here."""
    return stage


def test_fleet_is_upgraded_wave_by_wave_and_brought_back(fleet):
    answer = fleet.order(waveSize=2)
    assert answer.status_code == 202
    told = answer.json()["response"]
    assert [(one["wave"], one["state"]) for one in told["instances"]] == [
        (1, "Running"), (1, "Running"), (2, "Waiting")]
    assert [state for _, state in fleet.running()] == [
        "Instantiating", "Instantiating", "Instantiated"]
    fleet.settle()
    assert fleet.running() == [("2.0", "Instantiated")] * 3
    one = fleet.api.send("GET", f"{fleet.base}/{told['upgradeId']}").json()["response"]
    assert one["state"] == "Finished"
    assert {item["state"] for item in one["instances"]} == {"Upgraded"}
    assert {item["from"] for item in one["instances"]} == {"gauge 1.10"}
    again = fleet.api.send("POST", f"{fleet.base}/{told['upgradeId']}/back")
    assert (again.status_code, again.json()["response"]["backOf"]) == (202, told["upgradeId"])
    fleet.settle()
    assert fleet.running() == [("1.10", "Instantiated")] * 3
    late = fleet.api.send("POST", f"{fleet.base}/{told['upgradeId']}/back")
    assert (late.status_code, late.json()["type"]) == (
        409, "urn:mecm:problem:nothing_to_take_back")


def test_no_wave_begins_once_enough_have_failed_and_back_mends_what_failed(fleet, simulated):
    simulated("  faults:\n    - {kind: refuse, says: full}\n")
    fleet.order(waveSize=1, stopAfter=1)
    fleet.settle(60)
    found = Rollout.objects.get()
    assert fleet.items() == ["Failed", "Skipped", "Skipped"]
    assert (found.state, found.why.code) == ("Stopped", "too_many_failed")
    assert str(found.items.first().why)
    assert fleet.running()[1:] == [("1.10", "Instantiated")] * 2
    assert fleet.running()[0] == ("2.0", "Instantiation failed")
    simulated("")
    rollouts.back(actor=fleet.actor, rollout_id=found.pk)
    fleet.settle(60)
    assert fleet.running() == [("1.10", "Instantiated")] * 3


def test_stop_lets_the_present_wave_end_and_begins_no_other(fleet):
    key = fleet.order(waveSize=1).json()["response"]["upgradeId"]
    assert fleet.api.send("POST", f"{fleet.base}/{key}/stop").status_code == 202
    fleet.settle()
    assert fleet.items() == ["Upgraded", "Skipped", "Skipped"]
    assert [version for version, _ in fleet.running()] == ["2.0", "1.10", "1.10"]
    assert fleet.api.send("POST", f"{fleet.base}/{key}/stop").status_code == 202


def test_instance_that_is_gone_or_at_work_fails_for_itself(fleet):
    key = fleet.order(waveSize=1, stopAfter=3).json()["response"]["upgradeId"]
    fleet.terminate(fleet.rows[1])
    fleet.settle()
    assert fleet.items() == ["Upgraded", "Failed", "Upgraded"]
    assert Rollout.objects.get(pk=key).state == "Finished"


def test_instance_is_part_of_one_unfinished_upgrade_only(fleet):
    fleet.order(waveSize=1)
    answer = fleet.order()
    assert (answer.status_code, answer.json()["type"]) == (
        409, "urn:mecm:problem:in_another_rollout")
    assert Rollout.objects.count() == 1


def test_same_order_under_one_key_is_one_upgrade(fleet):
    body = {"appPackageId": fleet.newer.package_id, "appInstanceIds": [str(fleet.rows[0].pk)]}
    told = [fleet.api.send("POST", fleet.base, body, headers={"idempotency-key": "k"}).json()
            for _ in range(2)]
    assert told[0] == told[1]
    assert Rollout.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"appPackageId": "0" * 64}, "appPackageId"), ({"appInstanceIds": []}, "appInstanceIds"),
     ({"appInstanceIds": ["0" * 8 + "-0000-0000-0000-" + "0" * 12]}, "appInstanceIds"),
     ({"waveSize": 0}, "waveSize"), ({"stopAfter": "x"}, "stopAfter"),
     ({"parameters": {"colour": "red"}}, "parameters")],
    ids=str,
)
def test_wrong_order_begins_nothing_and_names_its_field(fleet, change, field):
    answer = fleet.order(**change)
    assert answer.status_code == 400
    assert {name.partition(".")[0].partition("[")[0] for name in answer.json()["errors"]} == {field}
    assert not Rollout.objects.exists()


def test_package_of_another_application_is_no_version(fleet):
    fleet.newer = make.package(fleet.tenant, name="other", version="2.0")
    answer = fleet.order()
    assert answer.status_code == 400
    assert "no version of" in answer.json()["errors"]["appInstanceIds"]
    fleet.newer = fleet.package
    assert "runs this version already" in fleet.order().json()["errors"]["appInstanceIds"]


def test_instance_at_an_edge_is_upgraded_there_once_although_replies_are_lost(now, two_sites):
    pair = Pair(now, two_sites)
    spec = CreateSpec(pair.package.pk, pair.host.pk, "camera")
    instance = services.create_instance(actor=pair.actor, tenant_id=pair.tenant.pk, spec=spec)
    pair.instantiate(instance)
    assert pair.work(until="Instantiated")[-1] == "Instantiated"
    newer = make.package(pair.tenant, name="gauge", version="2.0")
    services.upgrade(actor=pair.actor, instance_id=instance.pk, package_id=newer.pk)
    pair.sites.wire.lose_replies = 3
    assert pair.work(60, until="Instantiated") == ["Instantiating", "Instantiated"]
    with pair.sites.inside():
        row = AppInstance.objects.select_related("package").get()
        assert (row.package.package_version, row.state) == ("2.0", "Instantiated")
        assert LcmOperation.objects.filter(kind="upgrade").count() == 1
    assert pair.phase(instance.pk) is Phase.READY
    assert AppInstance.objects.get().package_id == newer.pk
