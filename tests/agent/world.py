"""One agent, one fake MEP and a clock that jumps from one sleeper to the next."""

from __future__ import annotations

import asyncio
import heapq
import logging
from itertools import count

from apps.agent import Agent, Settings, http_service
from apps.agent.pace import Pace
from tests.agent.fake_mep import AK, APP, SK, FakeMep, Wire


class Clock:
    """Time that passes only in ``World.run``."""

    def __init__(self):
        self.now = 1000.0
        self.order = count()
        self.sleepers = []

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        waking = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, next(self.order), waking))
        await waking

    def wake_next(self, until):
        """Move to the next sleeper and wake it; False when none is due before ``until``."""
        while self.sleepers and self.sleepers[0][2].done():
            heapq.heappop(self.sleepers)
        if not self.sleepers or self.sleepers[0][0] > until:
            return False
        self.now, _, waking = heapq.heappop(self.sleepers)
        waking.set_result(None)
        return True


class World:
    """What a test plays with."""

    def __init__(self, *, services=(), subscriptions=(), chance=0.5, hook=None, **settings):
        self.clock = Clock()
        self.mep = FakeMep(self.clock.monotonic)
        self.wire = Wire(self.mep)
        self.settings = Settings(
            base_url="http://mep.example:8000",
            app_instance_id=APP,
            ak=AK,
            sk=SK,
            services=services,
            subscriptions=subscriptions,
            **settings,
        )
        self.hook = hook
        self.pace = Pace(self.clock.monotonic, self.clock.sleep, lambda: chance)
        self.agent = self.another_agent()

    def another_agent(self):
        """An agent of the same application: the same after a restart."""
        return Agent(
            self.settings, pace=self.pace, transport=self.wire, on_termination=self.hook
        )

    async def run(self, seconds):
        """Let this much time pass."""
        until = self.clock.now + seconds
        await settle()
        while self.clock.wake_next(until):
            await settle()
        self.clock.now = until

    async def crash(self, agent):
        """End the agent as ``kill -9`` would: without a word to the MEP."""
        self.wire.cut = True
        await agent.__aexit__(None, None, None)
        self.wire.cut = False


async def settle():
    """Let everything happen that can happen now."""
    for _ in range(80):
        await asyncio.sleep(0)


def positioning(interval=5, **more):
    return {**http_service("positioning", "http://127.0.0.1:9/", interval=interval), **more}


def video(interval=12):
    return http_service("video-analytics", "http://127.0.0.1:10/", version="2.1", interval=interval)


def play(story, *, mep=None, **world):
    """Run a story with a running agent; gives the world as it was when the agent had left.

    ``mep`` sets attributes of the MEP before the agent begins.
    """

    async def run():
        made = World(**world)
        vars(made.mep).update(mep or {})
        async with made.agent:
            await story(made)
        return made

    return asyncio.run(run())


def lines(caplog):
    """What the agent said, one string per record."""
    return [record.getMessage() for record in caplog.records if record.name == "mep.agent"]


def listen(caplog):
    caplog.set_level(logging.INFO, logger="mep.agent")
