"""What a site's event loop does about liveness: sweep, and save when services were heard of."""

from __future__ import annotations

import asyncio
import logging

from django.db import close_old_connections

from apps.mep import calls
from apps.mep.liveness import records, transitions
from apps.mep.liveness.book import TICK_SECONDS, Entry, book

SAVE_SECONDS = 30.0
_log = logging.getLogger("mecm.mep")


async def watch_heartbeats() -> None:
    """Sweep the book every tick; what expires is written by a thread, so beats go on meanwhile."""
    loop = asyncio.get_running_loop()
    saved = loop.time()
    book.renew()
    writing: asyncio.Task[bool | None] | None = None
    waiting: list[Entry] = []
    while True:
        await asyncio.sleep(TICK_SECONDS)
        waiting += book.sweep()
        if writing is not None and not writing.done():
            continue
        if waiting:
            batch, waiting = waiting, []
            writing = asyncio.create_task(asyncio.to_thread(_suspend, batch))
        elif book.in_turn:
            writing = asyncio.create_task(asyncio.to_thread(_save))
        elif loop.time() - saved >= SAVE_SECONDS:
            saved = loop.time()
            writing = asyncio.create_task(asyncio.to_thread(_save, with_calls=True))


def _suspend(batch: list[Entry]) -> None:
    try:
        transitions.suspend(batch)
    except Exception:
        _log.exception("%d services could not be looked at; they are tried again", len(batch))
        for entry in batch:
            book.release(entry, transitions.RETRY_SECONDS)
    finally:
        close_old_connections()


def save() -> None:
    """Write all heartbeat times and call counts when the site stops, unless that fails."""
    written = _save(with_calls=True)
    while written and book.unsaved:
        written = _save()


def _save(*, with_calls: bool = False) -> bool:
    """Write a part of the heartbeat times: little by little, since they are many and not urgent."""
    try:
        records.save_beats(book.take_unsaved(records.SAVED_AT_ONCE))
        if with_calls:
            calls.save()
        return True
    except Exception:
        _log.exception("heartbeat times and call counts could not be saved")
        return False
    finally:
        close_old_connections()
