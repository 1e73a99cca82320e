"""One pull works at a time, and any number wait for their edges."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.sync import working

SECONDS, SHORT = 10, 0.1


@pytest.fixture
def other():
    """A second thread, and what tells that it got its turn."""
    got = threading.Event()

    def work():
        with working.turn():
            got.set()

    with ThreadPoolExecutor(1) as pool:
        yield lambda: pool.submit(work), got


def test_another_gets_its_turn_when_one_is_done(other):
    begin, got = other
    with working.turn():
        begun = begin()
        assert not got.wait(SHORT)
    begun.result(SECONDS)
    assert got.is_set()


def test_who_waits_lets_another_work_and_goes_on_after_it(other):
    begin, got = other
    with working.turn():
        with working.waiting():
            begin().result(SECONDS)
        assert got.is_set()
        got.clear()
        later = begin()
        assert not got.wait(SHORT), "the turn was taken again"
    later.result(SECONDS)


def test_a_turn_within_a_turn_is_the_same_and_a_failure_gives_it_back(other):
    begin, _ = other
    with pytest.raises(ValueError, match="broken"), working.turn():
        with working.turn():
            pass
        raise ValueError("broken")
    begin().result(SECONDS)


def test_a_wait_that_fails_has_its_turn_again(other):
    begin, got = other
    with working.turn():
        with pytest.raises(TimeoutError), working.waiting():
            raise TimeoutError
        begun = begin()
        assert not got.wait(SHORT)
    begun.result(SECONDS)


def test_waiting_without_a_turn_takes_none(other):
    begin, _ = other
    with working.waiting():
        begin().result(SECONDS)
    begin().result(SECONDS)
