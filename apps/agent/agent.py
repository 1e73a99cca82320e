"""The agent of one application instance: everything it keeps alive, and its beginning and end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from apps.agent import ending
from apps.agent import settings as reading
from apps.agent.client import MepClient
from apps.agent.ending import End, Ending, Hook, relay_to, secret_of
from apps.agent.endpoints import Endpoints, Found
from apps.agent.pace import Pace
from apps.agent.service import Service
from apps.agent.settings import Settings
from apps.agent.tokens import Token
from apps.agent.upkeep import State, Upkeep
from apps.agent.voice import Voice
from apps.agent.wishes import EndSubscription, Readiness, Subscription

GOODBYE_SECONDS = 3.0


class Agent:
    """Registers, beats and subscribes during the ``async with`` block; says goodbye after it."""

    def __init__(
        self,
        settings: Settings,
        *,
        pace: Pace | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_termination: Hook | None = None,
    ) -> None:
        pace = pace or Pace()
        self.settings = settings
        self.voice = Voice(settings.name or settings.app_instance_id, settings.sk)
        self._client = MepClient(settings, pace=pace, voice=self.voice, transport=transport)
        self._pace = pace
        self._endpoints = Endpoints(self._client, pace)
        common: dict[str, Any] = {"client": self._client, "pace": pace, "say": self.voice.say}
        self._readiness = Readiness(lambda: self.services, **common)
        common["lost"] = self._something_lost
        self.services = tuple(Service(post, **common) for post in settings.services)
        self.subscriptions = tuple(Subscription(body, **common) for body in settings.subscriptions)
        self._upkeeps: tuple[Upkeep, ...] = (*self.services, *self.subscriptions, self._readiness)
        self.secret = secret_of(settings)
        self.voice.hide_always(self.secret)
        told_of_end: list[Upkeep] = []
        if settings.callback:
            callback = f"{settings.callback}{ending.PATH}{self.secret}"
            told_of_end = [EndSubscription(callback, settings.app_instance_id, **common)]
        self._always: tuple[Upkeep, ...] = tuple(told_of_end)
        hook = on_termination or (relay_to(settings.relay) if settings.relay else None)
        self._ending = Ending(
            client=self._client, pace=pace, say=self.voice.say, hook=hook,
            leave=self._leave, come_back=self._come_back,
        )
        self._tasks: list[asyncio.Task[Any]] = []
        self._lasting: list[asyncio.Task[Any]] = []
        self._token_task: asyncio.Task[Any] | None = None
        self._stop = asyncio.Event()

    @classmethod
    def from_environment(
        cls,
        *,
        services: Sequence[dict[str, Any]] | None = None,
        subscriptions: Sequence[dict[str, Any]] | None = None,
        on_termination: Hook | None = None,
    ) -> Self:
        """The agent that the environment describes; raises SettingsError."""
        settings = reading.from_environment(services=services, subscriptions=subscriptions)
        return cls(settings, on_termination=on_termination)

    async def __aenter__(self) -> Self:
        """Begin; the MEP need not be there."""
        self._token_task = self._start(self._client.tokens.run())
        self._lasting = [self._start(upkeep.run()) for upkeep in self._always]
        self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Deregister, as far as the MEP answers within ``GOODBYE_SECONDS``, and end."""
        rest = self._lasting + ([self._ending.task] if self._ending.task else [])
        await _cancelled(rest + self._tasks)
        await self._say_goodbye()
        if self._token_task is not None:
            await _cancelled([self._token_task])
        await self._client.close()

    async def run(self) -> None:
        """Be there until ``stop``."""
        async with self:
            await self._stop.wait()

    def stop(self) -> None:
        """End ``run``."""
        self._stop.set()

    @property
    def token(self) -> Token | None:
        """The access token, None while there is none that is good."""
        return self._client.tokens.now

    @property
    def now(self) -> float:
        """The moment by the clock that tokens are measured with."""
        return self._pace.monotonic()

    @property
    def ready(self) -> bool:
        """Whether the MEP has all services and was told that the application is ready."""
        return self._readiness.state is State.REGISTERED

    @property
    def fault(self) -> str | None:
        """Why the MEP cannot be reached, None while it can."""
        return self._client.contact.fault

    @property
    def ends(self) -> str:
        """STOPPING or TERMINATING from when the MEP has announced it, else empty."""
        return self._ending.action

    def told_to_end(self, end: End) -> None:
        """The MEP announced the end: get ready for it and confirm."""
        self._ending.begin(end)

    async def registered(self) -> None:
        """Wait until the MEP has everything that it should have."""
        for upkeep in (*self._upkeeps, *self._always):
            await upkeep.registered.wait()

    async def find(self, name: str) -> Found:
        """Where a service is, and how old that news is; raises NotFound or Unreachable."""
        return await self._endpoints.find(name)

    async def endpoint(self, name: str) -> dict[str, Any]:
        """The endpoint object of the first active service of that name; raises as ``find``."""
        return (await self.find(name)).endpoint

    def _begin(self) -> None:
        self._tasks = [self._start(upkeep.run()) for upkeep in self._upkeeps]

    async def _leave(self) -> None:
        """Take away what others could find, and look after it no more."""
        await _cancelled(self._tasks)
        self._tasks = []
        await self._removed(self._upkeeps)

    def _come_back(self) -> None:
        for upkeep in self._upkeeps:
            upkeep.forget()
        self._begin()

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.create_task(work)

    def _something_lost(self) -> None:
        """The MEP forgot something; it may have forgotten the rest, which looks at once."""
        self._readiness.forget()
        rest = (*self.services, *self.subscriptions)
        if [one.state for one in rest].count(State.LOST) == 1:  # the first to notice
            for upkeep in rest:
                upkeep.poke()

    async def _say_goodbye(self) -> None:
        whole = await self._removed((*self._upkeeps, *self._always))
        self.voice.say("ends" if whole else "ends; the MEP could not be told")

    async def _removed(self, upkeeps: Sequence[Upkeep]) -> bool:
        """Whether the MEP could be told within ``GOODBYE_SECONDS`` that these are gone."""
        leaving = [self._start(upkeep.remove()) for upkeep in upkeeps]
        if not leaving:
            return True
        # Not ``asyncio.timeout``: before Python 3.11.4 it ends a task that was told to end before.
        told, late = await asyncio.wait(leaving, timeout=GOODBYE_SECONDS)
        await _cancelled(list(late))
        return not late and not any(task.exception() for task in told)


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
