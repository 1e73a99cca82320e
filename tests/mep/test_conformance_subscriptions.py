"""ETSI's suite (GS MEC 032-3, branch v2.2.1-dev): SRVSUB and APPSUB, a test per row."""

from __future__ import annotations

import pytest

from apps.mep.models import Subscription
from tests.mep import schemas
from tests.mep.suite import (
    CALLBACK,
    NO_SUBSCRIPTION,
    OF_APP,
    OF_NO_APP,
    THING,
    check,
    hold_subscription,
    refused,
)

ALL, ONE = f"{OF_APP}/subscriptions", f"{OF_APP}/subscriptions/{THING}"
SERVICES = "SerAvailabilityNotificationSubscription"
TERMINATION = "AppTerminationNotificationSubscription"
LINKS = {"self": {"href": "http://127.0.0.1/whatever/the/client/thinks"}}


# --- SRVSUB: availability of services ------------------------------------------------------------
@pytest.fixture
def of_services(suite_app, management):
    """The suite, with the availability subscription of its variables."""
    hold_subscription(suite_app, Subscription.Kind.AVAILABILITY)
    return management


def test_SRVSUB_001_OK_links_of_subscriptions(of_services):
    found = check(of_services.ask("GET", ALL), 200, schemas.SubscriptionLinkList)
    (link,) = found["_links"]["subscriptions"]
    assert link["href"].endswith(f"/mec_service_mgmt/v1/{ONE}")
    assert link["subscriptionType"] == link["rel"] == SERVICES


def test_SRVSUB_001_NF_application_that_is_not_known(of_services):
    refused(of_services.ask("GET", f"{OF_NO_APP}/subscriptions"), 404)


def test_SRVSUB_002_OK_subscribes_whatever_links_the_body_says(of_services):
    body = {"subscriptionType": SERVICES, "callbackReference": CALLBACK, "_links": LINKS}
    answer = of_services.ask("POST", ALL, body)
    made = check(answer, 201, schemas.SerAvailabilityNotificationSubscription)
    assert made["subscriptionType"] == SERVICES
    assert made["callbackReference"] == CALLBACK
    assert made["_links"]["self"]["href"] == answer.headers["Location"]


def test_SRVSUB_002_BR_subscriptionType_under_another_key(of_services):
    body = {"subscription": SERVICES, "callbackReference": CALLBACK, "_links": LINKS}
    assert "subscriptionType" in refused(of_services.ask("POST", ALL, body), 400)["errors"]


def test_SRVSUB_003_OK_one_subscription(of_services):
    found = check(
        of_services.ask("GET", ONE), 200, schemas.SerAvailabilityNotificationSubscription
    )
    assert found["subscriptionType"] == SERVICES


def test_SRVSUB_003_NF_subscription_that_is_not_known(of_services):
    refused(of_services.ask("GET", f"{ALL}/{NO_SUBSCRIPTION}"), 404)


def test_SRVSUB_004_OK_removes_a_subscription(of_services):
    answer = of_services.ask("DELETE", ONE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert of_services.ask("GET", ONE).status_code == 404


def test_SRVSUB_004_NF_subscription_under_an_application_that_is_not_known(of_services):
    refused(of_services.ask("DELETE", f"{OF_NO_APP}/subscriptions/{THING}"), 404)
    assert of_services.ask("GET", ONE).status_code == 200


# --- APPSUB: the application's own termination ---------------------------------------------------
@pytest.fixture
def of_end(suite_app, support):
    """The suite, with the termination subscription of its variables."""
    hold_subscription(suite_app, Subscription.Kind.TERMINATION)
    return support


def test_APPSUB_001_OK_links_of_subscriptions(of_end):
    found = check(of_end.ask("GET", ALL), 200, schemas.SubscriptionLinkList)
    (link,) = found["_links"]["subscriptions"]
    assert link["href"].endswith(f"/mec_app_support/v1/{ONE}")
    assert link["subscriptionType"] == link["rel"] == TERMINATION


def test_APPSUB_001_NF_application_that_is_not_known(of_end):
    refused(of_end.ask("GET", f"{OF_NO_APP}/subscriptions"), 404)


def test_APPSUB_002_OK_subscribes_with_any_media_type_and_any_text_as_appInstanceId(of_end):
    body = {
        "subscriptionType": TERMINATION,
        "callbackReference": "http://127.0.0.1/mecAppSuptApi/example",
        "_links": LINKS,
        "appInstanceId": "instance of the application under test",
    }
    answer = of_end.ask("POST", ALL, body, content_type="*/*")
    made = check(answer, 201, schemas.AppTerminationNotificationSubscription)
    assert made["_links"]["self"]["href"] == answer.headers["Location"]
    said = ("subscriptionType", "callbackReference", "appInstanceId")
    assert {name: made[name] for name in said} == {name: body[name] for name in said}


def test_APPSUB_002_BR_subscriptionType_under_another_key(of_end):
    body = {"subscription": TERMINATION, "callbackReference": CALLBACK, "appInstanceId": "x"}
    assert "subscriptionType" in refused(of_end.ask("POST", ALL, body), 400)["errors"]


def test_APPSUB_003_OK_one_subscription(of_end):
    found = check(of_end.ask("GET", ONE), 200, schemas.AppTerminationNotificationSubscription)
    assert found["callbackReference"] == CALLBACK


def test_APPSUB_003_NF_subscription_that_is_not_known(of_end):
    refused(of_end.ask("GET", f"{ALL}/{NO_SUBSCRIPTION}"), 404)


def test_APPSUB_004_OK_removes_a_subscription(of_end):
    answer = of_end.ask("DELETE", ONE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert of_end.ask("GET", ONE).status_code == 404


def test_APPSUB_004_NF_subscription_under_an_application_that_is_not_known(of_end):
    refused(of_end.ask("DELETE", f"{OF_NO_APP}/subscriptions/{THING}"), 404)
    assert of_end.ask("GET", ONE).status_code == 200


@pytest.mark.parametrize("api", ["of_services", "of_end"])
def test_subscription_of_one_kind_is_not_found_among_the_other(api, request):
    other = request.getfixturevalue(api)
    other.api = {"of_services": "/mec_app_support/v1", "of_end": "/mec_service_mgmt/v1"}[api]
    refused(other.ask("GET", ONE), 404)
    assert other.ask("GET", ALL).json()["_links"]["subscriptions"] == []
