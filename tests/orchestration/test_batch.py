"""Batches: one bad item never sinks the rest, and each item has its own answer."""

from __future__ import annotations

import uuid

import pytest

from apps.instances.models import AppInstance, LcmOperation
from apps.orchestration import services
from tests import factories as make
from tests.sites import work_once


class Harbour:
    """A tenant with a package, three hosts of this site, and clients."""

    def __init__(self):
        self.tenant = make.tenant("red")
        self.owner = make.Api(make.user(self.tenant))
        self.boss = make.Api(make.admin())
        self.package = make.package(self.tenant)
        self.hosts = [make.host(f"10.1.0.{n}") for n in (1, 2, 3)]
        self.base = f"/appo/v1/tenants/{self.tenant.pk}/app_instances"

    def body(self, *ips, **change):
        """A BatchCreateParam."""
        return {
            "appPackageId": self.package.package_id, "appName": "camera",
            "appId": self.package.app_id.hex, "appInstanceDescription": "on the quay",
            "mecHost": list(ips) or [host.ip for host in self.hosts], **change,
        }

    def send(self, verb, body, *, method="POST", who=None, base="", **more):
        """Order a batch; the items of the answer."""
        answer = (who or self.owner).send(
            method, f"{base or self.base}/batch_{verb}", body, **more)
        assert answer.status_code == 202, answer.content
        return answer.json()["response"]

    def instance(self, state, name="camera", **fields):
        """An instance in a state on the first host."""
        return make.instance(self.package, self.hosts[0], name=name, state=state, **fields)


@pytest.fixture
def harbour(house):
    """At a center with hosts of its own."""
    return Harbour()


def test_batch_is_created_started_and_ended_with_an_answer_for_each(harbour):
    """O2, O4, O7: the items of a batch that goes well, and what becomes of them."""
    items = harbour.send("create", harbour.body())
    assert [(one["host"], one["status"]) for one in items] == [
        (host.ip, "Accepted") for host in harbour.hosts]
    assert {str(key) for key in AppInstance.objects.values_list("pk", flat=True)} == {
        one["appInstanceId"] for one in items}
    keys = [one["appInstanceId"] for one in items]
    # At once, as the original's portal does: an order to start waits until it is created.
    started = harbour.send("instantiate", {"appInstanceIds": keys})
    assert [one["status"] for one in started] == ["Accepted"] * 3
    work_once()
    assert set(LcmOperation.objects.filter(kind="create").values_list("state", flat=True)) == {
        "Succeeded"}
    ended = harbour.send("terminate", {"appInstanceIds": keys})
    assert [(one["appInstanceId"], one["host"], one["status"]) for one in ended] == [
        (key, host.ip, "Accepted") for key, host in zip(keys, harbour.hosts, strict=True)]
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Terminating"}


def test_host_that_cannot_take_it_is_told_and_the_others_go_on(harbour):
    """Q29, Q31: a refused host has no id, the others are created on the hosts that were named."""
    harbour.instance("Instantiated")
    items = harbour.send("create", harbour.body("10.1.0.1", "10.250.0.1", "10.1.0.2"))
    assert [(one["host"], one["status"], bool(one["appInstanceId"])) for one in items] == [
        ("10.1.0.1", "cannot re-use app name: camera", False),
        ("10.250.0.1", "Record not found", False),
        ("10.1.0.2", "Accepted", True),
    ]
    assert items[0]["code"] == "name_taken"
    assert items[1]["detail"]
    made = AppInstance.objects.get(pk=items[2]["appInstanceId"])
    assert (made.host.ip, made.state) == ("10.1.0.2", "Creating")


def test_batch_over_the_limit_leaves_nothing_half_made(harbour, settings):
    """Q50: what is over the limit is refused item by item, and what was taken on is worked on."""
    settings.LIMITS = settings.LIMITS | {"instances_per_tenant": 2}
    items = harbour.send("create", harbour.body())
    assert [one["status"] for one in items] == [
        "Accepted", "Accepted", "Max record limit exceeded"]
    assert (items[2]["limit"], items[2]["used"], items[2]["code"]) == (2, 2, "limit")
    work_once()
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Created"}


def test_bug_in_one_item_is_that_items_own(harbour, monkeypatch):
    """Q31: whatever goes wrong with one item, those after it are carried out."""
    honest = services.create_on

    def sick(host, package, **order):
        if host == harbour.hosts[1]:
            raise RuntimeError("sick")
        return honest(host, package, **order)

    monkeypatch.setattr(services, "create_on", sick)
    items = harbour.send("create", harbour.body())
    assert [one.get("code", "") for one in items] == ["", "bug", ""]
    assert "sick" not in str(items)
    assert AppInstance.objects.count() == 2


def test_states_that_allow_nothing_are_told_item_by_item(harbour):
    """Q30, Q41: a batch of which nothing is accepted starts nothing."""
    going = harbour.instance("Instantiating")
    broken = harbour.instance("Create failed", name="broken")
    unknown = str(uuid.uuid4())
    items = harbour.send(
        "instantiate", {"appInstanceIds": [str(going.pk), str(broken.pk), unknown]})
    assert [one["status"] for one in items] == [
        "Precondition failed, app instance operational state: Instantiating",
        "Precondition failed, app instance operational state: Create failed",
        "No such element",
    ]
    assert (items[2]["host"], items[2]["appInstanceId"]) == (None, unknown)
    assert not LcmOperation.objects.exists()


def test_same_instance_twice_in_a_batch_is_started_once(harbour):
    """Q41: the second order finds the first one's state."""
    row = harbour.instance("Created")
    items = harbour.send("instantiate", {"appInstanceIds": [str(row.pk)] * 2})
    assert [one["status"] for one in items] == [
        "Accepted", "Precondition failed, app instance operational state: Instantiating"]
    assert LcmOperation.objects.count() == 1


def test_parameters_are_given_per_instance_as_later_releases_spell_it(harbour):
    first, second = harbour.instance("Created"), harbour.instance("Created", name="other")
    items = harbour.send("instantiate", {"instantiationParameters": [
        {"appInstanceId": str(first.pk), "parameters": {"log_level": "debug"}},
        {"appInstanceId": str(second.pk), "parameters": {"colour": "red"}},
    ]})
    assert [one["status"] for one in items] == ["Accepted", "The request is not valid."]
    assert "parameters.colour" in items[1]["detail"]
    first.refresh_from_db()
    assert first.parameters == {"log_level": "debug"}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_batch_of_ends_is_taken_by_either_method_and_once_per_key(harbour, method):
    """O7: the same order under the same key gets the same answer and is carried out once."""
    row = harbour.instance("Instantiated")
    body = {"appInstanceIds": [str(row.pk)]}
    told = [harbour.send("terminate", body, method=method, headers={"idempotency-key": "k"})
            for _ in range(2)]
    assert told[0] == told[1]
    assert told[0][0]["status"] == "Accepted"
    assert LcmOperation.objects.filter(kind="terminate").count() == 1


def test_batch_without_a_tenant_in_its_address_is_for_ones_own(harbour):
    """Q3: an administrator names the tenant, and everybody else has theirs."""
    base = "/appo/v1/app_instances"
    (item,) = harbour.send("create", harbour.body("10.1.0.1"), base=base)
    assert AppInstance.objects.get(pk=item["appInstanceId"]).tenant == harbour.tenant
    nameless = harbour.boss.send("POST", f"{base}/batch_create", harbour.body("10.1.0.2"))
    assert (nameless.status_code, list(nameless.json()["errors"])) == (400, ["tenant_id"])
    url = f"{base}/batch_create?tenant_id={harbour.tenant.pk}"
    named = harbour.boss.send("POST", url, harbour.body("10.1.0.2"))
    assert named.json()["response"][0]["status"] == "Accepted"


@pytest.mark.parametrize(
    ("verb", "change", "field"),
    [
        ("create", {"mecHost": []}, "mecHost"), ("create", {"mecHost": "10.1.0.1"}, "mecHost"),
        ("create", {"mecHost": ["x"]}, "mecHost"), ("create", {"mecHost": None}, "mecHost"),
        ("create", {"mecHost": ["10.1.0.1"] * 21}, "mecHost"),
        ("create", {"appName": "a b"}, "appName"), ("create", {"appId": "x"}, "appId"),
        ("create", {"appInstanceDescription": ""}, "appInstanceDescription"),
        ("create", {"hwCapabilities": ["x"] * 11}, "hwCapabilities"),
        ("create", {"appPackageId": "0" * 63}, "appPackageId"),
        ("create", {"parameters": []}, "parameters"),
        ("create", {"parameters": {"a": "x" * 257}}, "parameters"),
        ("create", {"parameters": {str(n): "x" for n in range(51)}}, "parameters"),
        ("instantiate", {}, "appInstanceIds"), ("instantiate", {"appInstanceIds": []}, None),
        ("instantiate", {"appInstanceIds": ["x"]}, None),
        ("instantiate", {"appInstanceIds": [str(uuid.uuid4())] * 21}, None),
        ("terminate", {}, "appInstanceIds"), ("terminate", {"appInstanceIds": "x"}, None),
        ("terminate", {"appInstanceIds": [str(uuid.uuid4())] * 21}, None),
    ],
)
def test_body_that_is_wrong_answers_400_and_nothing_is_made(harbour, verb, change, field):
    """Q24, Q46: each rule of a field, in the body of a batch."""
    body = harbour.body(**change) if verb == "create" else change
    answer = harbour.owner.send("POST", f"{harbour.base}/batch_{verb}", body)
    assert answer.status_code == 400
    named = {name.partition(".")[0].partition("[")[0] for name in answer.json()["errors"]}
    assert named == {field or "appInstanceIds"}
    assert not AppInstance.objects.exists()
