"""Listens to the VIMs of this site's hosts that tell of changes by themselves.

One thread a host follows it; what changed is gathered and looked at on the site's event loop, many
instances at a time.  A host that is followed needs no polling: what nobody tells of is as it was.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from channels.db import database_sync_to_async
from django.db.models import Q, QuerySet

from apps.common import clock
from apps.common.errors import DomainError
from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.hosts.selectors import local_hosts
from apps.instances.models import AppInstance
from apps.instances.services import FRESHNESS
from apps.instances.states import Health, InstanceState
from apps.orchestration import services
from apps.orchestration.followed import followed_hosts, note_followed
from apps.vim.registry import driver_class
from apps.vim.voices import Follows

LOOK_FOR_HOSTS_SECONDS = 2.0
# News of one pod comes in several pieces; together they are looked at once.
GATHER_SECONDS = 0.1
LONGEST_PAUSE = 30.0
WATCHED = (InstanceState.INSTANTIATED, InstanceState.INSTANTIATION_FAILED)
SEEN = (*WATCHED, InstanceState.INSTANTIATING, InstanceState.TERMINATING)
MadeFrom = tuple[str, datetime]
_log = logging.getLogger("mecm.following")


@dataclass
class _Followed:
    """One host that a thread follows, and what its driver was made from."""

    made_from: MadeFrom
    stop: threading.Event = field(default_factory=threading.Event)


class Following:
    """The hosts that are followed by this process.  Thread safe."""

    def __init__(self) -> None:
        self._hosts: dict[uuid.UUID, _Followed] = {}
        self._changed: set[uuid.UUID] = set()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news: asyncio.Event | None = None

    async def run(self) -> None:
        """Follow until cancelled."""
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_hosts())
                group.create_task(self._look())
        finally:
            for one in self._hosts.values():
                one.stop.set()
            self._hosts.clear()

    async def _keep_hosts(self) -> None:
        while True:
            try:
                wanted = await database_sync_to_async(_wanted)()
                known = list(self._hosts.items())
                self._drop(key for key, one in known if wanted.get(key) != one.made_from)
                for key in wanted.keys() - self._hosts.keys():
                    await self._begin(key, wanted[key])
            except Exception:
                # The database may be busy for a moment; without this loop nobody would listen.
                _log.exception("the hosts to follow could not be read")
            await asyncio.sleep(LOOK_FOR_HOSTS_SECONDS)

    def _drop(self, keys: Iterable[uuid.UUID]) -> None:
        for key in keys:
            self._hosts.pop(key).stop.set()

    async def _begin(self, key: uuid.UUID, made_from: MadeFrom) -> None:
        driver = await database_sync_to_async(_driver)(key)
        if driver is not None:
            one = self._hosts[key] = _Followed(made_from)
            arguments = (key, one, driver)
            threading.Thread(target=self._follow, args=arguments, daemon=True).start()

    def _follow(self, key: uuid.UUID, one: _Followed, driver: Follows) -> None:
        """Follow one host for ever; back off with jitter while it does not answer."""
        failures = 0
        while not one.stop.is_set():
            note_followed(key, True)
            try:
                driver.follow(self._note, one.stop)
                failures = 0
            except DomainError as error:
                _log.info("host %s is not followed: %s", key, error)
            except Exception:
                _log.exception("host %s is not followed", key)
            finally:
                note_followed(key, False)
            failures += 1
            pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(failures, 8))
            one.stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret

    def _note(self, instance_id: uuid.UUID) -> None:
        with self._lock:
            first = not self._changed
            self._changed.add(instance_id)
        if first and self._loop is not None and self._news is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    async def _look(self) -> None:
        assert self._news is not None  # noqa: S101 - run sets it
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(GATHER_SECONDS)
            with self._lock:
                changed, self._changed = self._changed, set()
            try:
                await database_sync_to_async(look_at)(changed)
            except Exception:
                _log.exception("what changed could not be looked at")


following = Following()


async def watch_vims() -> None:
    """Listen to the VIMs of this site until cancelled."""
    await following.run()


def _wanted() -> dict[uuid.UUID, MadeFrom]:
    """The hosts whose VIM can be listened to, each with what its driver is made from."""
    rows = local_hosts().exclude(credential__isnull=True)
    found = rows.values_list("pk", "vim", "credential__uploaded_at")
    return {key: (vim, at) for key, vim, at in found if _tells(vim)}


def _tells(vim: str) -> bool:
    """Whether the VIMs of this kind tell of changes by themselves."""
    try:
        return issubclass(cast(type, driver_class(vim)), Follows)
    except DomainError:
        return False


def _driver(host_id: uuid.UUID) -> Follows | None:
    """The driver of a host; None while none can be made."""
    try:
        return cast(Follows, driver_of(local_hosts().get(pk=host_id)))
    except (DomainError, MecHost.DoesNotExist):
        return None


def look_at(instance_ids: Iterable[uuid.UUID]) -> int:
    """Look at these instances of this site; returns how many there are."""
    rows = AppInstance.objects.filter(pk__in=list(instance_ids), host__applcm__isnull=True)
    return _watch(rows.filter(state__in=SEEN))


def watch() -> dict[str, int]:
    """Look at what runs on the hosts of this site, where looking can tell anything new.

    On a host that is followed, what is Ready has stayed so until now unless somebody told; what is
    not is looked at now and then, since patience with it ends without anybody telling.
    """
    rows = AppInstance.objects.filter(state__in=WATCHED, host__applcm__isnull=True)
    told = Q(host_id__in=followed_hosts())
    now = clock.now()
    old = Q(observed_at__isnull=True) | Q(observed_at__lt=now - FRESHNESS)
    ready = rows.filter(told, health=Health.READY, observed_at__lt=now - FRESHNESS)
    known = ready.update(observed_at=now)
    unsteady = rows.filter(told & old).exclude(health=Health.READY)
    return {"watched": _watch(rows.exclude(told)) + _watch(unsteady), "known": known}


def _watch(rows: QuerySet[AppInstance]) -> int:
    found = list(rows.order_by().select_related("host", "host__applcm", "host__credential"))
    for row in found:
        try:
            services.watch_instance(row)
        except Exception:
            # One that cannot be looked at must not hide the others.
            _log.exception("instance %s could not be watched", row.pk)
    return len(found)
