"""Writers to one SQLite file take turns, and the lock is given back whatever happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError, transaction

from mecm_portal.sqlite.base import DatabaseWrapper, write_lock

THREADS = 8
TURNS = 25


class Database:
    """A file with one counter, opened once per thread as Django does it."""

    def __init__(self, path, timeout=10.0):
        self.path = path
        self.timeout = timeout
        self._local = threading.local()
        self.opened = []

    def connection(self):
        if not hasattr(self._local, "connection"):
            self._local.connection = self.open()
        return self._local.connection

    def open(self):
        settings = {
            "NAME": str(self.path),
            "ENGINE": "mecm_portal.sqlite",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": self.timeout,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
            },
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": False,
            "AUTOCOMMIT": True,
            "TIME_ZONE": None,
            "ATOMIC_REQUESTS": False,
            "TEST": {"NAME": None},
        }
        connection = DatabaseWrapper(settings, alias=f"lock-{id(self)}-{threading.get_ident()}")
        connection.inc_thread_sharing()
        self.opened.append(connection)
        return connection


@pytest.fixture
def database(tmp_path, django_db_blocker, monkeypatch):
    """The file, and ``transaction.atomic`` bound to the connection of the asking thread."""
    with django_db_blocker.unblock():
        database = Database(tmp_path / "lock.sqlite3")
        monkeypatch.setattr(transaction, "get_connection", lambda using=None: database.connection())
        with database.connection().cursor() as cursor:
            cursor.execute("CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER UNIQUE)")
            cursor.execute("INSERT INTO counter VALUES (1, 0), (2, -1)")
        yield database
        for connection in database.opened:
            connection.close()


def read(database):
    with database.connection().cursor() as cursor:
        return cursor.execute("SELECT value FROM counter WHERE id = 1").fetchone()[0]


def raise_by_one(database):
    value = read(database)
    with database.connection().cursor() as cursor:
        cursor.execute("UPDATE counter SET value = %s WHERE id = 1", [value + 1])


def is_free(database):
    return not write_lock(database.path).locked()


def test_eight_threads_lose_no_update_and_meet_no_error(database):
    def work(_):
        for _ in range(TURNS):
            with transaction.atomic():
                raise_by_one(database)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert read(database) == THREADS * TURNS
    assert is_free(database)


def test_only_the_outermost_block_takes_the_lock(database):
    with transaction.atomic():
        with transaction.atomic():
            raise_by_one(database)
        assert not is_free(database)
    assert is_free(database)


def test_an_error_gives_the_lock_back(database):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise_by_one(database)
        raise ZeroDivisionError
    assert is_free(database)
    assert read(database) == 0


def test_an_error_of_the_database_gives_the_lock_back(database):
    cursor = database.connection().cursor()
    with pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute("UPDATE counter SET value = -1 WHERE id = 1")
    assert is_free(database)


def test_a_commit_that_fails_gives_the_lock_back(database, monkeypatch):
    def refuse(self):
        raise OperationalError("disk is full")

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper._commit", refuse)
    with pytest.raises(OperationalError, match="full"), transaction.atomic():
        raise_by_one(database)
    assert is_free(database)
    assert read(database) == 0


def test_a_connection_closed_inside_gives_the_lock_back(database):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        database.connection().close()
        raise ZeroDivisionError
    assert is_free(database)


def test_a_lock_held_by_another_thread_is_waited_for_and_then_told(database):
    database.timeout = 0.05
    waiting = ThreadPoolExecutor(1)

    def write():
        with transaction.atomic():
            raise_by_one(database)

    with transaction.atomic(), pytest.raises(OperationalError, match="locked"):
        waiting.submit(write).result(5)
    waiting.submit(write).result(5)
    waiting.shutdown()
    assert read(database) == 1


def test_readers_pass_a_writer(database):
    with transaction.atomic():
        raise_by_one(database)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(read, database).result(5) == 0


def test_two_files_have_two_locks(tmp_path):
    assert write_lock(tmp_path / "a") is write_lock(str(tmp_path / "a"))
    assert write_lock(tmp_path / "a") is not write_lock(tmp_path / "b")
