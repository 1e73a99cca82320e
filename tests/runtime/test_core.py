"""One core for the threads that take turns, every core for those that work long."""

import os
import threading

import pytest

from mecm_portal.runtime import core

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system has no way to choose a core"
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(core, "_cores", frozenset())
    monkeypatch.setattr(core, "_home", None)
    monkeypatch.delenv(core.VARIABLE, raising=False)


def in_a_thread(work):
    """What ``work`` returns in a thread of its own, so that this one keeps its cores."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_that_settled_starts_others_on_its_core_and_may_roam_again():
    def work():
        core.settle("edge-1")
        mine, inherited = os.sched_getaffinity(0), in_a_thread(lambda: os.sched_getaffinity(0))
        core.roam()
        return mine, inherited, os.sched_getaffinity(0)

    mine, inherited, roaming = in_a_thread(work)
    assert len(mine) == 1
    assert inherited == mine
    assert roaming == os.sched_getaffinity(0)


def test_what_leaves_has_every_other_core_where_there_is_one():
    def work():
        core.leave()
        before = os.sched_getaffinity(0)
        core.settle("center")
        home = os.sched_getaffinity(0)
        core.leave()
        return before, home, os.sched_getaffinity(0)

    every = os.sched_getaffinity(0)
    before, home, left = in_a_thread(work)
    assert before == every
    assert left == (every - home or every)


def test_the_system_is_told_of_a_threads_cores_only_when_they_are_others(monkeypatch):
    told, real = [], os.sched_setaffinity

    def put(pid, cores):
        told.append(set(cores))
        real(pid, cores)

    monkeypatch.setattr(os, "sched_setaffinity", put)

    def work():
        core.settle("edge-1")
        home = os.sched_getaffinity(0)
        core.stay()
        core.roam()
        core.roam()
        core.stay()
        return home

    home = in_a_thread(work)
    assert told == [home, os.sched_getaffinity(0), home]


@pytest.mark.parametrize(("said", "index"), [("0", 0), ("1", 1), ("7", 7)])
def test_the_number_counts_the_cores_that_there_are(monkeypatch, said, index):
    monkeypatch.setenv(core.VARIABLE, said)
    cores = sorted(os.sched_getaffinity(0))

    def work():
        core.settle("edge-1")
        return os.sched_getaffinity(0)

    assert in_a_thread(work) == {cores[index % len(cores)]}


def test_any_core_is_left_to_the_system(monkeypatch):
    monkeypatch.setenv(core.VARIABLE, core.ANY)

    def work():
        core.settle("edge-1")
        core.roam()
        return os.sched_getaffinity(0)

    assert in_a_thread(work) == os.sched_getaffinity(0)


def test_what_is_no_number_is_told_and_not_looked_at(monkeypatch, caplog):
    monkeypatch.setenv(core.VARIABLE, "two")

    def work():
        core.settle("edge-1")
        return os.sched_getaffinity(0)

    assert len(in_a_thread(work)) == 1
    assert "MECM_CORE" in caplog.text
