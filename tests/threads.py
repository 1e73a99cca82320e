"""Work in threads that begin at the same moment, each with a database connection of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connections


def at_once(*works):
    """Do these in threads that all begin together; what each returned."""
    gate = threading.Barrier(len(works))

    def one(work):
        try:
            gate.wait(30)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result(120) for done in [pool.submit(one, work) for work in works]]
