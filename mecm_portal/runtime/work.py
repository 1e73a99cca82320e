"""Celery's own worker and beat as threads of the site process.  Only for the in-memory broker.

With a real broker they are processes of their own and nothing here runs.  One worker per process:
Celery keeps its stop flag and the in-memory queues in module globals.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from celery import Celery
from celery.beat import EmbeddedService
from celery.signals import task_prerun
from celery.worker import WorkController, state

from mecm_portal.runtime import core

# Threads are made when they are needed.  Up to 24 of them wait for edges that take packages.
POOL_SIZE = 32
STOP_SECONDS = 3.5
_log = logging.getLogger("mecm.work")


@task_prerun.connect
def _settle(*, sender: Any, **_: Any) -> None:
    """Let a task that ``stays`` run on the site's core: it is Python from end to end."""
    (core.stay if getattr(sender, "stays", False) else core.roam)()


class EmbeddedWork:
    """The worker and the beat of one site process."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._worker: threading.Thread | None = None
        self._beat: Any = None  # Celery's class for it is private

    @property
    def is_embedded(self) -> bool:
        """Whether the broker lives in this process, so that the worker has to as well."""
        return str(self.app.conf.broker_url).startswith("memory:")

    def start(self) -> None:
        """Start both threads; does nothing when a broker outside has workers of its own."""
        if not self.is_embedded:
            return
        self.app.finalize()  # tasks are registered before several threads look for them
        controller = WorkController(
            app=self.app,
            pool="threads",
            concurrency=POOL_SIZE,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._worker = threading.Thread(target=controller.start, name="celery-worker", daemon=True)
        # Without a scheduler of its own choice the service would keep a shelve file.
        self._beat = EmbeddedService(
            self.app, thread=True, scheduler_cls=self.app.conf.beat_scheduler
        )
        self._worker.start()
        self._beat.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Take no new task and wait until those in flight are done, at most ``seconds``.

        The threads themselves may sit in a poll for two seconds more.  Being daemons they end with
        the process; ``join`` is for a process that goes on.
        """
        if self._worker is None or self._beat is None:
            return
        state.should_stop = 0  # type: ignore[assignment]  # Celery's own spelling of “stop”
        self._beat.service.stop()
        deadline = time.monotonic() + seconds
        while state.active_requests and time.monotonic() < deadline:
            time.sleep(0.02)
        if state.active_requests:
            _log.warning("%d task(s) cut off; their rows pick them up.", len(state.active_requests))

    def join(self, seconds: float = 6.0) -> None:
        """Wait for both threads to end after ``stop``, so that work can be started again."""
        for thread in (self._worker, self._beat):
            if thread is not None:
                thread.join(seconds)
        self._worker = self._beat = None
        state.should_stop = None
