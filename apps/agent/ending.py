"""The graceful end: the MEP says that the application stops, the application gets ready for it.

The application is asked first, then its services are taken away, so that nobody finds what will be
gone, and then the MEP is told that it may go on (GS MEC 011 clauses 7.1.4.2 and 7.2.10).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from apps.agent.client import SUPPORT, MepClient, Unreachable, path_of
from apps.agent.pace import Pace
from apps.agent.settings import Settings

PATH = "/mep-agent/v1/termination/"
ACTIONS = ("STOPPING", "TERMINATING")
CONFIRM_SECONDS = 1.0  # of the graceful time that are kept for telling the MEP
LONGEST = 3600.0
# Who was told and still runs so long after it lives on: it is registered again.
BACK_AFTER = 900.0


@dataclass(frozen=True)
class End:
    """What a MEP announces; ``confirm`` is where it wants to be told."""

    action: Literal["STOPPING", "TERMINATING"]
    seconds: float
    confirm: str = ""


Hook = Callable[[End], Awaitable[object]]


def secret_of(settings: Settings) -> str:
    """What stands in the callback, so that nobody but the MEP can end the application.

    The same after a restart, which finds its subscription by it.
    """
    key, text = settings.sk.encode(), f"termination {settings.app_instance_id}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:32]


def read(body: Any) -> End | None:
    """The announcement in a notification; None when it is none."""
    if not isinstance(body, dict) or body.get("operationAction") not in ACTIONS:
        return None
    if body.get("notificationType") != "AppTerminationNotification":
        return None
    seconds = body.get("maxGracefulTimeout")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    links = body.get("_links")
    link = links.get("confirmTermination") if isinstance(links, dict) else None
    href = link.get("href") if isinstance(link, dict) else link  # EdgeGallery: plain text
    return End(
        body["operationAction"],
        min(max(float(seconds), 0.0), LONGEST) if number and seconds is not None else 0.0,
        path_of(href) if isinstance(href, str) else "",
    )


def relay_to(url: str) -> Hook:
    """A hook that asks the application next door, whose 2xx says that it is done."""

    async def hook(end: End) -> None:
        body = {"operationAction": end.action, "maxGracefulTimeout": end.seconds}
        timeout = httpx.Timeout(5.0, read=max(end.seconds, 1.0))
        async with httpx.AsyncClient(trust_env=False, timeout=timeout) as http:
            (await http.post(url, json=body)).raise_for_status()

    return hook


class Ending:
    """The end of one application: begun by an announcement, and carried out once."""

    def __init__(
        self,
        *,
        client: MepClient,
        pace: Pace,
        say: Callable[[str], None],
        hook: Hook | None,
        leave: Callable[[], Awaitable[object]],
        come_back: Callable[[], object],
    ) -> None:
        self._client = client
        self._pace = pace
        self._say = say
        self._hook = hook
        self._leave = leave
        self._come_back = come_back
        self.task: asyncio.Task[None] | None = None
        self.action = ""

    def begin(self, end: End) -> None:
        """Start the end; one that is under way goes on when it is announced again."""
        if self.task is None or self.task.done():
            self.action = end.action
            self.task = asyncio.create_task(self._run(end))

    async def _run(self, end: End) -> None:
        self._say(f"is told that it ends ({end.action}) and has {end.seconds:g} s")
        until = self._pace.monotonic() + end.seconds
        await self._ask(end)
        await self._leave()
        await self._confirm(end, until)
        await self._pace.sleep(BACK_AFTER)
        self._say("has not ended; everything is registered again")
        self.action = ""
        self._come_back()

    async def _ask(self, end: End) -> None:
        """Give the application its time."""
        if self._hook is None:
            return
        asked = asyncio.ensure_future(self._hook(end))
        over = asyncio.ensure_future(self._pace.sleep(max(0.0, end.seconds - CONFIRM_SECONDS)))
        try:
            await asyncio.wait((asked, over), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                self._say("is not ready for its end in time")
            elif error := asked.exception():
                self._say(f"could not be asked to get ready ({type(error).__name__}: {error})")
        finally:
            asked.cancel()
            over.cancel()

    async def _confirm(self, end: End, until: float) -> None:
        """Tell the MEP, as often as it takes within the time that it waits."""
        path = end.confirm or self._client.own(SUPPORT, "confirm_termination")
        failures = 0
        while True:
            try:
                answer = await self._client.call("POST", path, {"operationAction": end.action})
            except Unreachable:
                why = "it cannot be reached"
            else:
                if answer.fine:
                    self._say("has confirmed its end")
                    return
                why = str(answer)
                if answer.status < 500 and answer.status != 429:
                    until = 0.0  # not wanted, or not any more
            failures += 1
            pause = self._pace.after(failures)
            if self._pace.monotonic() + pause > until:
                self._say(f"could not confirm its end to the MEP ({why})")
                return
            await self._pace.sleep(pause)
