"""Keeps the threads that fight for the interpreter together on one processor core.

Only one thread of a process runs Python at a time.  On several cores each hand-over wakes a core
that finds the interpreter taken again: under a flood of heartbeats that costs a third of all
processor time and lets pages wait for seconds.  On one core a hand-over is a mere switch.  What
runs without the interpreter for long (uploads, most of Celery's tasks) keeps every core.
"""

from __future__ import annotations

import logging
import os
import threading
import zlib

VARIABLE = "MECM_CORE"
ANY = "any"
_log = logging.getLogger("mecm.site")
_cores: frozenset[int] = frozenset()
_home: int | None = None  # the core of those that settled
_thread = threading.local()


def settle(name: str) -> None:
    """Keep this thread, and those that it starts from now on, on one core.

    ``MECM_CORE`` says which of the process's cores (0 is the first) or ``any``; without it the
    site's ``name`` decides.  Does nothing where there is one core or no way to choose.
    """
    global _cores, _home
    said = os.environ.get(VARIABLE, "")
    if said == ANY or not hasattr(os, "sched_setaffinity"):
        return
    if said and not said.isdecimal():
        _log.warning("%s is neither a number nor “%s”; it is not looked at", VARIABLE, ANY)
        said = ""
    _cores = frozenset(os.sched_getaffinity(0))
    number = int(said) if said else zlib.crc32(name.encode())
    _home = sorted(_cores)[number % len(_cores)]
    _put(frozenset((_home,)))


def stay() -> None:
    """Keep this thread on the core of those that settled, until it roams again."""
    if _home is not None:
        _put(frozenset((_home,)))


def roam() -> None:
    """Let this thread run on every core that the process began with."""
    if _cores:
        _put(_cores)


def leave() -> None:
    """Keep this thread, and whatever it starts, off the core of those that settled."""
    if _home is not None:
        _put(_cores - {_home} or _cores)


def _put(cores: frozenset[int]) -> None:
    # To say it again would be one more occasion to lose the interpreter.
    if getattr(_thread, "cores", None) != cores:
        os.sched_setaffinity(0, cores)
        _thread.cores = cores
