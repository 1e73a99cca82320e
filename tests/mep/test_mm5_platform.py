"""The end of an application, the platform's capabilities, and service governance over Mm5."""

from __future__ import annotations

import types
import uuid

import pytest

from apps.common import clock
from apps.mep import calls
from apps.mep.api import mm5
from apps.mep.liveness.book import book
from apps.mep.models import (
    Application,
    ConfigTask,
    Credential,
    Delivery,
    MecService,
    Rule,
    Subscription,
)
from tests import factories as make
from tests.mep.conftest import App, service_info
from tests.mep.life import changes
from tests.mep.mm5 import Management, appd
from tests.mep.suite import refused

GOVERN = "/mep/service_govern/v1"
CAPABILITIES = "/mepcfg/mec_platform_config/v1/capabilities"
LOCATION = {"href": "/c", "id": "loc", "name": "Location", "version": "1"}


@pytest.fixture
def manager(app):
    """Management of the application of the test."""
    return Management(app.id)


@pytest.fixture
def waits(mep, monkeypatch):
    """How many seconds are slept; each nap moves the clock, and ``waits.then`` happens in it."""
    with clock.frozen() as frozen:
        naps = types.SimpleNamespace(seconds=0.0, then=lambda: None)

        def sleep(seconds):
            naps.seconds += seconds
            frozen.advance(seconds=seconds)
            naps.then()

        monkeypatch.setattr(mm5, "time", types.SimpleNamespace(sleep=sleep))
        yield naps


def subscribe_to_end(app):
    """The application wants to be told of its end."""
    answer = app.send("POST", f"{app.support}/subscriptions", {
        "subscriptionType": "AppTerminationNotificationSubscription",
        "callbackReference": "http://127.0.0.1:9/end", "appInstanceId": app.id})
    assert answer.status_code == 201


# --- AppInstanceTermination ----------------------------------------------------------------------
def test_end_removes_everything_of_the_application_and_nothing_of_others(
    app, other_app, manager, waits
):
    manager.store_keys()
    manager.send("POST", manager.appd, appd())
    app = App("again", application_id=app.row.pk)
    for name in ("one", "two"):
        app.register(serName=name, livenessInterval=10)
    app.subscribe()
    other_app.register(livenessInterval=10)
    watcher = other_app.subscribe()
    answer = manager.send("DELETE", manager.end)
    assert (answer.status_code, answer.json()) == (200, "")
    assert changes(watcher) == [("REMOVED", "INACTIVE")] * 2
    assert [row.pk for row in Application.objects.all()] == [other_app.row.pk]
    assert MecService.objects.count() == Subscription.objects.count() == len(book) == 1
    assert not any(model.objects.exists() for model in (Rule, Credential, ConfigTask))
    assert app.send("GET", app.services).status_code == 401


def test_end_is_not_waited_for_where_nobody_subscribed_to_it(app, manager, waits):
    app.subscribe()
    assert manager.send("DELETE", manager.end).status_code == 200
    assert waits.seconds == 0


@pytest.mark.parametrize("graceful", [0, 2, 5])
def test_end_waits_for_the_graceful_time_at_most(app, manager, waits, edge_house, graceful):
    edge_house.MEP = {**edge_house.MEP, "graceful_seconds": graceful}
    subscribe_to_end(app)
    assert manager.send("DELETE", manager.end).status_code == 200
    assert waits.seconds == pytest.approx(graceful, abs=mm5.LOOK_SECONDS)
    assert not Application.objects.exists()


def test_application_is_told_of_its_end_before_it_comes_and_may_confirm_early(
    app, manager, waits
):
    subscribe_to_end(app)
    seen = []

    def confirm():
        seen.append(Delivery.objects.get().body["operationAction"])
        answer = app.send("POST", f"{app.support}/confirm_termination",
                          {"operationAction": "TERMINATING"})
        seen.append(answer.status_code)

    waits.then = confirm
    assert manager.send("DELETE", manager.end).status_code == 200
    assert seen == ["TERMINATING", 204]
    assert waits.seconds == pytest.approx(mm5.LOOK_SECONDS)
    assert not Application.objects.exists()


def test_application_cannot_become_ready_again_while_it_ends(app, manager, waits):
    subscribe_to_end(app)
    seen = []

    def ready():
        if not seen:
            answer = app.send("POST", f"{app.support}/confirm_ready", {"indication": "READY"})
            seen.append(answer.status_code)

    waits.then = ready
    manager.send("DELETE", manager.end)
    assert seen == [409]


def test_other_applications_that_end_at_once_are_told_to_come_again(app, manager, waits):
    subscribe_to_end(app)
    held = [mm5._waiting.acquire(blocking=False) for _ in range(mm5.WAITING_AT_ONCE)]
    try:
        answer = manager.send("DELETE", manager.end)
        told = refused(answer, 503)
    finally:
        for _ in held:
            mm5._waiting.release()
    assert told["detail"]
    assert answer.headers["Retry-After"] == "5"
    assert Application.objects.exists()
    assert manager.send("DELETE", manager.end).status_code == 200


# --- capabilities --------------------------------------------------------------------------------
def test_capability_is_a_service_with_the_applications_whose_subscriptions_name_it(
    app, other_app, manager
):
    third = App("third")
    made = app.register(serCategory=LOCATION)
    app.register(serName="second")
    other_app.subscribe(serNames=["positioning"])
    other_app.subscribe(serInstanceIds=[made["serInstanceId"]])
    third.subscribe(serCategories=[LOCATION])
    App("fourth").subscribe()
    App("fifth").subscribe(serNames=["position"])
    listed = {one["capabilityName"]: one for one in manager.send("GET", CAPABILITIES).json()}
    consumers = [{"applicationInstanceId": key} for key in sorted([other_app.id, third.id])]
    assert listed["positioning"] == {
        "capabilityId": made["serInstanceId"], "capabilityName": "positioning",
        "status": "ACTIVE", "version": "1.0", "consumers": consumers,
    }
    assert listed["second"]["consumers"] == []
    one = manager.send("GET", f"{CAPABILITIES}/{made['serInstanceId']}")
    assert one.json() == listed["positioning"]


@pytest.mark.parametrize("key", ["word", str(uuid.UUID(int=7))])
def test_capability_that_is_not_known_is_not_found(manager, key):
    refused(manager.send("GET", f"{CAPABILITIES}/{key}"), 404)


def test_tenant_sees_the_capabilities_and_consumers_of_its_own_applications_only(mep):
    red, blue = make.tenant("red"), make.tenant("blue")
    mine, theirs = App("mine", tenant_id=red.pk), App("theirs", tenant_id=blue.pk)
    own, other = mine.register(serName="own"), theirs.register(serName="other")
    for app in (mine, theirs):
        app.subscribe(serNames=["own", "other"])
    api = make.Api(make.user(red))
    (found,) = api.send("GET", CAPABILITIES).json()
    assert found["capabilityName"] == "own"
    assert found["consumers"] == [{"applicationInstanceId": mine.id}]
    assert api.send("GET", f"{CAPABILITIES}/{own['serInstanceId']}").json() == found
    refused(api.send("GET", f"{CAPABILITIES}/{other['serInstanceId']}"), 404)


# --- service governance --------------------------------------------------------------------------
def test_subscriptions_are_resolved_by_names_ids_and_categories_to_services(app, manager):
    services = [app.register(serName=name, serCategory=category)["serInstanceId"]
                for name, category in (("a", LOCATION), ("b", None), ("c", None), ("a", None))]
    by_name, by_id, by_category, by_all, by_none = (App(name) for name in "vwxyz")
    by_name.subscribe(serNames=["a"])
    by_id.subscribe(serInstanceIds=[services[1], str(uuid.uuid4())])
    by_category.subscribe(serCategories=[LOCATION])
    by_category.subscribe(serNames=["c"])
    by_all.subscribe()
    by_none.subscribe(serNames=["unknown"])
    found = manager.send("GET", f"{GOVERN}/subscribe_statistic").json()
    assert found["subscribeNum"] == {"appSubscribeNum": 5, "serviceSubscribedNum": 4}
    relations = {one["subscribeAppId"]: set(one["serviceList"])
                 for one in found["subscribeRelations"]}
    assert relations == {
        by_name.id: {services[0], services[3]},
        by_id.id: {services[1]},
        by_category.id: {services[0], services[2]},
        by_all.id: set(services),
        by_none.id: set(),
    }


def test_nobody_who_subscribed_is_counted_as_none(manager):
    assert manager.send("GET", f"{GOVERN}/subscribe_statistic").json() == {
        "subscribeNum": {"appSubscribeNum": 0, "serviceSubscribedNum": 0},
        "subscribeRelations": [],
    }


def log(name):
    """One record of a gateway's http-log plug-in."""
    return {"service": {"name": name, "id": "x"}, "started_at": 1624615200000,
            "request": {"method": "GET", "uri": "/x"}, "response": {"status": 200}}


def series(manager):
    """Calls per service of the last days, today first, and of the registry."""
    found = manager.send("GET", f"{GOVERN}/kong_log").json()
    assert all(one["desc"] == "" for part in found.values() for one in part)
    return ({one["name"]: one["callTimes"] for one in found["appServices"]},
            {one["name"]: one["callTimes"] for one in found["mepServices"]})


def test_calls_that_a_gateway_reports_are_counted_by_name_and_by_id_and_day(app, manager):
    with clock.frozen() as time:
        first = app.register(serName="svc", livenessInterval=None)["serInstanceId"]
        app.register(serName="svc2")
        app.register(serName="svc")
        for name in ("svc", first, "svc2", "unknown"):
            answer = manager.send("POST", f"{GOVERN}/kong_log", log(name))
            assert (answer.status_code, answer.json()) == (200, "")
        calls.save()
        time.advance(days=2)
        manager = Management(app.id)
        manager.send("POST", f"{GOVERN}/kong_log", log("svc"))
        services, _ = series(manager)
    assert services == {"svc": [1, 0, 2, 0, 0, 0, 0], "svc2": [0, 0, 1, 0, 0, 0, 0]}


def test_registrations_and_discoveries_are_counted(app, other_app, manager):
    made = app.register()
    app.register()
    app.send("POST", app.services, service_info(state="WRONG"))
    for path in ("services", "services?ser_name=x", f"services/{made['serInstanceId']}"):
        other_app.send("GET", f"/mep/mec_service_mgmt/v1/{path}")
    _, own = series(manager)
    nothing = [0] * 6
    assert own == {"serviceRegister": [2, *nothing], "serviceDiscovery": [3, *nothing]}


@pytest.mark.parametrize("body", [
    {}, {"service": {}}, {"service": {"name": 1}}, {"service": {"name": "a\nb"}}, [log("x")],
    {"service": None},
])
def test_record_that_names_no_service_is_refused(manager, body):
    refused(manager.send("POST", f"{GOVERN}/kong_log", body), 400)


def test_tenant_sees_no_calls_of_anothers_service_of_the_same_name(mep):
    red, blue = make.tenant("red"), make.tenant("blue")
    mine = App("mine", tenant_id=red.pk).register(serName="same")["serInstanceId"]
    App("theirs", tenant_id=blue.pk).register(serName="same")
    boss, tenant = Management("x"), Management("x", make.user(red))
    for name in ("same", mine):
        boss.send("POST", f"{GOVERN}/kong_log", log(name))
    assert series(boss)[0] == {"same": [2, 0, 0, 0, 0, 0, 0]}
    assert series(tenant)[0] == {"same": [1, 0, 0, 0, 0, 0, 0]}


def test_list_of_all_services_names_the_application_of_each_in_the_wrapper_of_later_releases(
    app, manager
):
    made = app.register()
    found = manager.send("GET", f"{GOVERN}/services").json()
    assert {key: found[key] for key in ("retCode", "message", "params")} == {
        "retCode": 0, "message": "", "params": None}
    assert found["data"] == [made | {"appInstanceId": app.id}]
