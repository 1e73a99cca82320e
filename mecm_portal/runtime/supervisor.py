"""Brings a world of sites up, keeps it up, and takes it down again."""

from __future__ import annotations

import asyncio
import functools
import signal
import time
from typing import Any

from mecm_portal.runtime import control, demo_file, ports, probe
from mecm_portal.runtime.children import Children
from mecm_portal.runtime.console import Console
from mecm_portal.runtime.control import SupervisorLock
from mecm_portal.runtime.demo_file import Introductions
from mecm_portal.runtime.keeper import Keeper
from mecm_portal.runtime.plan import Plan, Site
from mecm_portal.runtime.trouble import Trouble

START_SECONDS = 30.0
STORY_SECONDS = 120.0
LEFTOVER_SECONDS = 8.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """One center and its edges in one data directory."""

    def __init__(
        self, plan: Plan, lock: SupervisorLock, console: Console, children: Children | None = None
    ) -> None:
        self._plan = plan
        self._lock = lock
        self._console = console
        self._children = children or Children(console)
        self._keepers = {site.name: self._keeper(site) for site in plan.sites}
        self._applications: list[Keeper] = []
        self._background: set[asyncio.Task[Any]] = set()

    async def run(self, control_address: str) -> None:
        """Run until Ctrl-C or SIGTERM, then stop every site."""
        loop = asyncio.get_running_loop()
        if main := asyncio.current_task():
            for number in _ENDING:
                loop.add_signal_handler(number, main.cancel)
        began = time.monotonic()
        try:
            await self._wait_for_ports()
            introductions = await self._prepare()
            await self._start(control_address)
            await self._tell(introductions, time.monotonic() - began)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._console.say()
        finally:
            for number in _ENDING:
                loop.add_signal_handler(number, lambda: None)
            await self._stop_all()

    async def answer(self, verb: str, name: str) -> str:
        """Do what ``manage.py site`` asks; returns one sentence or the table of states."""
        if verb == "status" and not name:
            return "\n".join(self._status(site) for site in self._plan.sites)
        site = self._find(name)
        keeper = self._keepers[site.name]
        if verb == "status":
            return self._status(site)
        if verb == "stop":
            keeper.stop()
            await keeper.until_down()
            return f"{site.name} is stopped."
        if verb == "start":
            if keeper.state == "up":
                return f"{site.name} is up already."
            await keeper.until_down() if keeper.state == "stopping" else None
            keeper.start()
            await self._until_up(site)
            return f"{site.name} is up at {site.url}."
        raise Trouble(f"“{verb}” is not something a site can do; use stop, start or status.")

    async def _wait_for_ports(self) -> None:
        """Refuse taken ports; sites of a supervisor that was killed get time to end first."""
        deadline = time.monotonic() + (LEFTOVER_SECONDS if self._lock.was_left_behind else 0)
        for site in self._plan.sites:
            while not self._is_free(site):
                if time.monotonic() >= deadline:
                    raise Trouble(_taken(site))
                await asyncio.sleep(0.1)

    @staticmethod
    def _is_free(site: Site) -> bool:
        try:
            return ports.is_free(site.ip, site.port)
        except PermissionError:
            raise Trouble(
                f"This user may not listen on port {site.port};"
                f" set {site.port_variable} to one from 1024 on."
            ) from None

    async def _prepare(self) -> Introductions:
        for site in self._plan.sites:
            site.directory.mkdir(mode=0o700, exist_ok=True)
        self._console.say("Preparing the databases and the demo data …")
        preparing = await asyncio.gather(*map(self._children.prepare, self._plan.sites))
        said = await asyncio.gather(*(each.introduction() for each in preparing))
        introductions = {
            site.name: words for site, words in zip(self._plan.sites, said, strict=True)
        }
        world = demo_file.world_of(self._plan, introductions)
        await asyncio.gather(*(each.meet(world) for each in preparing))
        return introductions

    async def _start(self, control_address: str) -> None:
        for keeper in self._keepers.values():
            self._in_background(keeper.run())
            keeper.start()
        self._server = await control.listen(control_address, self.answer)
        await asyncio.gather(*map(self._until_up, self._plan.sites))

    async def _tell(self, introductions: Introductions, seconds: float) -> None:
        self._console.say(f"\nMECM Portal is up ({seconds:.1f} s).  Sign in at\n")
        for line in demo_file.sign_in_lines(self._plan, introductions):
            self._console.say(line)
        self._console.say()
        self._start_applications()
        await self._story(demo_file.world_of(self._plan, introductions))
        path = demo_file.write(self._plan, introductions)
        self._console.say(f"Addresses and passwords: {path}\nStop everything: Ctrl-C\n")

    def _start_applications(self) -> None:
        """Start the demo programs beside their sites; they are kept running as sites are."""
        for site in self._plan.sites:
            for name, module, order in site.companions:
                if not order.exists():
                    continue
                keeper = Keeper(
                    launch=functools.partial(self._children.companion, site, module, order),
                    answers=_runs,
                    say=functools.partial(self._console.event, f"{site.name}-{name}"),
                )
                self._applications.append(keeper)
                self._in_background(keeper.run())
                keeper.start()

    async def _story(self, world: dict[str, Any]) -> None:
        mark = self._plan.data / demo_file.STORY_MARK
        if mark.exists():
            return
        try:
            async with asyncio.timeout(STORY_SECONDS):
                code = await self._children.story(self._plan.center, world)
        except TimeoutError:
            code = -1
        if code == 0:
            mark.touch(mode=0o600)
        elif code != demo_file.NOTHING_TO_TELL:
            self._console.say(
                "The demo story did not come to its end; the next start tries it again."
            )

    async def _until_up(self, site: Site) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._keepers[site.name].until_up()
        except TimeoutError:
            raise Trouble(
                f"{site.name} did not answer within {START_SECONDS:.0f} s; its lines above say why."
            ) from None

    async def _stop_all(self) -> None:
        keepers = [*self._applications, *self._keepers.values()]
        for keeper in keepers:
            keeper.stop()
        await asyncio.gather(*(keeper.until_down() for keeper in keepers))
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def _keeper(self, site: Site) -> Keeper:
        return Keeper(
            launch=functools.partial(self._children.serve, site),
            answers=functools.partial(probe.answers, site.ip, site.port),
            say=functools.partial(self._console.event, site.name),
        )

    def _find(self, name: str) -> Site:
        for site in self._plan.sites:
            if name == site.name:
                return site
        matching = [site for site in self._plan.sites if name and site.name.startswith(name)]
        if len(matching) == 1:
            return matching[0]
        known = ", ".join(site.name for site in self._plan.sites)
        raise Trouble(f"There is no site “{name}”; the sites are {known}.")

    def _status(self, site: Site) -> str:
        return f"{site.name:<9} {self._keepers[site.name].description:<28} {site.url}"

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _runs() -> bool:
    """A demo application serves by running."""
    return True


def _taken(site: Site) -> str:
    holder = ports.holder(site.port)
    by = f" by {holder}" if holder else " by another process"
    return (
        f"Port {site.port} on {site.ip}, which {site.name} needs, is taken{by};"
        f" stop that, or set {site.port_variable} to another port."
    )
