"""Everything of ours in one cluster, kept up to date by watches.  One watch a collection.

Their number is that of the collections, however many instances there are.  What changed is told by
instance; what it means is read by :mod:`apps.vim.kubernetes.status`.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from apps.vim.errors import VimRefused, VimUnreachable
from apps.vim.kubernetes.cluster import Cluster, Object, Refused, Stream
from apps.vim.kubernetes.kinds import COLLECTIONS, Collection, Found, instance_of, key_of, trimmed

WATCH_SECONDS: Final = 240
# An idle watch looks like a dead one: whether the API server is there is asked apart.
ASK_SECONDS: Final = 5.0
GONE: Final = 410
_log = logging.getLogger("mecm.kubernetes")
Changed = Callable[[UUID], None]


class Mirror:
    """What the watches have seen of one cluster.  Thread safe."""

    def __init__(self, cluster: Cluster, changed: Changed) -> None:
        self._cluster, self._changed = cluster, changed
        self._lock = threading.Lock()
        self._kept: dict[str, dict[tuple[str, str], Object]] = {}
        self._of: dict[str, dict[str, set[tuple[str, str]]]] = {
            one.name: defaultdict(set) for one in COLLECTIONS
        }
        self._streams: dict[str, Stream] = {}
        self._fault: VimRefused | VimUnreachable | None = None
        self._ending = threading.Event()

    @property
    def complete(self) -> bool:
        """Whether every collection has been read, and nothing was lost since."""
        return len(self._kept) == len(COLLECTIONS) and not self._ending.is_set()

    def found(self, instance_id: UUID) -> Found:
        """All that is known of one instance."""
        key = str(instance_id)
        with self._lock:
            return {
                name: [self._kept[name][place] for place in places[key]]
                for name, places in self._of.items()
                if places.get(key)
            }

    def run(self, stop: threading.Event) -> None:
        """Watch until ``stop``; raises what the cluster was lost by."""
        threads = [
            threading.Thread(target=self._follow, args=(one,), name=one.name, daemon=True)
            for one in COLLECTIONS
        ]
        for thread in threads:
            thread.start()
        try:
            while not stop.wait(ASK_SECONDS) and self._fault is None:
                self._cluster.get("/version")
        finally:
            self._ending.set()
            with self._lock:
                streams = list(self._streams.values())
            for stream in streams:
                with suppress(Exception):  # it may be closed already, or half-open
                    stream.close()
        if self._fault is not None:
            raise self._fault

    def _follow(self, collection: Collection) -> None:
        version = ""
        try:
            while not self._ending.is_set():
                if not version:
                    version = self._read(collection)
                version = self._watch(collection, version)
        except (VimRefused, VimUnreachable) as error:
            self._fault = self._fault or error
        except Exception as error:
            if not self._ending.is_set():
                _log.exception("the watch of %s ended", collection.name)
                self._fault = self._fault or VimUnreachable(str(error))

    def _read(self, collection: Collection) -> str:
        """The whole collection; tells what is new against what was known."""
        rows, version = self._cluster.list(
            collection.path, accept=collection.accept, labelSelector=collection.selector
        )
        fresh = {key_of(one): trimmed(one) for one in rows}
        with self._lock:
            known = self._kept.get(collection.name, {})
            gone = [known[key] for key in known.keys() - fresh.keys()]
            news = [one for key, one in fresh.items() if _version(one) != _version(known.get(key))]
            self._kept[collection.name] = fresh
            places = self._of[collection.name]
            places.clear()
            for key, one in fresh.items():
                places[instance_of(one)].add(key)
        self._tell([*gone, *news])
        return version

    def _watch(self, collection: Collection, version: str) -> str:
        """Follow a collection; the version to go on from, or nothing when it must be read again."""
        try:
            stream = self._cluster.stream(
                collection.path, seconds=WATCH_SECONDS + 30.0, watch="true",
                accept=collection.accept.replace("MetadataList", "Metadata"),
                labelSelector=collection.selector, resourceVersion=version,
                allowWatchBookmarks="true", timeoutSeconds=WATCH_SECONDS,
            )
        except Refused as refusal:
            if refusal.answered == GONE:
                return ""
            raise
        with self._lock:
            self._streams[collection.name] = stream
        try:
            for line in stream:
                event = json.loads(line)
                one: dict[str, Any] = event["object"]
                if event["type"] == "ERROR":
                    return ""
                version = str((one.get("metadata") or {}).get("resourceVersion") or version)
                if event["type"] != "BOOKMARK":
                    self._take(collection, one, gone=event["type"] == "DELETED")
        except VimUnreachable:
            if self._ending.is_set():
                return version
            raise
        return version

    def _take(self, collection: Collection, one: Object, *, gone: bool) -> None:
        key, instance = key_of(one), instance_of(one)
        with self._lock:
            kept, places = self._kept[collection.name], self._of[collection.name]
            if gone:
                kept.pop(key, None)
                places[instance].discard(key)
            else:
                kept[key] = trimmed(one)
                places[instance].add(key)
        self._tell([one])

    def _tell(self, rows: Iterable[Object]) -> None:
        for text in sorted({instance_of(one) for one in rows}):
            with suppress(ValueError):  # a label of somebody else's making
                self._changed(UUID(text))


def _version(one: Object | None) -> str:
    return str((one or {}).get("metadata", {}).get("resourceVersion") or "")


_mirrors: dict[str, Mirror] = {}


def follow(cluster: Cluster, changed: Changed, stop: threading.Event) -> None:
    """Mirror a cluster until ``stop``; raises what it was lost by."""
    mirror = Mirror(cluster, changed)
    _mirrors[cluster.kubeconfig] = mirror
    try:
        mirror.run(stop)
    finally:
        if _mirrors.get(cluster.kubeconfig) is mirror:
            del _mirrors[cluster.kubeconfig]


def mirror_of(cluster: Cluster) -> Mirror | None:
    """The mirror of a cluster, while there is a complete one."""
    mirror = _mirrors.get(cluster.kubeconfig)
    return mirror if mirror is not None and mirror.complete else None
