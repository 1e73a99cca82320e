"""Several processes of one site: news takes the way over the channel layer, once per process."""

from __future__ import annotations

import asyncio
import threading

import pytest
from channels.layers import InMemoryChannelLayer

from apps.monitoring import relay
from apps.monitoring.hub import FEED, Hub

NEWS = {"kind": "changed", "id": "a", "version": 1, "object": "host"}


class Ear:
    def __init__(self):
        self.items, self.gaps, self.heard = [], 0, asyncio.Event()

    def offer(self, item):
        self.items.append(item)
        self.heard.set()

    def gap(self):
        self.gaps += 1
        self.heard.set()


@pytest.fixture
def layer(monkeypatch, settings):
    """A layer of this loop in the place of the one in Redis."""
    settings.REDIS_URL = "redis://nowhere"
    found = InMemoryChannelLayer()
    monkeypatch.setattr(relay, "get_channel_layer", lambda: found)
    monkeypatch.setattr(relay, "RETRY_SECONDS", 0)
    return found


async def joined(layer, members):
    async with asyncio.timeout(2):
        while len(layer.groups.get(relay.GROUP, ())) < members:
            await asyncio.sleep(0)


def test_news_of_one_process_reaches_every_process_once(layer):
    async def story():
        hubs, ears = [Hub(), Hub()], [Ear(), Ear()]
        for hub, ear in zip(hubs, ears, strict=True):
            hub.attach(asyncio.get_running_loop())
            hub.listen(ear, ["hosts"])
        await joined(layer, 2)
        waiter = asyncio.create_task(hubs[1].wait(FEED, timeout=2))
        await asyncio.sleep(0)
        # From a thread, as after a commit.
        threading.Thread(target=hubs[0].publish, args=(["hosts", FEED], NEWS, "t")).start()
        async with asyncio.timeout(2):
            await asyncio.gather(*(ear.heard.wait() for ear in ears))
            assert await waiter is True
        for ear in ears:
            assert [(item.message["id"], item.tenant_id) for item in ear.items] == [("a", "t")]
        for hub in hubs:
            hub.detach()
        await asyncio.sleep(0)

    asyncio.run(story())


def test_a_process_without_a_loop_sends_as_well(layer):
    async def story():
        hub, ear = Hub(), Ear()
        hub.attach(asyncio.get_running_loop())
        hub.listen(ear, ["hosts"])
        await joined(layer, 1)
        body = {"type": "live.news", "news": {"topics": ["hosts"], "message": NEWS,
                                              "tenant_id": None}}
        await layer.group_send(relay.GROUP, body)  # what a worker's publish sends
        await asyncio.wait_for(ear.heard.wait(), 2)
        hub.detach()
        await asyncio.sleep(0)

    asyncio.run(story())


def test_the_shape_that_a_worker_sends(layer, monkeypatch):
    sent = []

    async def group_send(group, body):
        sent.append((group, body))

    monkeypatch.setattr(layer, "group_send", group_send)
    Hub().publish(["hosts"], NEWS, "t")
    assert sent == [(relay.GROUP, {"type": "live.news", "news": {
        "topics": ["hosts"], "message": NEWS, "tenant_id": "t"}})]


def test_a_broken_layer_never_reaches_the_one_who_changed_something(layer, monkeypatch, caplog):
    real, broken = layer.group_send, True

    async def group_send(group, body):
        if broken:
            raise OSError("no route")
        await real(group, body)

    async def story():
        nonlocal broken
        hub, ear = Hub(), Ear()
        hub.attach(asyncio.get_running_loop())
        hub.listen(ear, ["hosts"])
        await joined(layer, 1)
        await asyncio.to_thread(hub.publish, ["hosts"], NEWS, "t")
        await asyncio.to_thread(Hub().publish, ["hosts"], NEWS, "t")  # as a worker does
        broken = False
        await asyncio.to_thread(hub.publish, ["hosts"], {**NEWS, "id": "b"}, "t")
        await asyncio.wait_for(ear.heard.wait(), 2)
        hub.detach()
        await asyncio.sleep(0)
        return [item.message["id"] for item in ear.items]

    monkeypatch.setattr(layer, "group_send", group_send)
    assert asyncio.run(story()) == ["b"]
    told = [record.getMessage() for record in caplog.records if record.name == "mecm.live"]
    assert told == ["news could not be sent to the other processes: no route"] * 2


def test_who_lost_the_others_and_found_them_again_tells_of_a_gap(layer, monkeypatch):
    async def story():
        hub, ear = Hub(), Ear()
        real, calls = layer.receive, []

        async def receive(name):
            calls.append(name)
            if len(calls) == 1:
                raise OSError("the line broke")
            return await real(name)

        monkeypatch.setattr(layer, "receive", receive)
        hub.attach(asyncio.get_running_loop())
        hub.listen(ear, ["hosts"])
        await asyncio.wait_for(ear.heard.wait(), 2)
        assert ear.gaps == 1
        hub.detach()
        await asyncio.sleep(0)

    asyncio.run(story())
