"""A second process that reads edges, while more of them wait than one processor core can read.

One process of Python uses one core.  When a country of edges comes back at once, to read them takes
all of it for a minute, and whoever uses the site waits.  The second process has the same code and
the same database; what it tells of is told on by the site's own process, where sockets and workers
are.  It is started when it is needed and ends when it is not, or with the site, however that ends.
"""

from __future__ import annotations

import itertools
import logging
import math
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from django.db import close_old_connections, connections

from apps.journal import fanout
from apps.sync import puller
from mecm_portal.runtime import core
from mecm_portal.runtime.plan import ROOT

# How long the second process is kept while nothing is asked of it.
IDLE_SECONDS = 120.0
# One that fell may fall again at once: how long none is started after it.
AGAIN_SECONDS = 60.0
STOP_SECONDS = 2.0
LOST = {"came": "lost"}
_log = logging.getLogger("mecm.sync")


class Reader:
    """The site's side: reads by itself, or has it done by the second process."""

    def __init__(self, worth_it: int) -> None:
        self._worth_it = worth_it
        self._guard = threading.Lock()
        self._reading = 0
        self._second: _Second | None = None

    def pull(self, edge_id: uuid.UUID, *, ahead: bool, newest: int) -> dict[str, Any]:
        """As ``puller.pull``; “lost” where the second process ended before it had answered."""
        with self._counted():
            second = self._second
            asked = second.ask(edge_id, ahead, newest) if second else None
            if asked is not None:
                return asked.result()
            return puller.pull(edge_id, ahead=ahead, newest=newest)

    def stop(self) -> None:
        """End the second process; what it is at is cut off."""
        with self._guard:
            self._worth_it, second = 0, self._second
        if second is not None:
            second.end()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._guard:
            self._reading += 1
        try:
            self._start_where_it_is_worth_it()
            yield
        finally:
            with self._guard:
                self._reading -= 1

    def _start_where_it_is_worth_it(self) -> None:
        with self._guard:
            is_there = self._second is not None and not self._second.has_ended
            if is_there or not 0 < self._worth_it <= self._reading:
                return
            if self._second is not None and self._second.fell_at > time.monotonic() - AGAIN_SECONDS:
                return
            try:
                self._second = _Second()
            except (OSError, RuntimeError):
                # Too many files are open, or threads: it is read here as before.
                _log.exception("no second process can be started to read edges")


class _Second:
    """The second process, from when it is started until it has ended."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._numbers = itertools.count()
        self._asked: dict[int, Future[dict[str, Any]]] = {}
        self._is_wanted, self._is_ready, self.has_ended = True, False, False
        self.fell_at = -math.inf  # by the monotonic clock: when it ended although it was wanted
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe, self._other = map(_connection, socket.socketpair())
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def ask(self, edge_id: uuid.UUID, ahead: bool, newest: int) -> Future[dict[str, Any]] | None:
        """Have an edge read; None while nobody is there to do it."""
        with self._guard:
            if not self._is_ready:
                return None
            number, asked = next(self._numbers), Future[dict[str, Any]]()
            self._asked[number] = asked
            try:
                self._pipe.send((number, edge_id, ahead, newest))
            except OSError:
                del self._asked[number]
                return None
            return asked

    def end(self) -> None:
        """Let it end, and wait for that."""
        with self._guard:
            self._is_ready, self._is_wanted = False, False
            if self._process is not None:
                self._process.kill()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            core.leave()  # what is started now stays away from that core too
            with self._guard, self._other:
                if self._is_wanted:
                    self._process = self._start()
            core.stay()
            while self._is_wanted and self._is_busy():
                self._hear(*self._pipe.recv())
        except Exception as error:
            # Whatever it is: who waits must not wait for ever.
            if self._is_wanted:
                self.fell_at = time.monotonic()
                _log.warning("the second process fell (%r); edges are read here", error)
        with self._guard:
            self._is_ready, self.has_ended = False, True
            left, self._asked = self._asked, {}
            self._pipe.close()
        for asked in left.values():
            asked.set_result(LOST)
        connections.close_all()  # those of this thread
        if self._process is not None:
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        descriptor = self._other.fileno()
        command = [sys.executable, str(ROOT / "manage.py"), "read_edges", str(descriptor)]
        return subprocess.Popen(command, pass_fds=[descriptor])

    def _is_busy(self) -> bool:
        """Wait for its next word; False when it has had nothing to do for long."""
        if self._pipe.poll(IDLE_SECONDS):
            return True
        with self._guard:
            is_over = self._is_ready and not self._asked
            self._is_ready = self._is_ready and not is_over
        return not is_over

    def _hear(self, number: int | None, said: Any) -> None:
        if isinstance(said, fanout.Event):
            fanout.publish(said)
            close_old_connections()
        elif number is None:
            self._is_ready = True
        else:
            with self._guard:
                asked = self._asked.pop(number)
            asked.set_result(said)


def _connection(one: socket.socket) -> Connection:
    return Connection(one.detach())
