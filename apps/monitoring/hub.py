"""Live fan-out inside one process: news from any thread reaches the sockets of this event loop.

News enters by ``publish`` from whichever thread committed, crosses over with
``call_soon_threadsafe`` and from there on is handled by the loop alone.  With several processes
(``REDIS_URL``) it takes the way over the channel layer, which every process follows once; the
in-memory layer is never used, since it does not wake the loop of another thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings

from apps.monitoring.relay import Relay

FEED = "feed"
WINDOW_SECONDS = 0.25  # of messages about one object on one topic: at most one in this time
TIMER_SECONDS = 0.01  # a window stays open this much longer, so that one timer closes many
HISTORY_ITEMS = 2000
HISTORY_SECONDS = 60.0

Message = Mapping[str, Any]
Key = tuple[str, str]  # a topic and the id of an object
_log = logging.getLogger("mecm.live")


@dataclass(slots=True, eq=False)
class Item:
    """One message on one topic; on a busy site most are heard by nobody, so never encoded."""

    seq: int
    at: float
    topic: str
    message: Message
    tenant_id: str | None
    _text: str = ""

    @property
    def text(self) -> str:
        """What goes out, encoded once for all sockets."""
        if not self._text:
            self._text = self.worded()
        return self._text

    def worded(self, **other: str) -> str:
        """The same with ``other`` in the place of what the message says."""
        said = {"seq": self.seq, "topic": self.topic, **self.message, **other}
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


class Listener(Protocol):
    """Whoever hears items; called on the loop and must not wait."""

    def offer(self, item: Item) -> None:
        """Take one item of a topic that was asked for."""

    def gap(self) -> None:
        """Something was lost on the way; everything has to be fetched again."""


@dataclass(slots=True)
class _Waiters:
    """Who waits for a topic, and how often it has had news."""

    count: int = 0
    futures: set[asyncio.Future[bool]] = field(default_factory=set)


class Hub:
    """The fan-out of one process.  Everything but ``publish`` belongs on the loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._relay: Relay | None = None
        self._reset()

    def _reset(self) -> None:
        self.epoch = uuid.uuid4().hex
        self.seq = 0
        self._topics: dict[str, set[Listener]] = defaultdict(set)
        self._held: dict[Listener, frozenset[str]] = {}
        # What waits until the window of its topic and object closes, if anything does; and when
        # they close, the next first, for one timer that looks after all of them.
        self._windows: dict[Key, tuple[Message, str | None] | None] = {}
        self._closing: deque[tuple[float, Key]] = deque()
        self._timed = False
        self._history: deque[Item] = deque(maxlen=HISTORY_ITEMS)
        # The greatest seq that the history no longer holds, and since when it is complete.
        self._forgotten, self._complete_from = 0, 0.0
        self._waiters: dict[str, _Waiters] = defaultdict(_Waiters)

    # --- the process -----------------------------------------------------------------------------
    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let ``loop`` carry the news from now on; what an earlier loop held is dropped."""
        self.detach()
        self._loop = loop
        if settings.REDIS_URL:
            self._complete_from = loop.time()  # others may have told things before we listened
            self._relay = Relay(loop, deliver=self._arrive, lost=self._lost)

    def detach(self) -> None:
        """The loop ends: later news is dropped, and nobody waits any longer."""
        if self._relay is not None:
            self._relay.stop()
        waiting = [future for entry in self._waiters.values() for future in entry.futures]
        loop, self._loop, self._relay = self._loop, None, None
        self._reset()
        if loop is not None and not loop.is_closed():
            for future in waiting:
                loop.call_soon_threadsafe(_finish, future, False)

    def ensure(self) -> None:
        """Attach to the running loop where no process did it, as under a plain ASGI server."""
        running = asyncio.get_running_loop()
        if self._loop is not running:
            self.attach(running)

    # --- news coming in --------------------------------------------------------------------------
    def publish(
        self,
        topics: Iterable[str],
        message: Message,
        tenant_id: uuid.UUID | str | None = None,
    ) -> None:
        """Spread ``message`` on ``topics``; callable from any thread, dropped where no loop is.

        ``message`` needs ``kind`` and ``id``; ``tenant_id`` None is news about what tenants share.
        """
        news = {
            "topics": list(topics),
            "message": message,
            "tenant_id": str(tenant_id) if tenant_id else None,
        }
        if settings.REDIS_URL and Relay.send(self._relay, news):
            return
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._arrive, news)
        except RuntimeError:
            _log.debug("news came after the loop had ended")

    def _arrive(self, news: Mapping[str, Any]) -> None:
        message, tenant_id = news["message"], news["tenant_id"]
        now = asyncio.get_running_loop().time()
        for topic in news["topics"]:
            self._wake(topic)
            if topic != FEED:
                self._coalesce((topic, str(message.get("id", ""))), message, tenant_id, now)

    def _coalesce(self, key: Key, message: Message, tenant_id: str | None, now: float) -> None:
        if key in self._windows:
            held = self._windows[key]
            if held is None or _newer(message, held[0]):
                self._windows[key] = (message, tenant_id)
            return
        self._windows[key] = None
        self._closing.append((now + WINDOW_SECONDS, key))
        if not self._timed:
            self._close_at(now + WINDOW_SECONDS)
        self._emit(key[0], message, tenant_id, now)

    def _close_at(self, moment: float) -> None:
        self._timed = True
        asyncio.get_running_loop().call_at(moment, self._close_windows, self.epoch)

    def _close_windows(self, epoch: str) -> None:
        if epoch != self.epoch:  # a timer of the loop before this one
            return
        now = asyncio.get_running_loop().time()
        try:
            while self._closing and self._closing[0][0] <= now:
                key = self._closing.popleft()[1]
                held = self._windows.pop(key)
                if held is not None:
                    self._coalesce(key, *held, now)
        finally:  # also after a listener that failed: the others go on
            self._timed = False
            if self._closing:
                self._close_at(max(self._closing[0][0], now + TIMER_SECONDS))

    def _emit(self, topic: str, message: Message, tenant_id: str | None, now: float) -> None:
        self.seq += 1
        item = Item(self.seq, now, topic, message, tenant_id)
        self._remember(item)
        for listener in tuple(self._topics.get(topic, ())):
            listener.offer(item)

    def _remember(self, item: Item) -> None:
        history = self._history
        while history and (
            len(history) == HISTORY_ITEMS or history[0].at < item.at - HISTORY_SECONDS
        ):
            oldest = history.popleft()
            self._forgotten, self._complete_from = oldest.seq, oldest.at
        history.append(item)

    def _lost(self) -> None:
        """The way between the processes broke and came back; nobody knows what was missed."""
        self.seq += 1
        self._forgotten, self._complete_from = self.seq, asyncio.get_running_loop().time()
        self._history.clear()
        for listener in tuple(self._held):
            listener.gap()
        for topic in tuple(self._waiters):
            self._wake(topic)

    # --- listeners -------------------------------------------------------------------------------
    def listen(self, listener: Listener, topics: Iterable[str]) -> None:
        """Let ``listener`` hear exactly ``topics`` from now on."""
        self.leave(listener)
        wanted = frozenset(topics) - {FEED}
        self._held[listener] = wanted
        for topic in wanted:
            self._topics[topic].add(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a listener; leaving twice is leaving once."""
        for topic in self._held.pop(listener, ()):
            self._topics[topic].discard(listener)
            if not self._topics[topic]:
                del self._topics[topic]

    def followed(self, prefix: str) -> list[str]:
        """The topics with that prefix that somebody listens to."""
        return [topic for topic in self._topics if topic.startswith(prefix)]

    def since_seq(self, seq: int) -> Iterator[Item] | None:
        """What came after ``seq``; None when that is no longer held."""
        if seq < self._forgotten or seq > self.seq:
            return None
        return (item for item in tuple(self._history) if item.seq > seq)

    def since_time(self, seconds: float) -> Iterator[Item] | None:
        """What came within the last ``seconds``; None when that is no longer held."""
        start = asyncio.get_running_loop().time() - seconds
        if start < self._complete_from:
            return None
        return (item for item in tuple(self._history) if item.at >= start)

    # --- waiting ---------------------------------------------------------------------------------
    def ticket(self, topic: str = FEED) -> int:
        """A mark to take before looking, so that news between looking and waiting is not missed."""
        self.ensure()
        return self._waiters[topic].count

    async def wait(
        self, topic: str = FEED, *, timeout: float = 25.0, after: int | None = None
    ) -> bool:
        """Wait for news on ``topic``; True when there is some, False when the time is over.

        With ``after``, a ticket, news since then counts as well.
        """
        self.ensure()
        entry = self._waiters[topic]
        if after is not None and entry.count != after:
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        entry.futures.add(future)
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            return False
        finally:
            entry.futures.discard(future)

    def _wake(self, topic: str) -> None:
        # Topics that nobody ever waited for have no entry, and need none.
        entry = self._waiters.get(topic)
        if entry is None:
            return
        entry.count += 1
        for future in tuple(entry.futures):
            _finish(future, True)


def _finish(future: asyncio.Future[bool], answer: bool) -> None:
    if not future.done():
        future.set_result(answer)


def _newer(message: Message, than: Message) -> bool:
    """Whether ``message`` tells more than the one that is held back."""
    return int(message.get("version") or 0) >= int(than.get("version") or 0)


hub = Hub()
