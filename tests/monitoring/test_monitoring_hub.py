"""The fan-out of one process: from any thread to the loop, coalesced, bounded, honest."""

from __future__ import annotations

import asyncio
import json
import selectors
import threading

import pytest

from apps.monitoring import hub as hub_module
from apps.monitoring.hub import FEED, WINDOW_SECONDS, Hub, Item
from apps.monitoring.outbox import MOST, SIZE, Outbox


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.items = []
        self.gaps = 0
        self.heard = asyncio.Event()

    def offer(self, item):
        self.items.append(item)
        self.heard.set()

    def gap(self):
        self.gaps += 1


def news(key="a", version=1, kind="changed"):
    return {"kind": kind, "id": key, "version": version, "object": "host"}


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock leaps to the next timer when there is nothing else to do."""

    def __init__(self):
        self._leapt = 0.0
        super().__init__(_Impatient(self))

    def time(self):
        return super().time() + self._leapt

    def leap(self, seconds):
        self._leapt += seconds


class _Impatient(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        ready = super().select(timeout if timeout is None else 0)
        if not ready and timeout:
            self._loop.leap(timeout)
        return ready


async def attached(story):
    """Tell ``story`` with a fresh hub on the running loop."""
    hub = Hub()
    hub.attach(asyncio.get_running_loop())
    try:
        return await story(hub)
    finally:
        hub.detach()


@pytest.fixture
def on_hub():
    """Runs a story with a fresh hub on a loop of its own, on which waiting takes no time."""

    def run(story):
        with asyncio.Runner(loop_factory=LeapingLoop) as runner:
            return runner.run(attached(story))

    return run


@pytest.fixture
def on_hub_of_threads():
    """The same with the time of the clock on the wall, for stories in which other threads speak."""
    return lambda story: asyncio.run(attached(story))


def test_news_of_another_thread_arrives_without_the_loops_own_timers(on_hub_of_threads):
    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts"])
        thread = threading.Thread(target=hub.publish, args=(["hosts"], news()))
        loop = asyncio.get_running_loop()
        start = loop.time()
        thread.start()
        await asyncio.wait_for(ear.heard.wait(), 2)
        assert loop.time() - start < 0.5
        [item] = ear.items
        assert json.loads(item.text) == {"seq": 1, "topic": "hosts", **news()}

    on_hub_of_threads(story)


def test_many_threads_lose_nothing(on_hub_of_threads):
    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts"])

        def tell(part):
            for n in range(50):
                hub.publish(["hosts"], news(f"{part}-{n}"))

        await asyncio.gather(*(asyncio.to_thread(tell, part) for part in range(4)))
        await asyncio.sleep(0)
        assert {item.message["id"] for item in ear.items} == {
            f"{part}-{n}" for part in range(4) for n in range(50)
        }
        assert [item.seq for item in ear.items] == sorted(item.seq for item in ear.items)

    on_hub_of_threads(story)


def test_without_a_loop_news_is_dropped():
    hub = Hub()
    hub.publish(["hosts"], news())
    assert hub.seq == 0


def test_after_the_loop_ended_news_is_dropped_and_the_next_loop_hears_only_its_own():
    hub = Hub()

    async def life(key):
        ear = Ear()
        hub.attach(asyncio.get_running_loop())
        hub.listen(ear, ["hosts"])
        hub.publish(["hosts"], news(key))
        await asyncio.sleep(0)
        return ear

    first = asyncio.run(life("a"))
    hub.publish(["hosts"], news("lost with the loop"))
    hub.detach()
    hub.publish(["hosts"], news("lost without a loop"))
    second = asyncio.run(life("b"))
    told = [[item.message["id"] for item in ear.items] for ear in (first, second)]
    assert told == [["a"], ["b"]]
    assert hub.seq == 1  # the second life counts from its own beginning


def test_a_burst_about_one_thing_is_two_messages_and_the_last_one_counts(on_hub):

    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts", "host:a"])
        for version in range(1, 101):
            hub.publish(["hosts", "host:a"], news(version=version))
        hub.publish(["hosts"], news("b"))
        await asyncio.sleep(10 * WINDOW_SECONDS)
        told = [(item.topic, item.message["id"], item.message["version"]) for item in ear.items]
        assert told[:3] == [("hosts", "a", 1), ("host:a", "a", 1), ("hosts", "b", 1)]
        assert sorted(told[3:]) == [("host:a", "a", 100), ("hosts", "a", 100)]

    on_hub(story)


def test_a_listener_that_fails_silences_nobody_for_good(on_hub):
    class Broken(Ear):
        def offer(self, item):
            if item.message["version"] == 2 and not self.items:
                self.items.append(item)
                raise ValueError("broken")
            super().offer(item)

    async def story(hub):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        ear, broken = Ear(), Broken()
        hub.listen(ear, ["hosts"])
        hub.listen(broken, ["packages"])
        hub.publish(["packages"], news("p", version=1))
        for version in (1, 2):
            hub.publish(["packages"], news("q", version=version))
            hub.publish(["hosts"], news("h", version=version))
        await asyncio.sleep(10 * WINDOW_SECONDS)
        assert [item.message["version"] for item in ear.items] == [1, 2]
        hub.publish(["hosts"], news("h", version=3))
        await asyncio.sleep(0)
        assert ear.items[-1].message["version"] == 3

    on_hub(story)


def test_gone_is_not_overtaken_by_an_older_change(on_hub):

    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts"])
        hub.publish(["hosts"], news(version=1))
        hub.publish(["hosts"], news(version=5, kind="gone"))
        hub.publish(["hosts"], news(version=4))
        await asyncio.sleep(10 * WINDOW_SECONDS)
        assert [item.message["kind"] for item in ear.items] == ["changed", "gone"]

    on_hub(story)


def test_four_messages_a_second_at_most(on_hub):
    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts"])
        for version in range(1, 101):  # for two seconds
            hub.publish(["hosts"], news(version=version))
            await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        return [item.at for item in ear.items], ear.items[-1].message["version"]

    times, last = on_hub(story)
    assert last == 100
    # Every fifth is at least a second later, but for what the arithmetic of the clock loses.
    assert min(late - early for early, late in zip(times, times[4:], strict=False)) > 0.999


def test_a_listener_hears_its_topics_only_and_nothing_after_leaving(on_hub):
    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts"])
        hub.publish(["packages"], news("x"))
        hub.publish(["hosts"], news("y"))
        await asyncio.sleep(0)
        hub.listen(ear, ["packages"])
        hub.publish(["hosts"], news("z"))
        hub.publish(["packages"], news("w"))
        await asyncio.sleep(0)
        hub.leave(ear)
        hub.leave(ear)
        hub.publish(["packages"], news("v"))
        await asyncio.sleep(0)
        assert [item.message["id"] for item in ear.items] == ["y", "w"]

    on_hub(story)


def test_what_was_missed_can_be_told_again_or_not_at_all(on_hub, monkeypatch):
    monkeypatch.setattr(hub_module, "HISTORY_ITEMS", 10)

    async def story(hub):
        for n in range(5):
            hub.publish(["hosts"], news(str(n)))
        await asyncio.sleep(0)
        assert [item.seq for item in hub.since_seq(3)] == [4, 5]
        assert list(hub.since_seq(5)) == []
        assert hub.since_seq(6) is None  # of another life of the site
        assert len(list(hub.since_time(5))) == 5
        for n in range(5, 16):
            hub.publish(["hosts"], news(str(n)))
        await asyncio.sleep(0)
        assert hub.since_seq(5) is None
        assert [item.seq for item in hub.since_seq(6)] == list(range(7, 17))
        assert hub.since_time(5) is None

    on_hub(story)


def test_a_broken_way_between_processes_is_a_gap_for_everybody(on_hub):
    async def story(hub):
        ear = Ear()
        hub.listen(ear, ["hosts"])
        before = hub.seq
        hub._lost()
        assert ear.gaps == 1
        assert hub.since_seq(before) is None

    on_hub(story)


def test_waiting_ends_with_news(on_hub_of_threads):
    async def story(hub):
        waiter = asyncio.create_task(hub.wait(FEED, timeout=5))
        await asyncio.sleep(0)
        await asyncio.to_thread(hub.publish, [FEED], news())
        assert await waiter is True

    on_hub_of_threads(story)


def test_waiting_ends_with_the_time(on_hub):
    async def story(hub):
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert await hub.wait(FEED, timeout=25) is False
        assert loop.time() - start >= 25

    on_hub(story)


def test_news_between_looking_and_waiting_is_not_missed(on_hub):
    async def story(hub):
        ticket = hub.ticket()
        hub.publish([FEED], news())
        await asyncio.sleep(0)
        assert await hub.wait(FEED, timeout=25, after=ticket) is True
        assert await hub.wait(FEED, timeout=25, after=hub.ticket()) is False

    on_hub(story)


def test_waiting_ends_when_the_site_does(on_hub):
    async def story(hub):
        waiter = asyncio.create_task(hub.wait(FEED, timeout=5))
        await asyncio.sleep(0)
        hub.detach()
        assert await asyncio.wait_for(waiter, 1) is False

    on_hub(story)


def test_the_feed_is_not_a_topic_for_sockets(on_hub):
    async def story(hub):
        ear = Ear()
        hub.listen(ear, [FEED])
        hub.publish([FEED], news())
        await asyncio.sleep(0)
        assert ear.items == []

    on_hub(story)


def item(n):
    return Item(n, 0.0, "hosts", {"id": n}, None)


def test_a_full_outbox_says_gap_and_goes_on():
    async def story():
        outbox = Outbox()
        outbox.put({"kind": "hello"})
        for n in range(2 * SIZE):
            outbox.put(item(n))
            if n == SIZE:
                outbox.put({"kind": "subscribed"})
        found = [await asyncio.wait_for(outbox.get(), 1) for _ in range(3 + SIZE - 1)]
        kinds = [letter["kind"] for letter in found if isinstance(letter, dict)]
        assert kinds == ["hello", "gap", "subscribed"]
        assert [letter.seq for letter in found if isinstance(letter, Item)] == list(
            range(SIZE + 1, 2 * SIZE)
        )
        waiter = asyncio.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.put(item(1000))
        assert (await waiter).seq == 1000

    asyncio.run(story())


def test_the_outbox_of_one_who_never_reads_does_not_grow():
    async def story():
        outbox = Outbox()
        for n in range(5 * MOST):
            outbox.put({"kind": "refused", "n": n})
        assert (await outbox.get())["n"] == 4 * MOST

    asyncio.run(story())
