"""News between the processes of one site, over the Redis channel layer.  One group, one follower.

Used only where ``REDIS_URL`` names several processes' common ground; a process that has no event
loop of its own, such as a Celery worker, sends and does not follow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

GROUP = "mecm-live"
REJOIN_SECONDS = 3600.0  # the layer forgets members after a day
RETRY_SECONDS = 1.0

Deliver = Callable[[Mapping[str, Any]], None]
_log = logging.getLogger("mecm.live")


class Relay:
    """Follows the group on ``loop`` and hands every news to ``deliver`` there."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, deliver: Deliver, lost: Callable[[], None]
    ) -> None:
        self.loop = loop
        self._deliver = deliver
        self._lost = lost
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        loop.call_soon_threadsafe(self._start)

    @staticmethod
    def send(relay: Relay | None, news: Mapping[str, Any]) -> bool:
        """Hand ``news`` to every process, this one included; False when that failed at once."""
        layer = get_channel_layer()
        body = {"type": "live.news", "news": dict(news)}
        if layer is None:
            return False
        try:
            if relay is None:
                async_to_sync(layer.group_send)(GROUP, body)
            else:
                sent = asyncio.run_coroutine_threadsafe(layer.group_send(GROUP, body), relay.loop)
                sent.add_done_callback(_report)
        except Exception as error:
            _log.warning("news could not be sent to the other processes: %s", error)
            return False
        return True

    def stop(self) -> None:
        """End following; callable from any thread."""
        self._stopped = True
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._cancel)

    def _start(self) -> None:
        if not self._stopped:
            self._task = self.loop.create_task(self._follow())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        first = True
        while True:
            try:
                await self._follow_once(first)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                _log.warning("lost the other processes, trying again: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            first = False

    async def _follow_once(self, first: bool) -> None:
        """Join the group and hear it; joins again before the layer forgets us."""
        layer = get_channel_layer()
        if layer is None:
            raise RuntimeError("no channel layer is configured")
        name = await layer.new_channel()
        await layer.group_add(GROUP, name)
        if not first:
            self._lost()
        while True:
            try:
                async with asyncio.timeout(REJOIN_SECONDS):
                    while True:
                        message = await layer.receive(name)
                        self._deliver(message["news"])
            except TimeoutError:
                await layer.group_add(GROUP, name)


def _report(sent: Future[Any]) -> None:
    error = sent.exception()
    if error is not None:
        _log.warning("news could not be sent to the other processes: %s", error)
