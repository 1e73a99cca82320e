"""``kill -9`` of a MEC platform under load: no event is lost, none happens twice, nobody alive is
suspended.

``MECM_TEST_KILLS`` says how often; the default is what a test run has time for.
"""

from __future__ import annotations

import http.client
import os
import random
import threading
import time
from collections import defaultdict
from itertools import pairwise

import pytest

from tests.stories.platform import BEAT, Platform
from tests.stories.running import eventually
from tests.stories.subscriber import Subscriber

pytestmark = [pytest.mark.world, pytest.mark.endurance]
KILLS = int(os.environ.get("MECM_TEST_KILLS", "6"))
APPLICATIONS, SERVICES, INTERVAL = 4, 40, 2


class Load(threading.Thread):
    """Beats for some services for as long as it runs, through every crash."""

    def __init__(self, platform, services):
        super().__init__(daemon=True)
        self.platform, self.services = platform, services
        self.ended = threading.Event()
        self.beats = 0

    def run(self):
        connection = None
        while not self.ended.is_set():
            for path, token in self.services:
                try:
                    connection = connection or http.client.HTTPConnection(
                        "127.0.0.1", self.platform.port, timeout=2)
                    self.platform.ask("PATCH", path, token, BEAT, connection)
                    self.beats += 1
                except (OSError, http.client.HTTPException):
                    connection = None
            time.sleep(0.02)


@pytest.fixture
def platform(tmp_path):
    """A platform that is ended with the test."""
    made = Platform(tmp_path)
    made.populate(APPLICATIONS, SERVICES, INTERVAL)
    yield made
    made.end()


def subscribe(platform, subscriber):
    """Two subscriptions to everything; their ids."""
    ids = []
    for path, token in (platform.services[0], platform.services[-1]):
        collection = path.split("/services/")[0] + "/subscriptions"
        body = (
            '{"subscriptionType":"SerAvailabilityNotificationSubscription",'
            f'"callbackReference":"{subscriber.url}"}}'
        ).encode()
        status, location = platform.ask("POST", collection, token, body)
        assert status == 201
        ids.append(location.rsplit("/", 1)[1])
    return ids


def test_every_event_happens_once_however_often_the_platform_is_killed(platform):
    half = len(platform.services) // 2
    steady, restless = platform.services[:half], platform.services[half:]
    chance = random.Random(7)
    with Subscriber() as subscriber:
        platform.start()
        subscriptions = subscribe(platform, subscriber)
        load = [Load(platform, steady[number::2]) for number in range(2)]
        for thread in load:
            thread.start()
        for _ in range(KILLS):
            for path, token in restless:  # they come back, and then fall silent again
                platform.ask("PATCH", path, token, BEAT)
            # The silent half expires a second later: the kill comes in the middle of that.
            time.sleep(INTERVAL + chance.uniform(-0.3, 0.5))
            platform.kill()
            platform.start()
        eventually(lambda: suspended(platform) == len(restless), seconds=20)
        eventually(lambda: everything_is_through(platform), seconds=30)
        for thread in load:
            thread.ended.set()
        for thread in load:
            thread.join()
        assert sum(thread.beats for thread in load) > 20 * KILLS
        check_events(platform, {path.split("/")[-2] for path, _ in steady})
        check_deliveries(platform, subscriber, subscriptions)


def suspended(platform):
    """How many services are."""
    return platform.rows("SELECT COUNT(*) FROM mep_mecservice WHERE state='SUSPENDED'")[0][0]


def everything_is_through(platform):
    """Whether no notification waits."""
    waiting = "SELECT COUNT(*) FROM mep_subscription WHERE next_seq > done_seq + 1"
    return platform.rows(waiting)[0][0] == 0


def check_events(platform, steady):
    """Suspended and resumed take turns, the row agrees with the last, and the living never do."""
    histories = defaultdict(list)
    for key, state in platform.rows("SELECT service_id, state FROM mep_serviceevent ORDER BY id"):
        histories[key].append(state)
    assert not {key for key in histories if any(one.replace("-", "") == key for one in steady)}
    assert len(histories) == len(platform.services) // 2
    for history in histories.values():
        assert history[0] == "SUSPENDED"
        assert all(one != other for one, other in pairwise(history)), history
    states = dict(platform.rows("SELECT id, state FROM mep_mecservice"))
    assert all(states[key] == history[-1] for key, history in histories.items())
    assert sum(map(len, histories.values())) > len(histories) * KILLS // 2


def check_deliveries(platform, subscriber, subscriptions):
    """One row per event and subscription, and each event told once to whoever drops repeats."""
    events = platform.rows("SELECT service_id, state FROM mep_serviceevent ORDER BY id")
    for subscription in subscriptions:
        every = platform.rows(
            "SELECT d.subscription_id, d.seq, e.service_id, e.state FROM mep_delivery d"
            " JOIN mep_serviceevent e ON e.id = d.event_id ORDER BY d.seq"
        )
        rows = [row[1:] for row in every if row[0] == subscription.replace("-", "")]
        assert [row[0] for row in rows] == list(range(1, len(events) + 1))
        assert [row[1:] for row in rows] == events
        seen = subscriber.once(subscription)
        assert [seq for seq, _ in seen] == list(range(1, len(events) + 1))
        told = [one["serviceReferences"][0] for _, one in seen]
        assert [(one["serInstanceId"].replace("-", ""), one["state"]) for one in told] == events
