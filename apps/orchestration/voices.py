"""What a workload says: its events and its logs, from the host's driver or over the edge link."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import BoundedSemaphore

from django.utils.translation import gettext_noop as N_

from apps.common import clock
from apps.common.errors import Conflict, DomainError, NotFound, NotOffered, Upstream
from apps.common.words import say
from apps.edgelink.client import EdgeClient
from apps.hosts.drivers import driver_of
from apps.hosts.models import MecHost
from apps.instances.models import AppInstance
from apps.tenants.actors import Actor
from apps.vim.contract import VimRefused
from apps.vim.voices import LogPage, LogQuery, Voices, WorkloadEvent

LONGEST_WAIT = 20  # seconds that one request may be held until something is written
LOOKS_EVERY = 0.5  # seconds
TRIES = 5  # how often a download asks again for a page that did not come
# A request that is held keeps one of the site's few page threads: so many may, the others are
# answered at once and ask again with their cursor.
_seats = BoundedSemaphore(2)
_rest: Callable[[float], None] = time.sleep


def events_of(instance: AppInstance, *, actor: Actor) -> tuple[WorkloadEvent, ...]:
    """What happened to an instance's objects, oldest first; nothing where nothing is there yet."""
    if instance.host.applcm is None:
        return _voice(instance.host).events(instance.pk)
    try:
        with _edge(instance, actor) as edge:
            return edge.workload_events(instance.tenant_id, instance.pk)
    except NotFound:
        return ()


def log_of(
    instance: AppInstance, query: LogQuery, *, actor: Actor, follow: float = 0
) -> LogPage:
    """One page of a log; with ``follow`` held for so many seconds until there is a new line.

    Conflict while the container has not started; NotFound where there is no such pod.
    """
    if instance.host.applcm is None:
        voice = _voice(instance.host)
        return _held(lambda: _heard(voice, instance, query), follow)
    with _edge(instance, actor) as edge:
        ask = edge.workload_log
        if not follow or not _seats.acquire(blocking=False):
            return ask(instance.tenant_id, instance.pk, query)
        try:
            return ask(instance.tenant_id, instance.pk, query, follow=follow)
        finally:
            _seats.release()


def whole_log(instance: AppInstance, query: LogQuery, *, actor: Actor) -> Iterator[str]:
    """All that ``query`` means as text, page by page; the first page is read at once.

    A page that does not come is asked for again from the cursor, so nothing is lost or told
    twice; where that does not help either, the last line says that the log breaks off there.
    """
    first = log_of(instance, query, actor=actor)
    return _texts(instance, query, first, actor)


def _texts(
    instance: AppInstance, query: LogQuery, page: LogPage, actor: Actor
) -> Iterator[str]:
    while True:
        yield "".join(f"{line.at} {line.text}\n" for line in page.lines)
        if not page.more:
            return
        query = replace(query, after=page.cursor)
        try:
            page = _insisting(lambda: log_of(instance, query, actor=actor))  # noqa: B023 - at once
        except DomainError as error:
            yield f"-- {say(error.reason)}\n"
            return


def _insisting(read: Callable[[], LogPage]) -> LogPage:
    for _ in range(TRIES - 1):
        try:
            return read()
        except Upstream as error:
            if not error.retryable:
                raise
            _rest(LOOKS_EVERY)
    return read()


def _held(read: Callable[[], LogPage], seconds: float) -> LogPage:
    """What ``read`` finds, asked again for so long until it has a line or there will be none."""
    page = read()
    if seconds <= 0 or page.lines or page.ended or not _seats.acquire(blocking=False):
        return page
    try:
        until = clock.monotonic() + seconds
        while not page.lines and not page.ended and clock.monotonic() < until:
            _rest(LOOKS_EVERY)
            page = read()
        return page
    finally:
        _seats.release()


def _heard(voice: Voices, instance: AppInstance, query: LogQuery) -> LogPage:
    try:
        return voice.logs(instance.pk, query)
    except VimRefused as error:
        if not error.retryable:
            raise
        # The promise: so is a container that has not started.  It is about the moment.
        why = error.reason
        raise Conflict(why.text, code=why.code, **why.params) from None


def _voice(host: MecHost) -> Voices:
    driver = driver_of(host)
    if not isinstance(driver, Voices):
        raise NotOffered(
            N_("The VIM of “%(name)s” tells neither events nor logs."),
            code="no_voices",
            name=host.name,
        )
    return driver


def _edge(instance: AppInstance, actor: Actor) -> EdgeClient:
    assert instance.host.applcm is not None  # noqa: S101 - asked by the callers
    return EdgeClient(instance.host.applcm, actor=actor, tenant_name=instance.tenant.name)
