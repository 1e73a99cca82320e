"""Any interleaving of register, beat, PUT, DELETE, sweep and restart keeps the table of states.

A model of the table is carried along; after each step the row, the book, discovery, the events and
the deliveries have to agree with it.
"""

from __future__ import annotations

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.common import clock
from apps.mep.liveness import records, transitions
from apps.mep.liveness.book import book
from apps.mep.models import Application, Delivery, MecService, ServiceEvent
from tests.mep.conftest import App, service_info

pytestmark = pytest.mark.django_db(transaction=True)
INTERVALS = st.sampled_from([None, 0, 5, 10])
STATES = st.sampled_from(["ACTIVE", "INACTIVE"])


class Known:
    """What a service should be; times in seconds."""

    def __init__(self, document, state, now):
        self.id = document["serInstanceId"]
        self.interval = document.get("livenessInterval")
        self.state, self.seen, self.told = state, now, False
        self.said = [("ADDED", state)]

    @property
    def deadline(self):
        """When it is missed; grace is the whole second that the settings give here."""
        grace = min(-(-self.interval // 20), 5)
        return self.seen + self.interval + grace


class Lives(RuleBasedStateMachine):
    """One application with a few services, and time that is moved by the steps."""

    services = Bundle("services")

    @initialize()
    def begin(self):
        Application.objects.all().delete()
        book.clear()
        self.frozen = clock.frozen()
        self.now = self.frozen.__enter__()
        self.app, self.known = App(), {}
        self.subscription = self.app.subscribe()["subscriptionId"]
        self.events_before = ServiceEvent.objects.count()
        self.swept = True

    def teardown(self):
        if hasattr(self, "frozen"):
            self.frozen.__exit__(None, None, None)

    def seconds(self):
        """The frozen clock as a number."""
        return self.now.at.timestamp()

    @rule(target=services, interval=INTERVALS, state=STATES)
    def register(self, interval, state):
        document = self.app.register(livenessInterval=interval, state=state)
        known = Known(document, state, self.seconds())
        self.known[known.id] = known
        return known

    @rule(known=services)
    def beat(self, known):
        path = f"{self.app.services}/{known.id}/liveness"
        answer = self.app.send("PATCH", path, {"state": "ACTIVE"})
        if known.interval is None:
            assert answer.status_code == 404
            return
        tell = not known.told or known.state != "ACTIVE"
        if known.state == "SUSPENDED":
            known.state = "ACTIVE"
            known.said.append(("STATE_CHANGED", "ACTIVE"))
        known.seen, known.told = self.seconds(), True
        assert answer.status_code == (200 if tell else 204)
        if tell:
            assert answer.json()["state"] == known.state

    @rule(known=services, state=STATES, version=st.sampled_from(["1.0", "2.0"]))
    def put(self, known, state, version):
        path = f"{self.app.services}/{known.id}"
        before = self.app.send("GET", path).json()
        body = service_info(state=state, version=version, livenessInterval=known.interval)
        assert self.app.send("PUT", path, body).status_code == 200
        changed = before["version"] != version
        if changed or state != known.state:
            known.said.append(("ATTRIBUTES_CHANGED" if changed else "STATE_CHANGED", state))
        if known.state != "ACTIVE" and state == "ACTIVE":
            known.seen = self.seconds()  # no other change is a heartbeat
        known.state = state

    @rule(known=consumes(services))
    def delete(self, known):
        assert self.app.send("DELETE", f"{self.app.services}/{known.id}").status_code == 204
        path = f"{self.app.services}/{known.id}/liveness"
        assert self.app.send("PATCH", path, {"state": "ACTIVE"}).status_code == 404
        known.state = "gone"
        known.said.append(("REMOVED", "INACTIVE"))

    @rule(seconds=st.sampled_from([0.3, 2.0, 4.9, 7.0, 61.0, 64.0]))
    def time_passes(self, seconds):
        self.now.advance(seconds=seconds)
        expired = book.sweep()
        assert transitions.suspend(expired) == len(expired)
        for known in self.known.values():
            watched = known.state == "ACTIVE" and known.interval is not None
            # The sweep may see it a tick late, never early.
            late = self.seconds() - known.deadline if watched else -1
            if late > 0.11 or (late >= 0 and self.row(known).state == "SUSPENDED"):
                known.state = "SUSPENDED"
                known.said.append(("STATE_CHANGED", "SUSPENDED"))

    @rule()
    def restart(self):
        records.save_beats(book.take_unsaved(records.SAVED_AT_ONCE))
        records.load()
        for known in self.known.values():
            known.seen = self.seconds()  # a full interval of grace

    def row(self, known):
        """The database's word."""
        return MecService.objects.get(pk=known.id)

    @invariant()
    def everything_agrees(self):
        if not hasattr(self, "known"):
            return
        alive = [known for known in self.known.values() if known.state != "gone"]
        rows = {str(key): state for key, state in MecService.objects.values_list("pk", "state")}
        assert rows == {known.id: known.state for known in alive}
        shown = self.app.send("GET", "/mep/mec_service_mgmt/v1/services").json()
        visible = {known.id for known in alive if known.state != "SUSPENDED"}
        assert {one["serInstanceId"] for one in shown} == visible
        assert {entry.key.decode(): entry.state for entry in book} == {
            known.id: known.state for known in alive if known.interval is not None
        }

    @invariant()
    def every_change_was_told_once(self):
        if not hasattr(self, "known"):
            return
        events = ServiceEvent.objects.order_by("id")[self.events_before:]
        for known in self.known.values():
            mine = [(one.change, one.state) for one in events if str(one.service_id) == known.id]
            assert mine == known.said
        rows = Delivery.objects.filter(subscription_id=self.subscription).order_by("seq")
        assert [row.seq for row in rows] == list(range(1, len(events) + 1))
        assert [row.event_id for row in rows] == [event.pk for event in events]


def test_any_interleaving_keeps_the_table_of_states(mep):
    settings.LIMITS = {**settings.LIMITS, "services_per_application": 1000}
    checked = profile(
        max_examples=20, stateful_step_count=25, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Lives, settings=checked)
