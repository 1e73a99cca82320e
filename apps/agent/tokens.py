"""Holds the access token: one loop gets it, everybody else waits for it or complains about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NoReturn

from apps.agent.pace import Pace

REFRESH_SHARE = 0.8  # of its lifetime, after which a token is replaced
STEADY_SECONDS = 10.0  # a token that is refused sooner counts as a failure to get one


class NoToken(Exception):
    """The MEP gave none; says why, and for how many seconds it asked to be left alone."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Token:
    """A token, and until when it is good, by the clock of ``Pace.monotonic``."""

    value: str = field(repr=False)
    kind: str
    born: float
    lifetime: float

    def left(self, now: float) -> float:
        """Seconds for which it is still good."""
        return self.born + self.lifetime - now


class Tokens:
    """The newest token.  ``run`` must be running, and is the only one that asks for tokens."""

    def __init__(
        self, *, fetch: Callable[[], Awaitable[Token]], pace: Pace, say: Callable[[str], None]
    ) -> None:
        self._fetch = fetch
        self._pace = pace
        self._say = say
        self._token: Token | None = None
        self._there = asyncio.Event()
        self._refused = asyncio.Event()
        self._said = ""

    @property
    def now(self) -> Token | None:
        """The token if there is one that is still good."""
        if self._token is None or self._token.left(self._pace.monotonic()) <= 0:
            return None
        return self._token

    async def get(self) -> Token:
        """The token, as soon as there is one."""
        while (token := self.now) is None:
            self._there.clear()
            await self._there.wait()
        return token

    def refuse(self, token: Token) -> None:
        """The MEP does not take this one (any more)."""
        if token is self._token:
            self._token = None
            self._refused.set()

    async def run(self) -> NoReturn:
        """Always have a token; ends only by cancellation."""
        failures = 0
        while True:
            try:
                token = await self._fetch()
            except Exception as error:
                # Whatever came instead of a token, there will be one some day.
                failures += 1
                wait = error.wait if isinstance(error, NoToken) else 0.0
                self._tell(str(error) if isinstance(error, NoToken) else repr(error))
                asked = self._pace.asked(wait)
                await self._pace.sleep(max(asked, self._pace.after(failures)))
                continue
            self._take(token)
            await self._pace.wait(token.lifetime * REFRESH_SHARE, self._refused)
            early = self.now is None and self._pace.monotonic() - token.born < STEADY_SECONDS
            failures = failures + 1 if early else 0
            if failures > 1:
                # A MEP that refuses what it just gave must not be asked without end.
                await self._pace.sleep(self._pace.after(failures))

    def _take(self, token: Token) -> None:
        self._token = token
        self._refused.clear()
        self._there.set()
        self._tell("has a token")

    def _tell(self, text: str) -> None:
        """Say what is new; a token that replaces another is not."""
        if text and text != self._said:
            self._say(text)
        self._said = text or self._said
