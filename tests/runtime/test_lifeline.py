"""A child ends when the supervisor does, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from mecm_portal.runtime import lifeline

CHILD = """
from mecm_portal.runtime import lifeline
import time
lifeline.hold()
print("ready", flush=True)
time.sleep(60)
"""


def test_a_child_ends_when_the_other_end_closes():
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env=os.environ | {lifeline.VARIABLE: str(reading)},
        pass_fds=(reading,),
        stdout=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"ready\n"
    os.close(writing)
    assert child.wait(timeout=5) == -signal.SIGTERM
    os.close(reading)
    child.stdout.close()


def test_without_a_supervisor_nothing_happens(monkeypatch):
    monkeypatch.delenv(lifeline.VARIABLE, raising=False)
    lifeline.hold()
