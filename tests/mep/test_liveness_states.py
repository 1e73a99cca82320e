"""The life of a service: every row of its state table, and what its timer promises."""

from __future__ import annotations

import asyncio
import math

import pytest

from apps.common import clock
from apps.mep import applications
from apps.mep.liveness import records, transitions, watch
from apps.mep.liveness.book import book
from apps.mep.models import MecService
from apps.tenants.actors import SYSTEM
from tests.mep.conftest import service_info
from tests.mep.life import Living, changes, sweep
from tests.mep.suite import refused, settled


@pytest.fixture
def time(mep):
    """A clock that only the test moves."""
    with clock.frozen() as frozen:
        book.clear()
        yield frozen


def living_in(state, app, time):
    """A service that has come to be in ``state``."""
    service = Living(app, time, state="INACTIVE" if state == "INACTIVE" else "ACTIVE")
    if state == "SUSPENDED":
        service.silence()
    assert service.state == state
    return service


# From, what happens, the answer, the state after, what subscribers are told.
ROWS = [
    ("ACTIVE", lambda s: s.beat(), 200, "ACTIVE", []),
    ("ACTIVE", lambda s: s.beat("PUT"), 204, "ACTIVE", []),
    ("ACTIVE", lambda s: s.silence(), None, "SUSPENDED", [("STATE_CHANGED", "SUSPENDED")]),
    ("ACTIVE", lambda s: s.put(), 200, "ACTIVE", []),
    ("ACTIVE", lambda s: s.put(state="INACTIVE"), 200, "INACTIVE",
     [("STATE_CHANGED", "INACTIVE")]),
    ("ACTIVE", lambda s: s.put(state="SUSPENDED"), 400, "ACTIVE", []),
    ("ACTIVE", lambda s: s.beat(state="INACTIVE"), 400, "ACTIVE", []),
    ("ACTIVE", lambda s: s.beat(state="SUSPENDED"), 400, "ACTIVE", []),
    ("ACTIVE", lambda s: s.remove(), 204, None, [("REMOVED", "INACTIVE")]),
    ("SUSPENDED", lambda s: s.beat(), 200, "ACTIVE", [("STATE_CHANGED", "ACTIVE")]),
    ("SUSPENDED", lambda s: s.beat("PUT"), 204, "ACTIVE", [("STATE_CHANGED", "ACTIVE")]),
    ("SUSPENDED", lambda s: s.silence(100), None, "SUSPENDED", []),
    ("SUSPENDED", lambda s: s.put(state="ACTIVE"), 200, "ACTIVE", [("STATE_CHANGED", "ACTIVE")]),
    ("SUSPENDED", lambda s: s.put(state="INACTIVE"), 200, "INACTIVE",
     [("STATE_CHANGED", "INACTIVE")]),
    ("SUSPENDED", lambda s: s.put(state="SUSPENDED"), 400, "SUSPENDED", []),
    ("SUSPENDED", lambda s: s.put(version="2"), 200, "ACTIVE", [("ATTRIBUTES_CHANGED", "ACTIVE")]),
    ("SUSPENDED", lambda s: s.remove(), 204, None, [("REMOVED", "INACTIVE")]),
    ("INACTIVE", lambda s: s.beat(), 200, "INACTIVE", []),
    ("INACTIVE", lambda s: s.beat("PUT"), 204, "INACTIVE", []),
    ("INACTIVE", lambda s: s.silence(100), None, "INACTIVE", []),
    ("INACTIVE", lambda s: s.put(state="ACTIVE"), 200, "ACTIVE", [("STATE_CHANGED", "ACTIVE")]),
    ("INACTIVE", lambda s: s.put(state="SUSPENDED"), 400, "INACTIVE", []),
    ("INACTIVE", lambda s: s.remove(), 204, None, [("REMOVED", "INACTIVE")]),
]


@pytest.mark.parametrize(("before", "act", "status", "after", "news"), ROWS)
def test_service_moves_as_the_state_table_says_and_its_subscribers_hear_of_it(
    app, other_app, time, before, act, status, after, news
):
    service = living_in(before, app, time)
    subscription = other_app.subscribe()
    answer = act(service)
    assert (answer and answer.status_code) == status
    if after is None:
        assert app.send("GET", service.url).status_code == 404
        assert app.send("GET", service.liveness).status_code == 404
    else:
        assert service.state == after
        assert app.send("GET", service.liveness).json()["state"] == after
    assert changes(subscription) == news


@pytest.mark.parametrize(("before", "found"), [
    ("ACTIVE", True), ("INACTIVE", True), ("SUSPENDED", False),
])
def test_suspended_service_is_hidden_from_all_but_its_own_application(
    app, other_app, time, before, found
):
    service = living_in(before, app, time)
    root = "/mep/mec_service_mgmt/v1/services"
    listed = [one["serInstanceId"] for one in other_app.send("GET", root).json()]
    assert listed == ([service.document["serInstanceId"]] if found else [])
    one = f"{root}/{service.document['serInstanceId']}"
    assert other_app.send("GET", one).status_code == (200 if found else 404)
    assert app.send("GET", one).json()["state"] == before
    assert [s["state"] for s in app.send("GET", app.services).json()] == [before]


@pytest.mark.parametrize("state", ["ACTIVE", "INACTIVE"])
def test_registering_is_told_as_added_in_the_state_that_was_asked_for(app, other_app, time, state):
    subscription = other_app.subscribe()
    app.register(state=state, livenessInterval=10)
    assert changes(subscription) == [("ADDED", state)]


def test_registering_as_SUSPENDED_is_refused(app):
    refused(app.send("POST", app.services, service_info(state="SUSPENDED")), 400)


@pytest.mark.parametrize("before", ["ACTIVE", "INACTIVE", "SUSPENDED"])
def test_end_of_the_application_removes_its_services_and_tells(app, other_app, time, before):
    service = living_in(before, app, time)
    subscription = other_app.subscribe()
    with settled():
        applications.remove(actor=SYSTEM, application_id=app.row.pk)
    assert not MecService.objects.exists()
    assert changes(subscription) == [("REMOVED", "INACTIVE")]
    assert len(book) == 0
    assert service.beat().status_code == 401


# --- the timer -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("interval", "allowed"), [(5, 6), (10, 11), (60, 63), (200, 205)])
def test_service_is_suspended_when_interval_and_grace_are_over_and_not_before(
    app, time, interval, allowed
):
    service = Living(app, time, livenessInterval=interval)
    time.advance(seconds=allowed - 0.2)
    assert sweep() == 0
    time.advance(seconds=0.4)
    assert sweep() == 1
    assert service.state == "SUSPENDED"


def test_allowance_of_missed_intervals_and_grace_is_the_sites_to_choose(app, time, edge_house):
    edge_house.MEP = {**edge_house.MEP, "missed": 3, "grace": 0.5, "most_grace": 2}
    service = Living(app, time, livenessInterval=10)
    service.silence(31)
    assert service.state == "ACTIVE"
    service.silence(2)
    assert service.state == "SUSPENDED"


def test_heartbeats_in_time_keep_a_service_active_for_ever(app, time):
    service = Living(app, time)
    for _ in range(20):
        service.silence(10)
        service.beat()
    assert service.state == "ACTIVE"


@pytest.mark.parametrize(("asked", "granted"), [
    (0, 60), (1, 5), (5, 5), (10, 10), (3600, 3600), (3601, 3600), (2**31 - 2, 3600),
])
def test_interval_is_granted_within_the_bounds_of_the_site(app, asked, granted):
    made = app.register(livenessInterval=asked)
    assert made["livenessInterval"] == granted
    entry = app.send("GET", made["_links"]["liveness"]["href"]).json()
    assert entry["interval"] == granted


def test_service_without_an_interval_has_no_heartbeat_and_is_never_suspended(app, time):
    service = Living(app, time, livenessInterval=None)
    assert "livenessInterval" not in service.document
    assert "liveness" not in service.document["_links"]
    assert "liveness" not in service.document["_links"]["self"]
    service.silence(500)
    assert service.state == "ACTIVE"
    for method, body in (("GET", None), ("PATCH", {"state": "ACTIVE"})):
        refused(app.send(method, service.liveness, body), 404)


@pytest.mark.parametrize("value", [-1, "x", "10", True, 5.5, [], {}, None, 2**31 - 1, 10**30])
def test_interval_that_is_no_number_of_seconds_is_refused(app, value):
    answer = app.send("POST", app.services, service_info() | {"livenessInterval": value})
    assert list(refused(answer, 400)["errors"]) == ["livenessInterval"]


def test_time_of_the_last_heartbeat_is_that_of_registration_and_then_of_each_heartbeat(app, time):
    service = Living(app, time)
    times = [app.send("GET", service.liveness).json()["timeStamp"]]
    for _ in range(2):
        time.advance(seconds=3)
        service.beat()
        times.append(app.send("GET", service.liveness).json()["timeStamp"])
    assert times[0]["seconds"] == math.floor(time().timestamp()) - 6
    assert times[2]["seconds"] - times[1]["seconds"] == 3
    assert all(0 <= one["nanoSeconds"] < 10**9 for one in times)


def test_becoming_active_by_PUT_starts_the_timer_anew(app, time):
    service = living_in("SUSPENDED", app, time)
    service.put(state="ACTIVE")
    assert app.send("GET", service.liveness).json()["timeStamp"]["seconds"] == int(
        time().timestamp()
    )
    service.silence(10)
    assert service.state == "ACTIVE"
    service.silence(2)
    assert service.state == "SUSPENDED"


def test_changed_interval_is_told_with_the_next_heartbeat_and_counts_from_now_on(app, time):
    service = Living(app, time)
    assert [service.beat().status_code for _ in range(2)] == [200, 204]
    service.put(livenessInterval=30)
    answer = service.beat()
    assert (answer.status_code, answer.json()["interval"]) == (200, 30)
    assert service.beat().status_code == 204
    service.silence(31)
    assert service.state == "ACTIVE"


def test_interval_left_out_of_a_PUT_ends_the_heartbeat(app, time):
    service = Living(app, time)
    answer = app.send("PUT", service.url, service_info())
    assert "livenessInterval" not in answer.json()
    assert service.beat().status_code == 404
    service.silence(100)
    assert service.state == "ACTIVE"


def test_heartbeat_of_a_removed_service_is_answered_with_404(app, time):
    service = Living(app, time)
    service.beat()
    service.remove()
    refused(service.beat(), 404)


def test_heartbeat_between_the_sweep_and_the_suspension_wins(app, other_app, time):
    service = Living(app, time)
    subscription = other_app.subscribe()
    time.advance(seconds=12)
    expired = book.sweep()
    service.beat()
    with settled():
        transitions.suspend(expired)
    assert service.state == "ACTIVE"
    assert changes(subscription) == []


def test_restart_gives_every_service_its_full_time(app, time):
    service = Living(app, time)
    time.advance(seconds=3000)
    book.clear()
    assert records.load() == 1
    service.silence(10)
    assert service.state == "ACTIVE"
    service.silence(2)
    assert service.state == "SUSPENDED"


def test_restart_remembers_the_last_heartbeat_that_was_saved(app, time):
    service = Living(app, time)
    time.advance(seconds=5)
    service.beat()
    records.save_beats(book.take_unsaved(records.SAVED_AT_ONCE))
    book.clear()
    time.advance(seconds=5)
    records.load()
    stamp = app.send("GET", service.liveness).json()["timeStamp"]
    assert stamp["seconds"] == int(time().timestamp()) - 5
    assert service.beat().status_code == 204


def test_heartbeats_are_saved_in_turns(app, time):
    services = [Living(app, time) for _ in range(3)]
    for service in services:
        service.beat()
    early = book.take_unsaved(2)
    assert (len(early), book.in_turn, book.unsaved) == (2, 1, 1)
    book.touch(early[0])  # heard of again: in the next turn, not before the others of this one
    (late,) = book.take_unsaved(2)
    assert {entry.id for entry in (*early, late)} == {entry.id for entry in book}
    assert book.in_turn == 0
    assert book.take_unsaved(2) == [early[0]]
    assert book.unsaved == 0


def test_a_site_that_stops_saves_every_heartbeat(app, time, monkeypatch):
    monkeypatch.setattr(records, "SAVED_AT_ONCE", 1)
    monkeypatch.setattr(watch, "close_old_connections", lambda: None)  # it is the test's own
    services = [Living(app, time) for _ in range(3)]
    time.advance(seconds=5)
    for service in services:
        service.beat()
    book.touch(*book.take_unsaved(1))  # stopped within a turn
    watch.save()
    assert book.unsaved == 0
    rows = MecService.objects.values_list("beat_at", "liveness_told")
    assert set(rows) == {(time(), True)}


def test_a_site_that_cannot_write_stops_all_the_same(app, time, monkeypatch, caplog):
    monkeypatch.setattr(records, "SAVED_AT_ONCE", 1)
    monkeypatch.setattr(watch, "close_old_connections", lambda: None)  # it is the test's own
    for service in [Living(app, time) for _ in range(3)]:
        service.beat()
    tries = []

    def refuse(entries):
        tries.append(entries)
        raise OSError("no database")

    monkeypatch.setattr(records, "save_beats", refuse)
    watch.save()
    assert len(tries) == 1
    assert "could not be saved" in caplog.text


def test_a_sites_loop_saves_a_part_at_each_tick_until_the_turn_is_over(app, time, monkeypatch):
    for service in [Living(app, time) for _ in range(3)]:
        service.beat()
    taken = []

    def take(*, with_calls=False):
        taken.append((len(book.take_unsaved(2)), with_calls))
        return True

    async def some_ticks():
        watching = asyncio.create_task(watch.watch_heartbeats())
        while len(taken) < 2 or book.unsaved:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        watching.cancel()

    monkeypatch.setattr(watch, "_save", take)
    monkeypatch.setattr(watch, "TICK_SECONDS", 0.001)
    monkeypatch.setattr(watch, "SAVE_SECONDS", 0.5)
    asyncio.run(asyncio.wait_for(some_ticks(), 20))
    assert taken == [(2, True), (1, False)]
