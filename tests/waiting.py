"""Waiting for what other processes do, and seeing which of them are there."""

from __future__ import annotations

import time
from pathlib import Path

PAUSE = 0.1


def soon(truth, seconds=120, found=lambda: "nothing more is known"):
    """Wait until ``truth()`` is true and return it; fails with what ``found`` says."""
    end = time.monotonic() + seconds
    while True:
        result = truth()
        if result:
            return result
        assert time.monotonic() < end, found()
        time.sleep(PAUSE)


def processes_of(folder, *, keeper):
    """Processes that work in ``folder`` or are told of it, but for their ``keeper``."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            at = (process / "cwd").readlink().as_posix()
            words = (process / "cmdline").read_bytes().decode().replace("\0", " ")
        except OSError:
            continue
        ours = at.startswith(str(folder)) or str(folder) in words
        if words and ours and keeper not in words:
            found[process.name] = words
    return found
