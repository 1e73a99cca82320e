"""The live socket of one browser tab: signals that something changed, never the thing itself.

The client sends ``{"subscribe": [topics]}``, always the whole set, with the ``seq`` and ``epoch``
of the last message when it was connected before, or with ``age``, the seconds since the page was
asked for.  The server sends ``hello``, ``subscribed``, ``refused``, ``changed``, ``gone``, ``gap``
and ``ping``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from apps.monitoring.doors import SHARED, followable, passes_wall, sight
from apps.monitoring.hub import Item, hub
from apps.monitoring.outbox import Letter, Outbox
from apps.monitoring.standing import standing
from apps.tenants.actors import SYSTEM, Actor

SIGNED_OUT = 4401
CHANGED_PERSON = 1012  # "come again": role or tenant are others now
NONSENSE, TOO_BIG = 1008, 1009

MOST_TOPICS = 100
MOST_BYTES = 16 * 1024
MOST_MESSAGES, PER_SECONDS = 20, 10.0
_log = logging.getLogger("mecm.live")


class LiveConsumer(AsyncWebsocketConsumer):
    """One tab.  Whoever is not signed in is told so by the close code 4401."""

    # Not a configured layer: news comes from the hub, and a socket needs no channel of its own.
    channel_layer_alias = "unused"
    ping_seconds: ClassVar[float] = 25.0
    recheck_seconds: ClassVar[float] = 60.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor: Actor = SYSTEM  # replaced before anything is subscribed
        self.topics: frozenset[str] = frozenset()
        self.outbox = Outbox()
        self._known: set[str] = set()
        self._doubt = asyncio.Event()
        self._times: deque[float] = deque(maxlen=MOST_MESSAGES)
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the tab until it or the site goes away."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    # --- the client ------------------------------------------------------------------------------
    async def connect(self) -> None:
        """Let in a signed-in person whose page is ours."""
        if not same_origin(self.scope["headers"]):
            await self.close()
            return
        await self.accept()
        actor = await self._standing()
        if actor is None:
            await self.close(SIGNED_OUT)
            return
        self.actor = actor
        hub.ensure()
        if not actor.is_admin:
            self._known |= await sight.at(actor, hub.seq)
        hub.listen(self, [self._own_topic])
        self.outbox.put({"kind": "hello", "seq": hub.seq, "epoch": hub.epoch})
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._watch())]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take the one message that clients send: what they want to follow."""
        if not self._tasks:
            return
        if len(text_data or bytes_data or "") > MOST_BYTES:
            await self._end(TOO_BIG)
            return
        wish = _wish(text_data)
        if wish is None or self._too_often():
            await self._end(NONSENSE)
            return
        await self._subscribe(wish)

    async def _subscribe(self, wish: Mapping[str, Any]) -> None:
        start = asyncio.get_running_loop().time() - _seconds(wish.get("age"))
        asked = list(dict.fromkeys(wish["subscribe"]))
        allowed = await followable(self.actor, asked[:MOST_TOPICS])
        if not self._tasks:
            return
        fresh, self.topics = allowed - self.topics, allowed
        hub.listen(self, [*allowed, self._own_topic])
        for topic in asked:
            if topic not in allowed:
                self.outbox.put({"kind": "refused", "topic": topic[:MOST_TOPICS]})
        self.outbox.put({"kind": "subscribed", "topics": sorted(allowed), "seq": hub.seq})
        if "epoch" in wish:
            same = wish["epoch"] == hub.epoch and isinstance(wish.get("seq"), int)
            self._replay(allowed, hub.since_seq(wish["seq"]) if same else None)
        else:
            now = asyncio.get_running_loop().time()
            self._replay(fresh, hub.since_time(now - start))

    def _replay(self, topics: frozenset[str], items: Iterable[Item] | None) -> None:
        """Send what was missed on ``topics``, or say that nobody knows what was."""
        if items is None:
            self.outbox.gap()
            return
        for item in items:
            if item.topic in topics:
                self.offer(item)

    def _too_often(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._times.append(now)
        return len(self._times) == MOST_MESSAGES and now - self._times[0] < PER_SECONDS

    # --- the hub ---------------------------------------------------------------------------------
    def offer(self, item: Item) -> None:
        """Take news if it may pass to this person."""
        if item.topic == self._own_topic and item.topic not in self.topics:
            self._doubt.set()
        elif passes_wall(self.actor, item):
            self.outbox.put(item)

    def gap(self) -> None:
        """News was lost on its way to this process."""
        self.outbox.gap()

    # --- writing ---------------------------------------------------------------------------------
    async def _write(self) -> None:
        try:
            while True:
                text = await self._text_of(await self._next())
                if text:
                    await self.send(text_data=text)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the tab went away, or the database did: it comes again
            _log.info("a live socket ends: %s", error or type(error).__name__)
            self._tasks = self._tasks[1:]
            await self._end(1011)

    async def _next(self) -> Letter:
        try:
            async with asyncio.timeout(self.ping_seconds):
                return await self.outbox.get()
        except TimeoutError:
            return {"kind": "ping"}

    async def _text_of(self, letter: Letter) -> str:
        """What is sent for a letter; empty when it is about a host that is not shown to them."""
        if not isinstance(letter, Item):
            return json.dumps({"seq": hub.seq, **letter}, separators=(",", ":"))
        if self.actor.is_admin or letter.message.get("object") not in SHARED:
            return letter.text
        visible = await sight.at(self.actor, letter.seq)
        identity = str(letter.message["id"])
        known = identity in self._known
        self._known |= visible
        if identity in visible:
            return letter.text
        self._known.discard(identity)
        return letter.worded(kind="gone") if known else ""

    # --- staying signed in -----------------------------------------------------------------------
    async def _watch(self) -> None:
        """Ask again who this is: now and then, and at once when news about the person comes."""
        while True:
            try:
                async with asyncio.timeout(self.recheck_seconds):
                    await self._doubt.wait()
            except TimeoutError:
                pass
            self._doubt.clear()
            actor = await self._standing()
            if actor != self.actor:
                # A task must not cancel itself before it has said good-bye.
                self._tasks = self._tasks[:1]
                await self._end(SIGNED_OUT if actor is None else CHANGED_PERSON)
                return

    async def _standing(self) -> Actor | None:
        session = self.scope.get("session")
        key = getattr(session, "session_key", None)
        actor: Actor | None = await database_sync_to_async(standing)(key)
        return actor

    @property
    def _own_topic(self) -> str:
        return f"user:{self.actor.actor_id}"

    async def _end(self, code: int) -> None:
        self._leave()
        # Closing what the other side has closed already is no news.
        with contextlib.suppress(OSError, RuntimeError):
            await self.close(code)

    def _leave(self) -> None:
        hub.leave(self)
        for task in self._tasks:
            task.cancel()
        self._tasks = []


def same_origin(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the page that opens the socket is one of ours; no origin at all is not."""
    found = {name.lower(): value.decode("latin-1") for name, value in headers}
    origin, host = found.get(b"origin", ""), found.get(b"host", "")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def _wish(text: str | None) -> dict[str, Any] | None:
    try:
        wish = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    topics = wish.get("subscribe") if isinstance(wish, dict) else None
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        return None
    found: dict[str, Any] = wish
    return found


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return max(0.0, float(value))
