"""Many applications that come at once after a start do not bring the site down."""

from __future__ import annotations

import subprocess
import sys

from tests.stories.running import ROOT

# In a process of its own, since what must not happen ends the process.
CODE = """
import os, sys, threading, typing
os.environ["DJANGO_SETTINGS_MODULE"] = "mecm_portal.settings"
import django, msgspec
django.setup()
from apps.mep import bodies
sys.setswitchinterval(1e-6)

def types():
    one = msgspec.defstruct("One", [(f"a{n}", "typing.Any", None) for n in range(8)])
    two = msgspec.defstruct("Two", [("one", one), ("more", typing.Optional[one], None)])
    return msgspec.defstruct("Three", [("two", two), ("list", typing.List[two], [])])

for _ in range(60):
    kind, start, found = types(), threading.Barrier(6), []
    def come():
        start.wait()
        for _ in range(5):
            found.append(bodies.decode(b'{"two": {"one": {"a1": 1}}, "list": []}', kind))
    threads = [threading.Thread(target=come) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 30
"""


def test_first_bodies_of_a_type_are_read_by_many_threads_at_once(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, env={"MECM_SITE_DIR": str(tmp_path), "PATH": ""},
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
