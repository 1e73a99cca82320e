"""Keeps the process of one site running for as long as it is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

QUICK_SECONDS = 0.1
MOST_SECONDS = 30.0
STEADY_SECONDS = 2.0  # a site that answered for this long did not fail to start
PROBE_SECONDS = 0.05
STOP_SECONDS = 8.0  # a site promises five

Say = Callable[[str], None]


class Process(Protocol):
    """What is needed of a running process; ``asyncio.subprocess.Process`` has it."""

    pid: int

    async def wait(self) -> int:
        """The exit code, once there is one."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


def delay_after(failures: int) -> float:
    """Seconds until the next start after so many failures in a row: at once first, then slower."""
    return QUICK_SECONDS if failures < 2 else min(MOST_SECONDS, 0.5 * 2 ** (failures - 2))


def manner_of(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


class Keeper:
    """One site: wanted or not, and what its process is doing.

    ``launch`` starts the process, ``answers`` says whether it serves, ``say`` tells people.  Time
    comes from ``sleep`` and ``monotonic`` so that tests need not wait.
    """

    def __init__(
        self,
        *,
        launch: Callable[[], Awaitable[Process]],
        answers: Callable[[], Awaitable[bool]],
        say: Say,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launch = launch
        self._answers = answers
        self._say = say
        self._sleep = sleep
        self._monotonic = monotonic
        self._wanted = asyncio.Event()
        self._unwanted = asyncio.Event()
        self._unwanted.set()
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()
        self._process: Process | None = None
        self._began = 0.0
        self._up_since: float | None = None
        self.failures = 0

    @property
    def state(self) -> str:
        """One of stopped, stopping, starting, up, and waiting (to be started again)."""
        if self._process is None:
            return "waiting" if self._wanted.is_set() else "stopped"
        if not self._wanted.is_set():
            return "stopping"
        return "up" if self._up.is_set() else "starting"

    @property
    def description(self) -> str:
        """The state as a person at the terminal reads it."""
        if self._process is None:
            return self.state
        return f"{self.state} (process {self._process.pid})"

    def start(self) -> None:
        """Want the site; ``run`` does the rest."""
        self.failures = 0
        self._unwanted.clear()
        self._wanted.set()

    def stop(self) -> None:
        """No longer want the site, and ask its process to end."""
        self._wanted.clear()
        self._unwanted.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def until_up(self) -> None:
        """Wait until the site answers."""
        await self._up.wait()

    async def until_down(self) -> None:
        """Wait until a stopped site's process is gone; it is killed when it takes too long."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._down.wait()
        except TimeoutError:
            if self._process is not None:
                self._say("did not stop in time and is killed")
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            await self._down.wait()

    async def run(self) -> None:
        """Start the site whenever it is wanted and not there; ends only by cancellation."""
        while True:
            await self._wanted.wait()
            end = await self._one_life()
            if not self._wanted.is_set():
                self._say("is stopped")
                continue
            self.failures = 0 if self._was_steady() else self.failures + 1
            delay = delay_after(self.failures)
            self._say(f"{end}; it is started again in {delay:g} s")
            await self._either(self._sleep(delay), self._unwanted.wait())

    async def _one_life(self) -> str:
        """Run the process once; returns how it ended."""
        self._up_since, self._began = None, self._monotonic()
        self._down.clear()
        try:
            process = self._process = await self._launch()
        except OSError as error:
            self._down.set()
            return f"cannot be started ({error})"
        if not self._wanted.is_set():  # stopped while it was being launched
            self.stop()
        watch = asyncio.create_task(self._watch_until_up())
        try:
            return manner_of(await process.wait())
        finally:
            watch.cancel()
            self._process = None
            self._up.clear()
            self._down.set()

    async def _watch_until_up(self) -> None:
        while not await self._answers():
            await self._sleep(PROBE_SECONDS)
        self._up_since = self._monotonic()
        self._up.set()
        self._say(f"answers ({self._up_since - self._began:.1f} s after its start)")

    def _was_steady(self) -> bool:
        return self._up_since is not None and self._monotonic() - self._up_since >= STEADY_SECONDS

    @staticmethod
    async def _either(*waits: Awaitable[object]) -> None:
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
