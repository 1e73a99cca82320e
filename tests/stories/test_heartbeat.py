"""A producer that beats, falls silent and comes back, in real time and over real HTTP."""

from __future__ import annotations

import sqlite3

import httpx
import pytest

from tests.mep.conftest import service_info
from tests.stories.running import eventually, new_name
from tests.stories.subscriber import Subscriber

pytestmark = pytest.mark.world
BEAT = {"state": "ACTIVE"}


@pytest.fixture
def mp1(world):
    """The application of ``demo.json`` to try Mp1 with."""
    edge = world.demo["edges"][0]
    test_app = edge["mp1_test_app"]
    headers = {"Authorization": f"Bearer {test_app['token']}"}
    with httpx.Client(base_url=edge["url"], headers=headers, trust_env=False) as client:
        client.base = (
            f"/mep/mec_service_mgmt/v1/applications/{test_app['app_instance_id']}"
        )
        yield client


def changes(subscriber, subscription):
    """State and kind of change of everything the subscriber was told."""
    return [
        (one["serviceReferences"][0]["changeType"], one["serviceReferences"][0]["state"])
        for _, one in subscriber.once(subscription)
    ]


def test_silent_service_is_suspended_once_and_comes_back_with_a_heartbeat(mp1):
    name = new_name("beating")
    with Subscriber() as subscriber:
        asked = mp1.post(f"{mp1.base}/subscriptions", json={
            "subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": subscriber.url,
            "filteringCriteria": {"serNames": [name]},
        })
        subscription = asked.json()["_links"]["self"]["href"].rsplit("/", 1)[1]
        made = mp1.post(f"{mp1.base}/services", json=service_info(serName=name, livenessInterval=5))
        assert made.json()["livenessInterval"] == 5
        liveness = made.json()["_links"]["liveness"]["href"]
        assert mp1.patch(liveness, json=BEAT).status_code == 200
        assert mp1.patch(liveness, json=BEAT).status_code == 204
        assert found(mp1, name) == ["ACTIVE"]

        eventually(lambda: mp1.get(liveness).json()["state"] == "SUSPENDED", seconds=10)
        assert found(mp1, name) == []
        told = [("ADDED", "ACTIVE"), ("STATE_CHANGED", "SUSPENDED")]
        eventually(lambda: changes(subscriber, subscription) == told)

        answer = mp1.patch(liveness, json=BEAT)
        assert (answer.status_code, answer.json()["state"]) == (200, "ACTIVE")
        assert found(mp1, name) == ["ACTIVE"]
        told.append(("STATE_CHANGED", "ACTIVE"))
        eventually(lambda: changes(subscriber, subscription) == told)
        assert mp1.delete(made.headers["Location"]).status_code == 204
        told.append(("REMOVED", "INACTIVE"))
        eventually(lambda: changes(subscriber, subscription) == told)
        assert [seq for seq, _ in subscriber.once(subscription)] == [1, 2, 3, 4]
        assert mp1.delete(asked.headers["Location"]).status_code == 204


def found(mp1, name):
    """What discovery says of a name."""
    rows = mp1.get("/mep/mec_service_mgmt/v1/services", params={"ser_name": name}).json()
    return [row["state"] for row in rows]


def test_center_learns_of_a_suspension_through_the_feed(world, mp1):
    name = new_name("followed")
    made = mp1.post(f"{mp1.base}/services", json=service_info(serName=name, livenessInterval=5))
    key = made.json()["serInstanceId"]
    eventually(lambda: at_center(world, key) == ["ACTIVE"])
    eventually(lambda: at_center(world, key) == ["SUSPENDED"], seconds=15)
    mp1.delete(made.headers["Location"])
    eventually(lambda: at_center(world, key) == [], seconds=15)


def at_center(world, key):
    """The states of the center's copies of a service; it has no API for them, so they are read."""
    path = world.directory / "center" / "db.sqlite3"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT state FROM mep_mecservice WHERE id = ?", [key.replace("-", "")]
        )
        return [row[0] for row in rows]
