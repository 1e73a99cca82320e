"""A service with a heartbeat, and time that a test moves."""

from __future__ import annotations

import json
import uuid

from apps.mep.liveness import transitions
from apps.mep.liveness.book import book
from apps.mep.notify import queue
from tests.mep.conftest import service_info
from tests.mep.suite import settled


def sweep():
    """What the watch of a site does at each tick."""
    with settled():
        return transitions.suspend(book.sweep())


def told(subscription):
    """The bodies of the notifications that wait for a subscriber, in order."""
    letters = queue.take(uuid.UUID(subscription["subscriptionId"]), 500)
    return [json.loads(letter.body) for letter in letters]


def changes(subscription):
    """(changeType, state) of every notification that waits."""
    references = [body["serviceReferences"][0] for body in told(subscription)]
    return [(one["changeType"], one["state"]) for one in references]


class Living:
    """A service of an application with an interval of ten seconds, and its verbs."""

    def __init__(self, app, clock, **info):
        self.app, self.clock = app, clock
        self.info = service_info(**({"livenessInterval": 10} | info))
        self.document = app.register(**self.info)
        self.url = self.document["_links"]["self"]["href"]
        self.liveness = self.url + "/liveness"

    @property
    def state(self):
        """As its own application reads it."""
        return self.app.send("GET", self.url).json()["state"]

    def put(self, **changed):
        """Replace the representation."""
        return self.app.send("PUT", self.url, self.info | changed)

    def beat(self, method="PATCH", state="ACTIVE"):
        """A heartbeat."""
        return self.app.send(method, self.liveness, {"state": state})

    def silence(self, seconds=12):
        """Nothing is heard for so long, and the site looks each second."""
        for _ in range(seconds):
            self.clock.advance(seconds=1)
            sweep()

    def remove(self):
        """Deregister."""
        return self.app.send("DELETE", self.url)
