"""The book of deadlines: late by a tick at most, early never, and nothing is lost on the way."""

from __future__ import annotations

import random
import threading
import uuid

import pytest

from apps.common import clock
from apps.mep.liveness.book import TICK_SECONDS, Book, Facts

ALLOWANCE = 6.0


@pytest.fixture
def now():
    """Time that stands still."""
    with clock.frozen() as frozen:
        yield frozen


@pytest.fixture
def book(now):
    """An empty book."""
    return Book()


def facts(service_id=None, *, state="ACTIVE", version=1, allowance=ALLOWANCE, told=True):
    """A service as the database has it."""
    return Facts(service_id or uuid.uuid4(), uuid.UUID(int=1), state, 5, allowance, version, 0.0,
                 told)


def sweep_until(book, now, seconds):
    """Sweep every tick for so long; when each entry expired, in seconds from the start."""
    start = now.at
    found = {}
    for _ in range(round(seconds / TICK_SECONDS)):
        now.advance(seconds=TICK_SECONDS)
        for entry in book.sweep():
            found[entry.id] = (now.at - start).total_seconds()
    return found


def test_silent_service_expires_after_its_allowance_and_one_tick_at_most(book, now):
    entry = book.apply(facts())
    found = sweep_until(book, now, 10)
    assert ALLOWANCE <= found[entry.id] <= ALLOWANCE + 2 * TICK_SECONDS


def test_expired_service_is_told_once(book, now):
    book.apply(facts())
    assert len(sweep_until(book, now, 10)) == 1
    assert sweep_until(book, now, 10) == {}


def test_heartbeat_moves_the_deadline(book, now):
    entry = book.apply(facts())
    for _ in range(5):
        assert sweep_until(book, now, 4) == {}
        book.touch(entry)
    assert ALLOWANCE <= sweep_until(book, now, 8)[entry.id] <= ALLOWANCE + 2 * TICK_SECONDS


def test_small_moves_of_the_deadline_add_up(book, now):
    entry = book.apply(facts())
    for _ in range(200):
        assert sweep_until(book, now, 0.1) == {}
        book.touch(entry)
    assert ALLOWANCE <= sweep_until(book, now, 8)[entry.id] <= ALLOWANCE + 2 * TICK_SECONDS


@pytest.mark.parametrize("state", ["INACTIVE", "SUSPENDED"])
def test_service_that_is_not_active_has_no_deadline(book, now, state):
    entry = book.apply(facts(state=state))
    book.touch(entry)
    assert sweep_until(book, now, 60) == {}


def test_older_news_of_a_service_changes_nothing(book, now):
    key = uuid.uuid4()
    book.apply(facts(key, version=5, state="INACTIVE"))
    assert book.apply(facts(key, version=4)).state == "INACTIVE"


def test_removed_service_does_not_come_back_with_late_news(book, now):
    key = uuid.uuid4()
    book.apply(facts(key, version=5))
    book.remove(key, 6)
    assert book.apply(facts(key, version=5)) is None
    assert sweep_until(book, now, 60) == {}
    assert len(book) == 0


def test_released_entry_is_looked_at_again(book, now):
    entry = book.apply(facts())
    sweep_until(book, now, 8)
    assert entry.busy
    book.release(entry, 1.0)
    assert list(sweep_until(book, now, 2)) == [entry.id]


def test_sweep_after_a_long_pause_finds_everything(book, now):
    for _ in range(50):
        book.apply(facts(allowance=random.Random(1).uniform(5, 100)))
    now.advance(seconds=3600)
    assert len(book.sweep()) == 50


def test_sweep_costs_what_expires_and_not_what_exists(book, now):
    looked = []

    class Counting(dict):
        def pop(self, tick, default=()):
            bucket = super().pop(tick, default)
            looked.append(len(bucket))
            return bucket

    for number in range(2000):
        book.apply(facts(allowance=100 + number % 7))
    book._buckets = Counting(book._buckets)
    sweep_until(book, now, 90)
    assert sum(looked) == 0


def test_heartbeats_from_many_threads_lose_no_entry(now):
    book = Book()
    entries = [book.apply(facts(allowance=3600.0)) for _ in range(20)]
    stop = threading.Event()

    def beat():
        while not stop.is_set():
            for entry in entries:
                entry.allowance = random.uniform(10, 3600)  # every touch moves to another bucket
                book.touch(entry)

    threads = [threading.Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    stop.wait(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    now.advance(seconds=4000)
    found = [entry.id for entry in book.sweep()]
    assert sorted(found) == sorted(entry.id for entry in entries)
    assert len(set(found)) == len(found)


def test_application_that_floods_is_told_apart_from_one_that_beats(book, now):
    producer = book.apply(facts()).producer
    assert not any(producer.floods(100.0) for _ in range(200))
    assert producer.floods(100.9)
    assert not producer.floods(101.0)


def test_change_that_is_no_heartbeat_moves_no_deadline_and_forgets_no_answer(book, now):
    key = uuid.uuid4()
    entry = book.apply(facts(key, told=False))
    entry.told = True
    assert sweep_until(book, now, 4) == {}
    book.apply(facts(key, version=2, told=False))
    assert entry.told
    assert sweep_until(book, now, 4) == {key: pytest.approx(2.1, abs=0.11)}


def test_service_that_becomes_active_has_its_full_time(book, now):
    key = uuid.uuid4()
    book.apply(facts(key, state="INACTIVE"))
    now.advance(seconds=100)
    book.sweep()
    book.apply(facts(key, version=2))
    assert sweep_until(book, now, 5.9) == {}


def test_sweep_while_others_beat_in_the_same_bucket_loses_and_breaks_nothing(now):
    book = Book()
    entries = [book.apply(facts()) for _ in range(5000)]
    stop = threading.Event()
    swept = []

    def beat():
        while not stop.is_set():
            for entry in entries[::2]:
                book.touch(entry)

    def sweep():
        try:
            for _ in range(100):
                now.advance(seconds=0.1)
                swept.extend(book.sweep())
        finally:
            stop.set()

    threads = [threading.Thread(target=beat) for _ in range(3)]
    for thread in threads:
        thread.start()
    sweep()
    for thread in threads:
        thread.join()
    assert {entry.id for entry in entries[1::2]} <= {entry.id for entry in swept}
    assert len(swept) == len(set(swept))
