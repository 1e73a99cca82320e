"""The cord between the supervisor and its children: when it goes, they go.

The supervisor holds the writing end of a pipe; nobody ever writes.  However the supervisor ends,
``kill -9`` included, the kernel closes that end and every child reads the end of the file.
"""

from __future__ import annotations

import os
import signal
import threading
import time

VARIABLE = "MECM_LIFELINE_FD"
GRACE_SECONDS = 6.0


def hold() -> None:
    """End this process soon after the supervisor does; nothing to do when there is none."""
    descriptor = os.environ.pop(VARIABLE, "")
    if descriptor:
        threading.Thread(
            target=_watch, args=(int(descriptor),), name="lifeline", daemon=True
        ).start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)  # whatever still hangs now would hang for ever
