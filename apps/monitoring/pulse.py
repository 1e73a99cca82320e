"""Heartbeat ages for open pages: once a second, and only of the services that somebody looks at.

A heartbeat is no news and starts nothing; this looks at the book of deadlines for the topics
``beat:<service id>`` that have listeners, and tells the new times.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

from apps.mep.liveness.book import book
from apps.monitoring.hub import hub

SECONDS = 1.0
PREFIX = "beat:"


async def watch_pulse() -> None:
    """Tell the listeners of each second what has changed in it."""
    told: dict[str, float] = {}
    while True:
        await asyncio.sleep(SECONDS)
        told = tell(told)


def tell(told: dict[str, float]) -> dict[str, float]:
    """Publish the times that differ from ``told``; returns those that are known now."""
    now: dict[str, float] = {}
    for topic in hub.followed(PREFIX):
        key = topic.removeprefix(PREFIX)
        entry = book.find(uuid.UUID(key))
        if entry is None:
            continue
        now[topic] = entry.beat_at
        if told.get(topic) != entry.beat_at:
            at = datetime.fromtimestamp(entry.beat_at, UTC).isoformat()
            message = {"kind": "beat", "id": key, "version": 0, "data": {"at": at}}
            hub.publish([topic], message | {"object": "beat"})
    return now
