"""Lets one pull work at a time, while any number wait for the answers of their edges.

A pull is Python and short writes from end to end.  Many at once are no faster: they take the
interpreter and the database from each other, and from everybody who uses the site meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Lock()
_mine = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Work alone; who does so already goes on."""
    if _has_turn():
        yield
        return
    _take()
    try:
        yield
    finally:
        _give_back()


@contextmanager
def waiting() -> Iterator[None]:
    """Let others work while nothing is done here but to wait."""
    if not _has_turn():
        yield
        return
    _give_back()
    try:
        yield
    finally:
        _take()


def _has_turn() -> bool:
    return getattr(_mine, "turn", False)


def _take() -> None:
    _turn.acquire()
    _mine.turn = True


def _give_back() -> None:
    _mine.turn = False
    _turn.release()
