"""Takes notifications to their subscribers: in order for each, and nobody waits for another.

Those that failed or were slow share a smaller number of places, one whose answer is late gives its
place up while it is waited for, and one application's subscriptions take only so many at once, so
that a subscriber who sleeps keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

import httpx
from django.db import close_old_connections
from django.utils.translation import gettext_noop as N_

from apps.common import clock, outward
from apps.common.errors import DomainError
from apps.common.words import Reason
from apps.mep.notify import outbox, queue
from apps.mep.subscriptions import guard

PLACES = 64
PLACES_FOR_SUSPECTS = 32
PLACES_IN_ALL = 256
PLACES_PER_APPLICATION = 8
AT_ONCE = 20
ROUNDS = 5
LOOK_SECONDS = 1.0
SLOW_SECONDS = 0.5
BUDGET_SECONDS = 5.0
MOST_SLOW = 1000
SEQUENCE_HEADER, SUBSCRIPTION_HEADER = "X-Mec-Sequence", "X-Mec-Subscription"
P = ParamSpec("P")
T = TypeVar("T")
NOT_SENT = N_("The notification could not be sent (%(why)s).")
_log = logging.getLogger("mecm.mep")


async def deliver_notifications() -> None:
    """Deliver what waits, for as long as the site runs."""
    async with new_client() as client:
        await Deliverer(client).run()


def new_client(ask: outward.Resolver = outward.ask_system) -> httpx.AsyncClient:
    """A client with a connection for everybody who may be served at once."""
    return outward.async_client(guard(), ask=ask, connections=PLACES_IN_ALL)


class Deliverer:
    """The delivering of one process."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._news = asyncio.Event()
        self._busy: dict[uuid.UUID, asyncio.Task[None]] = {}
        # Those of the busy that hold no regular place: they failed, were slow, or hang just now.
        self._suspects: set[uuid.UUID] = set()
        self._slow: set[uuid.UUID] = set()
        self._per_application: Counter[uuid.UUID] = Counter()

    async def run(self) -> None:
        """Look whenever something is queued, when somebody's pause is over, and each second."""
        loop = asyncio.get_running_loop()

        def waker() -> None:
            try:
                loop.call_soon_threadsafe(self._news.set)
            except RuntimeError:
                _log.debug("a notification was queued after the loop had ended")

        outbox.listen(waker)
        try:
            while True:
                self._news.clear()
                await self._start_what_is_due()
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            outbox.unlisten(waker)
            await self._stop()

    async def drain(self) -> None:
        """Deliver what is due and return: who fails meanwhile is not tried a second time."""
        moment = clock.now()
        try:
            while True:
                self._news.clear()
                await self._start_what_is_due(moment)
                if not self._busy:
                    return
                await self._news.wait()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """End what is on its way, before the client that it uses is closed."""
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_what_is_due(self, moment: datetime | None = None) -> int:
        most = PLACES + PLACES_FOR_SUSPECTS
        places = self._per_application.items()
        full = [key for key, used in places if used >= PLACES_PER_APPLICATION]
        open_to_suspects = len(self._suspects) < PLACES_FOR_SUSPECTS
        try:
            found = await _in_thread(
                queue.due, most, moment=moment, full=full, suspects=open_to_suspects,
                slow=tuple(self._slow),
            )
        except Exception:
            _log.exception("what has to be delivered could not be read")
            return 0
        started = 0
        for one in found:
            if self._has_place(one):
                self._start(one)
                started += 1
        if started and len(found) == most:  # others may be due behind those
            self._news.set()
        return started

    def _has_place(self, one: queue.Due) -> bool:
        if one.id in self._busy or len(self._busy) >= PLACES_IN_ALL:
            return False
        if self._per_application[one.application_id] >= PLACES_PER_APPLICATION:
            return False
        if self._is_suspect(one):
            return len(self._suspects) < PLACES_FOR_SUSPECTS
        return len(self._busy) - len(self._suspects) < PLACES

    def _is_suspect(self, one: queue.Due) -> bool:
        return one.failures > 0 or one.id in self._slow

    def _start(self, one: queue.Due) -> None:
        if self._is_suspect(one):
            self._suspects.add(one.id)
        self._per_application[one.application_id] += 1
        task = asyncio.create_task(self._serve(one.id))
        self._busy[one.id] = task

        def ended(_: asyncio.Task[None]) -> None:
            self._busy.pop(one.id, None)
            self._suspects.discard(one.id)
            self._per_application[one.application_id] -= 1
            if not self._per_application[one.application_id]:
                del self._per_application[one.application_id]
            self._news.set()

        task.add_done_callback(ended)

    async def _serve(self, subscription_id: uuid.UUID) -> None:
        """Send some of what waits for one subscriber; the rest has its turn after others'."""
        try:
            if not await _in_thread(queue.claim, subscription_id):
                return
            for _ in range(ROUNDS):
                if not await self._send_some(subscription_id) or subscription_id in self._slow:
                    break
            await _in_thread(queue.release, subscription_id)
        except Exception:
            _log.exception("subscription %s could not be served", subscription_id)
            await self._postpone(subscription_id)

    async def _postpone(self, subscription_id: uuid.UUID) -> None:
        try:
            await _in_thread(queue.postpone, subscription_id)
        except Exception:  # then nobody comes back to it before the lease is over
            _log.exception("subscription %s could not be let go", subscription_id)

    async def _send_some(self, subscription_id: uuid.UUID) -> bool:
        """Whether there may be more to send at once."""
        letters = await _in_thread(queue.take, subscription_id, AT_ONCE)
        arrived: list[int] = []
        fault: tuple[int, Reason] | None = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        for letter in letters:
            reason = await self._send(subscription_id, letter)
            if reason is not None:
                fault = letter.seq, reason
                break
            arrived.append(letter.seq)
            if loop.time() - began > SLOW_SECONDS:
                break
        if arrived and (loop.time() - began) / len(arrived) <= SLOW_SECONDS:
            self._slow.discard(subscription_id)
        if arrived:
            await _in_thread(queue.delivered, subscription_id, arrived)
        if fault is not None:
            await _in_thread(queue.failed, subscription_id, *fault)
        return bool(arrived) and fault is None

    async def _send(self, subscription_id: uuid.UUID, letter: queue.Letter) -> Reason | None:
        headers = {
            "Content-Type": "application/json",
            SUBSCRIPTION_HEADER: str(subscription_id),
            SEQUENCE_HEADER: str(letter.seq),
        }
        loop = asyncio.get_running_loop()
        hanging = loop.call_later(SLOW_SECONDS, self._hangs, subscription_id)
        try:
            status = await outward.post(
                self._client, letter.uri, letter.body, headers, budget=BUDGET_SECONDS
            )
        except DomainError as error:
            return error.reason
        except Exception as error:  # whatever it is, it is no reason to try without a pause
            _log.exception("subscription %s could not be sent to", subscription_id)
            return Reason(NOT_SENT, "not_sent", {"why": type(error).__name__})
        finally:
            hanging.cancel()
        if 200 <= status < 300:
            return None
        return Reason(N_("The subscriber answered %(status)s."), "answer", {"status": status})

    def _hangs(self, subscription_id: uuid.UUID) -> None:
        """An answer is slow to come: somebody else gets the regular place."""
        if len(self._slow) >= MOST_SLOW:  # whoever still is will be noted again
            self._slow.clear()
        self._slow.add(subscription_id)
        self._suspects.add(subscription_id)
        self._news.set()


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask the database in a thread, whose connection may have gone stale meanwhile."""

    def asked() -> T:
        close_old_connections()
        return work(*args, **kwargs)

    return await asyncio.to_thread(asked)
