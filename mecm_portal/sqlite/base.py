"""SQLite whose writers queue for one write lock per file instead of racing for it.

SQLite lets a waiting writer sleep and try again, so that under load one can be passed over for
seconds.  With ``transaction_mode=IMMEDIATE`` every transaction writes anyway; a lock of the process
around the outermost one, and around a single statement outside any, makes them take turns.  Not for
readers: WAL lets them pass freely, and not between processes: there SQLite's own busy timeout
remains.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from mecm_portal.sqlite.turns import FairLock

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_locks: dict[str, FairLock] = {}
_locks_guard = threading.Lock()


def write_lock(name: object) -> FairLock:
    """The one lock of this process for the database file ``name``."""
    with _locks_guard:
        return _locks.setdefault(str(name), FairLock())


_Django: Any = base.DatabaseWrapper  # the stubs know nothing of the hooks that back-ends override


class _Cursor(base.SQLiteCursorWrapper):
    """A cursor whose single writes take their turn as transactions do."""

    wrapper: DatabaseWrapper

    def execute(self, query: Any, params: Any = None) -> Any:
        """Run a statement."""
        if self.connection.in_transaction or not query.startswith(_WRITES):
            return super().execute(query, params)
        with self.wrapper.turn():
            return super().execute(query, params)

    def executemany(self, query: Any, param_list: Any) -> Any:
        """Run a statement many times."""
        if self.connection.in_transaction:
            return super().executemany(query, param_list)
        with self.wrapper.turn():
            return super().executemany(query, param_list)


class DatabaseWrapper(_Django):
    """A connection that holds the write lock from BEGIN until commit, rollback or close.

    Whether this connection holds the lock is noted on the connection and not by thread, so that a
    connection closed from another thread gives it back too.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: FairLock | None = None

    def create_cursor(self, name: str | None = None) -> _Cursor:
        """A cursor that knows this connection."""
        cursor: _Cursor = self.connection.cursor(factory=_Cursor)
        cursor.wrapper = self
        return cursor

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the write lock for the block; a transaction that holds it already keeps it."""
        if self._held is not None:
            yield
            return
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def _start_transaction_under_autocommit(self) -> None:
        self._acquire()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._release()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._release()  # a commit that fails is followed by a rollback, which releases

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._release()

    def _set_autocommit(self, autocommit: bool) -> None:
        try:
            super()._set_autocommit(autocommit)
        finally:
            if autocommit:
                self._release()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._release()

    def _acquire(self) -> None:
        if self._held is not None:
            return
        lock = write_lock(self.settings_dict["NAME"])
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        if not lock.acquire(timeout=patience):
            raise OperationalError("database is locked")
        self._held = lock

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.release()
