"""The keeper of one site: restarts with back-off, and never a site that was stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mecm_portal.runtime.keeper import Keeper, delay_after, manner_of


class FakeProcess:
    """A process that lives until told otherwise."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.obeys = True
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    def die(self, code: int) -> None:
        if not self._end.done():
            self._end.set_result(code)

    def terminate(self) -> None:
        if self.obeys:
            self.die(-15)

    def kill(self) -> None:
        self.die(-9)


class World:
    """A keeper with fake time, fake processes and a site that answers when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.processes: list[FakeProcess] = []
        self.slept: list[float] = []
        self.said: list[str] = []
        self.serving = True
        self.keeper = Keeper(
            launch=self.launch,
            answers=self.answers,
            say=self.said.append,
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )

    async def launch(self) -> FakeProcess:
        self.processes.append(FakeProcess(len(self.processes) + 1))
        return self.processes[-1]

    async def answers(self) -> bool:
        return self.serving

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():
                await asyncio.sleep(0)


def in_world(story: Callable[[World], Awaitable[None]]) -> World:
    """Run the story beside the keeper."""

    async def run() -> World:
        world = World()
        keeping = asyncio.create_task(world.keeper.run())
        try:
            await story(world)
        finally:
            keeping.cancel()
        return world

    return asyncio.run(run())


def test_a_site_that_dies_is_started_again_at_once():
    async def story(world: World) -> None:
        world.keeper.start()
        await world.keeper.until_up()
        world.now += 60
        world.processes[0].die(-9)
        await world.until(lambda: len(world.processes) == 2)
        await world.keeper.until_up()

    world = in_world(story)
    assert world.slept == [0.1]
    assert "was ended by SIGKILL; it is started again in 0.1 s" in world.said


def test_ten_kills_of_a_steady_site_never_slow_it_down():
    async def story(world: World) -> None:
        world.keeper.start()
        for count in range(1, 11):
            await world.until(lambda: world.keeper.state == "up")
            world.now += 3
            world.processes[-1].die(-9)
            await world.until(lambda: len(world.processes) == count + 1)  # noqa: B023 - used at once

    assert set(in_world(story).slept) == {0.1}


def test_a_site_that_cannot_start_is_tried_ever_more_rarely():
    async def story(world: World) -> None:
        world.serving = False
        world.keeper.start()
        for count in range(1, 12):
            await world.until(lambda: len(world.processes) == count)  # noqa: B023 - used at once
            world.processes[-1].die(1)

        await world.until(lambda: len(world.processes) == 12)

    delays = [seconds for seconds in in_world(story).slept if seconds != 0.05]
    assert delays[:4] == [0.1, 0.5, 1.0, 2.0]
    assert delays[-1] == 30.0


def test_a_stopped_site_is_not_started_again_until_asked():
    async def story(world: World) -> None:
        world.keeper.start()
        await world.keeper.until_up()
        world.keeper.stop()
        await world.keeper.until_down()
        for _ in range(50):
            await asyncio.sleep(0)
        assert world.keeper.state == "stopped"
        assert len(world.processes) == 1
        world.keeper.start()
        await world.keeper.until_up()
        assert len(world.processes) == 2

    assert in_world(story).said[1] == "is stopped"


def test_a_stop_while_waiting_for_the_next_try_holds():
    async def story(world: World) -> None:
        never = asyncio.Event()

        async def sleep(seconds: float) -> None:
            if seconds != 0.05:
                await never.wait()

        world.keeper._sleep = sleep
        world.keeper.start()
        await world.keeper.until_up()
        world.processes[0].die(1)
        await world.until(lambda: world.keeper.state == "waiting")
        world.keeper.stop()
        await world.keeper.until_down()
        assert world.keeper.state == "stopped"

    assert len(in_world(story).processes) == 1


def test_a_site_that_does_not_stop_is_killed(monkeypatch):
    monkeypatch.setattr("mecm_portal.runtime.keeper.STOP_SECONDS", 0.01)

    async def story(world: World) -> None:
        world.keeper.start()
        await world.keeper.until_up()
        world.processes[0].obeys = False
        world.keeper.stop()
        await world.keeper.until_down()

    assert "did not stop in time and is killed" in in_world(story).said


def test_a_launch_that_fails_is_one_more_failure():
    async def story(world: World) -> None:
        launch, refusals = world.launch, [OSError("no memory")]

        async def sometimes() -> FakeProcess:
            if refusals:
                raise refusals.pop()
            return await launch()

        world.keeper._launch = sometimes
        world.keeper.start()
        await world.keeper.until_up()

    assert in_world(story).said[0].startswith("cannot be started (no memory)")


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.1), (1, 0.1), (2, 0.5), (5, 4.0), (99, 30.0)]
)
def test_delays(failures, seconds):
    assert delay_after(failures) == seconds


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, "ended with code 1"), (-9, "was ended by SIGKILL"), (-200, "was ended by signal 200")],
)
def test_manner_of_ending(code, words):
    assert manner_of(code) == words
