"""The second process of a site that reads edges; see ``reader``, which starts it and asks it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from django.db import close_old_connections

from apps.journal import fanout
from apps.sync import puller
from mecm_portal.runtime.reader import LOST
from mecm_portal.runtime.work import POOL_SIZE

NICENESS = 5
_log = logging.getLogger("mecm.sync")


class _Site:
    """The pipe to the site's process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._guard = pipe, threading.Lock()

    def say(self, number: int | None, said: Any) -> None:
        """Say what came of a question, or without a number anything else."""
        try:
            with self._guard:
                self._pipe.send((number, said))
        except OSError:
            _leave()

    def hear(self) -> tuple[int, uuid.UUID, bool, int]:
        """The next question; ends this process when there is no site any more."""
        try:
            question: tuple[int, uuid.UUID, bool, int] = self._pipe.recv()
        except (EOFError, OSError):
            _leave()
        return question


def _leave() -> NoReturn:
    """There is no site any more.  As when it is killed, leases and rows tell where to go on."""
    os._exit(0)


_site: _Site | None = None


def main(descriptor: int) -> None:
    """Read the edges that the site asks for, until it goes away."""
    global _site
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it is for the site, which ends this one
    os.nice(NICENESS)  # people and applications wait for the site, and for nothing here
    _site = site = _Site(Connection(descriptor))
    fanout.install((("", f"{__name__}.tell"),))
    with ThreadPoolExecutor(POOL_SIZE) as pool:
        site.say(None, "ready")
        while True:
            pool.submit(_read, site, *site.hear())


def tell(event: fanout.Event) -> None:
    """Let the site's process tell of what happened here."""
    if _site is not None:
        _site.say(None, event)


def _read(site: _Site, number: int, edge_id: uuid.UUID, ahead: bool, newest: int) -> None:
    try:
        came = puller.pull(edge_id, ahead=ahead, newest=newest)
    except Exception:
        _log.exception("edge %s could not be read", edge_id)
        came = LOST
    finally:
        close_old_connections()
    site.say(number, came)
