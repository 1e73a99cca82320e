"""The supervisor with real, tiny processes in place of sites."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mecm_portal.runtime import control, demo_file
from mecm_portal.runtime.children import Children
from mecm_portal.runtime.control import SupervisorLock
from mecm_portal.runtime.plan import Plan, Site
from mecm_portal.runtime.supervisor import Supervisor
from mecm_portal.runtime.trouble import Trouble

ANSWERING = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("a line of the site", flush=True)
while True:
    caller, _ = server.accept()
    caller.recv(1000)
    caller.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    caller.close()
"""


@dataclass(frozen=True)
class TinySite(Site):
    """A site whose process is thirty milliseconds of Python."""

    @property
    def serve_command(self) -> list[str]:
        return [sys.executable, "-S", "-E", "-c", ANSWERING, str(self.port)]


class Ready:
    """A preparation with nothing to do."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def introduction(self):
        return {"users": {"admin": {"username": f"{self._site.name}-admin", "password": "p"}}}

    async def meet(self, world):
        assert world["center"]["users"]["admin"]["username"] == "center-admin"


class TinyChildren(Children):
    """Serves tiny sites for real; preparing them and the story need no process."""

    stories = 0

    async def prepare(self, site):
        return Ready(site)

    async def story(self, site, world):
        self.stories += 1
        return 0


class Said:
    """A console that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line=""):
        self.lines.append(line)

    def event(self, name, line):
        self.say(f"{name}: {line}")

    async def follow(self, name, stream):
        while line := await stream.readline():
            self.event(name, line.decode().rstrip())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    """A running supervisor and ways to ask it things."""

    def __init__(self, data: Path) -> None:
        self.said = Said()
        self.data = data
        self.children = TinyChildren(self.said)
        self.plan = Plan(
            data,
            tuple(
                TinySite(name, name.split("-")[0], "127.0.0.1", free_port(), data / name, "A_PORT")
                for name in ("center", "edge-1")
            ),
        )
        self.lock = SupervisorLock(data)

    async def __aenter__(self) -> World:
        self.address = self.lock.take()
        self.supervisor = Supervisor(self.plan, self.lock, self.said, self.children)
        self.running = asyncio.create_task(self.supervisor.run(self.address))
        await self.until(lambda: (self.data / demo_file.NAME).exists() or self.running.done())
        if self.running.done():
            await self.running
        return self

    async def __aexit__(self, *error) -> None:
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running
        self.lock.release()

    async def ask(self, verb: str, name: str = "") -> str:
        return await asyncio.to_thread(control.call, self.data, verb, name)

    def pid(self, name: str) -> int:
        return self.supervisor._keepers[name]._process.pid

    async def until(self, true) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)


def test_both_sites_come_up_and_everything_is_told(tmp_path):
    async def story():
        async with World(tmp_path) as world:
            assert "edge-1: a line of the site" in world.said.lines
            assert any("center-admin" in line for line in world.said.lines)
            status = await world.ask("status")
            assert status.count("up (process") == 2
            assert world.children.stories == 1
        assert (tmp_path / demo_file.STORY_MARK).exists()

    asyncio.run(story())


def test_a_killed_site_answers_again_within_a_second(tmp_path):
    async def story():
        async with World(tmp_path) as world:
            before, began = world.pid("edge-1"), time.monotonic()
            os.kill(before, signal.SIGKILL)
            keeper = world.supervisor._keepers["edge-1"]
            await world.until(lambda: keeper.state == "up" and world.pid("edge-1") != before)
            assert time.monotonic() - began < 1.0
            assert any("SIGKILL; it is started again" in line for line in world.said.lines)

    asyncio.run(story())


def test_a_stopped_site_stays_stopped_and_starts_when_asked(tmp_path):
    async def story():
        async with World(tmp_path) as world:
            assert await world.ask("stop", "edge") == "edge-1 is stopped."
            assert "stopped" in await world.ask("status", "edge-1")
            assert "up (process" in await world.ask("status", "center")
            assert (await world.ask("start", "edge-1")).startswith("edge-1 is up at http://")
            assert await world.ask("start", "edge-1") == "edge-1 is up already."

    asyncio.run(story())


def test_an_unknown_site_is_answered_with_those_that_exist(tmp_path):
    async def story():
        async with World(tmp_path) as world:
            with pytest.raises(Trouble, match="the sites are center, edge-1"):
                await world.ask("stop", "moon")

    asyncio.run(story())


def test_a_taken_port_is_told_with_its_holder_and_variable(tmp_path):
    async def story():
        world = World(tmp_path)
        taken = socket.create_server(("127.0.0.1", world.plan.center.port))
        with taken, pytest.raises(Trouble) as caught:
            await world.__aenter__()
        world.lock.release()
        assert f"(process {os.getpid()})" in str(caught.value)
        assert "set A_PORT to another port" in str(caught.value)

    asyncio.run(story())


def test_stopping_leaves_no_process(tmp_path):
    async def story():
        async with World(tmp_path) as world:
            pids = [world.pid(site.name) for site in world.plan.sites]
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    asyncio.run(story())


def test_a_second_start_does_not_tell_the_story_again(tmp_path):
    async def story():
        async with World(tmp_path):
            pass
        async with World(tmp_path) as world:
            assert world.children.stories == 0

    asyncio.run(story())


def test_the_control_socket_works_below_a_very_long_path(tmp_path):
    async def story():
        data = tmp_path / ("long" * 30)
        data.mkdir()
        async with World(data) as world:
            assert "center" in await world.ask("status")

    asyncio.run(story())
