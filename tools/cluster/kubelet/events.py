"""Events as a kubelet writes them: one object per thing, counted up when it happens again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tools.cluster.kubelet.client import MERGE, Client

Object = dict[str, Any]
MOST = 5000  # remembered for counting


def now_text() -> str:
    """The time as objects carry it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_text(at: float) -> str:
    """A time of an object, in whole seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Recorder:
    """Writes in order and in the background, so that no pod waits for it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._queue: asyncio.Queue[tuple[Object, str, str, str, str]] = asyncio.Queue()
        self._known: dict[tuple[str, ...], tuple[str, int]] = {}

    def say(self, pod: Object, container: str, kind: str, reason: str, message: str) -> None:
        """Something happened to a pod, or to one of its containers."""
        self._queue.put_nowait((pod, container, kind, reason, message))

    async def run(self) -> None:
        """Write what is said, for ever."""
        while True:
            await self._write(*await self._queue.get())

    async def _write(self, pod: Object, field: str, kind: str, reason: str, message: str) -> None:
        meta = pod["metadata"]
        key = (meta["uid"], field, reason, message)
        base = f"/api/v1/namespaces/{meta['namespace']}/events"
        if key in self._known:
            name, count = self._known[key]
            news = {"count": count + 1, "lastTimestamp": now_text()}
            status, _ = await self._client.call("PATCH", f"{base}/{name}", news, MERGE)
            if status == 200:
                self._known[key] = (name, count + 1)
                return
        event = _event(pod, field, kind, reason, message)
        status, _ = await self._client.call("POST", base, event)
        if status == 201:  # else the namespace is going, and nobody can be told
            if len(self._known) >= MOST:
                self._known.pop(next(iter(self._known)))
            self._known[key] = (event["metadata"]["name"], 1)


def _event(pod: Object, field: str, kind: str, reason: str, message: str) -> Object:
    meta, now = pod["metadata"], now_text()
    about = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }
    if field:
        about["fieldPath"] = field
    return {
        "metadata": {
            "name": f"{meta['name']}.{uuid4().hex[:16]}",
            "namespace": meta["namespace"],
        },
        "involvedObject": about,
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
        "reportingComponent": "kubelet",
        "reportingInstance": pod["spec"]["nodeName"],
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
