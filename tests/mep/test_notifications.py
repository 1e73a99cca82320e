"""When a notification is queued, for whom, and what exactly it says (clauses 8.1.4.2, 7.1.4.2)."""

from __future__ import annotations

import pytest

from apps.common import clock
from apps.mep import applications, termination
from apps.mep.liveness.book import book
from apps.mep.notify import queue
from apps.tenants.actors import SYSTEM
from tests.mep import schemas
from tests.mep.conftest import App, service_info
from tests.mep.life import Living, changes, told
from tests.mep.suite import settled

CATEGORY = {"href": "/c/l", "id": "loc", "name": "Location", "version": "1"}
OTHER_CATEGORY = CATEGORY | {"id": "rni", "name": "RNI"}


def test_notification_of_a_change_has_exactly_the_members_of_the_standard(app, other_app):
    subscription = other_app.subscribe()
    made = app.register()
    (body,) = told(subscription)
    assert schemas.conforms(body, schemas.ServiceAvailabilityNotification) == []
    assert body == {
        "notificationType": "SerAvailabilityNotification",
        "serviceReferences": [{
            "link": {"href": made["_links"]["self"]["href"]},
            "serName": "positioning",
            "serInstanceId": made["serInstanceId"],
            "state": "ACTIVE",
            "changeType": "ADDED",
        }],
        "_links": {"subscription": {"href": subscription["_links"]["self"]["href"]}},
    }
    for href in (body["serviceReferences"][0]["link"]["href"],
                 body["_links"]["subscription"]["href"]):
        assert other_app.send("GET", href.replace(app.id, other_app.id)).status_code in (200, 404)
    assert app.send("GET", body["serviceReferences"][0]["link"]["href"]).json() == made
    assert other_app.send("GET", body["_links"]["subscription"]["href"]).json() == subscription


def test_notification_of_a_removal_has_no_link_to_what_is_gone(app, other_app):
    made = app.register()
    subscription = other_app.subscribe()
    app.send("DELETE", made["_links"]["self"]["href"])
    (body,) = told(subscription)
    assert schemas.conforms(body, schemas.ServiceAvailabilityNotification) == []
    assert body["serviceReferences"] == [{
        "serName": "positioning", "serInstanceId": made["serInstanceId"], "state": "INACTIVE",
        "changeType": "REMOVED",
    }]


@pytest.mark.parametrize(("changed", "news"), [
    ({}, []),
    ({"state": "INACTIVE"}, [("STATE_CHANGED", "INACTIVE")]),
    ({"version": "2"}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"version": "2", "state": "INACTIVE"}, [("ATTRIBUTES_CHANGED", "INACTIVE")]),
    ({"serName": "renamed"}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"serializer": "XML"}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"scopeOfLocality": "ZONE"}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"consumedLocalOnly": False}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"serCategory": CATEGORY}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"livenessInterval": 20}, [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ({"isLocal": False, "serInstanceId": "x", "_links": {}}, []),
])
def test_update_is_told_by_what_it_changed(app, other_app, changed, news):
    made = app.register()
    subscription = other_app.subscribe()
    app.send("PUT", made["_links"]["self"]["href"], service_info(**changed))
    assert changes(subscription) == news


CRITERIA = [
    ({}, True),
    ({"serNames": ["positioning"]}, True),
    ({"serNames": ["other", "positioning"]}, True),
    ({"serNames": ["position"]}, False),
    ({"serNames": ["Positioning"]}, False),
    ({"serNames": []}, False),
    ({"serCategories": [CATEGORY]}, True),
    ({"serCategories": [OTHER_CATEGORY | {"id": "loc"}]}, True),
    ({"serCategories": [OTHER_CATEGORY]}, False),
    ({"serInstanceIds": ["NON_EXISTENT"]}, False),
    ({"states": ["ACTIVE"]}, True),
    ({"states": ["INACTIVE", "SUSPENDED"]}, False),
    ({"isLocal": True}, True),
    ({"isLocal": False}, False),
    ({"serNames": ["positioning"], "states": ["INACTIVE"]}, False),
    ({"serNames": ["positioning"], "states": ["ACTIVE"], "isLocal": True}, True),
]


@pytest.mark.parametrize(("criteria", "fits"), CRITERIA)
def test_subscriber_hears_of_what_fits_all_of_its_criteria(app, other_app, criteria, fits):
    subscription = other_app.subscribe(**criteria)
    assert subscription.get("filteringCriteria", {}) == criteria
    app.register(serCategory=CATEGORY)
    assert changes(subscription) == ([("ADDED", "ACTIVE")] if fits else [])


def test_subscriber_to_an_instance_hears_of_that_one_only(app, other_app):
    first, second = app.register(), app.register()
    subscription = other_app.subscribe(serInstanceIds=[first["serInstanceId"]])
    for one in (first, second):
        app.send("DELETE", one["_links"]["self"]["href"])
    assert [body["serviceReferences"][0]["serInstanceId"] for body in told(subscription)] == [
        first["serInstanceId"]
    ]


def test_missed_heartbeat_and_its_return_are_told_once_each(app, other_app, mep):
    with clock.frozen() as time:
        book.clear()
        service = Living(app, time)
        every = other_app.subscribe()
        suspended = other_app.subscribe(states=["SUSPENDED"])
        service.silence(60)
        service.beat()
        service.beat()
    assert changes(every) == [("STATE_CHANGED", "SUSPENDED"), ("STATE_CHANGED", "ACTIVE")]
    assert changes(suspended) == [("STATE_CHANGED", "SUSPENDED")]
    (body,) = told(suspended)
    assert body["serviceReferences"][0]["link"]["href"] == service.url


def test_producer_hears_of_its_own_services_only_where_it_subscribed(app):
    app.register()
    subscription = app.subscribe()
    app.register(serName="second")
    assert changes(subscription) == [("ADDED", "ACTIVE")]


def test_subscriber_of_several_fitting_subscriptions_is_told_once_for_each(app, other_app):
    both = [other_app.subscribe(serNames=["positioning", "positioning"]), other_app.subscribe()]
    app.register()
    assert [changes(one) for one in both] == [[("ADDED", "ACTIVE")], [("ADDED", "ACTIVE")]]


def test_notifications_are_numbered_without_gaps_in_the_order_of_what_happened(app, other_app):
    subscription = other_app.subscribe()
    made = app.register()
    app.send("PUT", made["_links"]["self"]["href"], service_info(state="INACTIVE"))
    app.send("DELETE", made["_links"]["self"]["href"])
    assert [kind for kind, _ in changes(subscription)] == ["ADDED", "STATE_CHANGED", "REMOVED"]
    missed = other_app.send("GET", subscription["_links"]["self"]["href"] + "/notifications")
    assert [one["sequence"] for one in missed.json()] == [1, 2, 3]
    assert [one["notification"] for one in missed.json()] == told(subscription)


@pytest.mark.parametrize(("query", "numbers"), [
    ("?after=1", [2, 3]), ("?after=3", []), ("?limit=2", [1, 2]), ("?after=1&limit=1", [2]),
])
def test_missed_notifications_are_read_from_a_number_on(app, other_app, query, numbers):
    subscription = other_app.subscribe()
    for _ in range(3):
        app.register()
    url = subscription["_links"]["self"]["href"] + "/notifications"
    assert [one["sequence"] for one in other_app.send("GET", url + query).json()] == numbers


@pytest.mark.parametrize("query", [
    "?after=x", "?after=-1", "?after=99999999999999999999", "?limit=101", "?after=", "?before=1",
    "?after=%D9%A1",
])
def test_missed_notifications_refuse_a_number_that_is_none(other_app, query):
    subscription = other_app.subscribe()
    url = subscription["_links"]["self"]["href"] + "/notifications"
    assert other_app.send("GET", url + query).status_code == 400


def test_unsubscribing_drops_what_waits(app, other_app):
    subscription = other_app.subscribe()
    app.register()
    url = subscription["_links"]["self"]["href"]
    assert other_app.send("DELETE", url).status_code == 204
    assert queue.due(10) == []
    assert told(subscription) == []
    app.register()
    assert queue.due(10) == []


# --- the application's own end -------------------------------------------------------------------
def subscribe_to_end(app):
    """A termination subscription of the application."""
    return app.send("POST", f"{app.support}/subscriptions", {
        "subscriptionType": "AppTerminationNotificationSubscription",
        "callbackReference": "http://127.0.0.1:9/end", "appInstanceId": app.id,
    }).json()


@pytest.mark.parametrize("action", ["STOPPING", "TERMINATING"])
def test_end_is_announced_with_action_time_and_where_to_confirm(app, mep, action):
    subscription = subscribe_to_end(app)
    with settled():
        assert termination.begin(actor=SYSTEM, application=app.row, action=action)
    (body,) = told(subscription)
    assert schemas.conforms(body, schemas.AppTerminationNotification) == []
    assert body == {
        "notificationType": "AppTerminationNotification",
        "operationAction": action,
        "maxGracefulTimeout": mep["graceful_seconds"],
        "_links": {
            "subscription": {"href": subscription["_links"]["self"]["href"]},
            "confirmTermination": {"href": f"{app.support}/confirm_termination"},
        },
    }
    confirm = body["_links"]["confirmTermination"]["href"]
    wrong = {"STOPPING": "TERMINATING", "TERMINATING": "STOPPING"}[action]
    assert app.send("POST", confirm, {"operationAction": wrong}).status_code == 400
    assert app.send("POST", confirm, {"operationAction": action}).status_code == 204
    app.row.refresh_from_db()
    assert termination.is_over(app.row)


def test_end_is_announced_to_the_application_itself_and_to_nobody_else(app, other_app):
    subscribe_to_end(app)
    others = [subscribe_to_end(other_app), other_app.subscribe()]
    with settled():
        termination.begin(actor=SYSTEM, application=app.row)
        termination.begin(actor=SYSTEM, application=app.row)
    assert [told(one) for one in others] == [[], []]
    assert [due.application_id for due in queue.due(10)] == [app.row.pk]


def test_nobody_is_waited_for_where_nobody_subscribed(app):
    app.subscribe()
    assert not termination.begin(actor=SYSTEM, application=app.row)
    app.row.refresh_from_db()
    assert termination.is_over(app.row)


def test_removing_an_application_tells_others_of_each_of_its_services(app):
    watcher = App("watcher")
    names = {app.register(serName=f"service-{n}")["serName"] for n in range(3)}
    subscription = watcher.subscribe()
    applications.remove(actor=SYSTEM, application_id=app.row.pk)
    bodies = told(subscription)
    assert {one["serviceReferences"][0]["serName"] for one in bodies} == names
    assert {one["serviceReferences"][0]["changeType"] for one in bodies} == {"REMOVED"}
