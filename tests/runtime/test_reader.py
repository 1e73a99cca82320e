"""The second process that reads edges: asked while many wait, told on, missed by nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid

import pytest

from apps.journal import fanout
from apps.sync import puller
from mecm_portal.runtime import reader as module
from mecm_portal.runtime.plan import ROOT
from mecm_portal.runtime.reader import LOST, Reader
from tests.waiting import soon

# What the second process says, in the place of what it would read.
PROGRAM = """
import sys
from multiprocessing.connection import Connection
from apps.journal.fanout import Event
pipe = Connection(int(sys.argv[1]))
pipe.send((None, "ready"))
while True:
    try:
        number, edge_id, ahead, newest = pipe.recv()
    except EOFError:
        break
    if newest == 13:
        sys.exit(1)
    if newest == 99:
        continue
    if newest == 55:
        pipe.send("this is no pair of a number and an answer")
    pipe.send((None, Event("hosts.applcm.reachable", "applcm", str(edge_id), 7, None, {})))
    pipe.send((number, {"came": "ok", "rows": newest, "by": "the second"}))
"""
EDGE = uuid.UUID(int=7)


class Desk:
    """A reader whose own reading waits until it is told, and what was told on."""

    def __init__(self, worth_it):
        self.reader = Reader(worth_it)
        self.go, self.told, self.started = threading.Event(), [], []
        self.go.set()

    def pull(self, newest=1):
        return self.reader.pull(EDGE, ahead=False, newest=newest)

    def by_the_second(self):
        return self.pull().get("by") == "the second"

    def apart(self, newest):
        """Ask in a thread; a list that has the answer when it is there."""
        came = []
        thread = threading.Thread(target=lambda: came.append(self.pull(newest)), daemon=True)
        thread.start()
        return came


@pytest.fixture
def desk(monkeypatch):
    """A desk where two at once are worth a second process."""
    made = Desk(worth_it=2)

    def read(edge_id, *, ahead, newest):
        assert made.go.wait(20)
        return {"came": "ok", "rows": newest}

    def start(second):
        descriptor = second._other.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(descriptor)], pass_fds=[descriptor], cwd=ROOT
        )
        made.started.append(process)
        return process

    monkeypatch.setattr(puller, "pull", read)
    monkeypatch.setattr(module._Second, "_start", start)
    monkeypatch.setattr(fanout, "publish", made.told.append)
    monkeypatch.setattr(module, "close_old_connections", lambda: None)
    monkeypatch.setattr(module, "AGAIN_SECONDS", -1)
    yield made
    made.go.set()
    made.reader.stop()


def three_at_once(desk):
    """What came of three that were asked for at once, and all answered."""
    desk.go.clear()
    some = [desk.apart(number) for number in range(3)]
    soon(lambda: desk.reader._reading == 3)
    desk.go.set()
    soon(lambda: all(some))
    return [came for (came,) in some]


def begin(desk):
    """Two ask at once: the second process is started, and reads from when it is ready."""
    desk.go.clear()
    first, second = desk.apart(1), desk.apart(2)
    soon(lambda: desk.reader._reading == 2)
    desk.go.set()
    soon(lambda: first and second)
    assert {one["rows"] for one in (*first, *second)} == {1, 2}
    soon(desk.by_the_second)


def test_few_edges_are_read_by_the_site_itself(desk):
    for number in range(3):
        assert desk.pull(number) == {"came": "ok", "rows": number}
    assert desk.started == []


def test_many_are_read_by_another_process_and_what_it_tells_is_told_on_first(desk):
    begin(desk)
    desk.told.clear()
    assert desk.pull(5) == {"came": "ok", "rows": 5, "by": "the second"}
    assert [(one.verb, one.subject_id) for one in desk.told] == [
        ("hosts.applcm.reachable", str(EDGE))
    ]
    assert len(desk.started) == 1


def test_where_it_is_killed_the_site_reads_again_and_begins_another_when_it_is_worth_it(desk):
    begin(desk)
    lost = desk.apart(99)
    soon(lambda: desk.reader._second._asked)
    desk.started[0].kill()
    soon(lambda: lost)
    assert lost == [LOST]
    assert desk.pull(4) == {"came": "ok", "rows": 4}
    begin(desk)
    assert len(desk.started) == 2
    assert desk.pull(13) == LOST  # it ends by itself


def test_whatever_it_says_nobody_waits_for_ever(desk):
    begin(desk)
    assert desk.pull(55) == LOST
    assert desk.pull(6) == {"came": "ok", "rows": 6}


def test_one_that_fell_is_not_followed_by_another_at_once(desk, monkeypatch):
    monkeypatch.setattr(module, "AGAIN_SECONDS", 60)
    begin(desk)
    assert desk.pull(13) == LOST
    three_at_once(desk)
    assert len(desk.started) == 1


def test_where_none_can_be_started_edges_are_read_as_before(desk, monkeypatch):
    def refuse():
        raise OSError("Too many open files")

    monkeypatch.setattr(module.socket, "socketpair", refuse)
    assert sorted(one["rows"] for one in three_at_once(desk)) == [0, 1, 2]
    assert desk.reader._reading == 0


def test_it_ends_when_it_has_nothing_to_do_and_not_while_somebody_waits(desk, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.3)
    begin(desk)
    waits = desk.apart(99)
    time.sleep(1)
    assert desk.by_the_second()
    assert waits == []
    desk.started[0].kill()
    soon(lambda: waits)
    begin(desk)
    soon(lambda: desk.started[1].poll() is not None)
    assert desk.pull(3) == {"came": "ok", "rows": 3}


def test_site_that_stops_ends_it_and_whoever_waits_for_it(desk):
    begin(desk)
    lost = desk.apart(99)
    soon(lambda: desk.reader._second._asked)
    desk.reader.stop()
    soon(lambda: lost)
    assert (lost, desk.started[0].poll()) == ([LOST], -9)
    three_at_once(desk)
    assert len(desk.started) == 1
