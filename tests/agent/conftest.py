"""A fake MEP behind a real port, for the programs that are processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from apps.agent.serving import listening, serving
from tests.agent.fake_mep import AK, APP, SK, FakeMep

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def served(app, bound):
    """The port of an ASGI application in a thread of its own."""
    ready, ports = threading.Event(), []
    stop, loop = asyncio.Event(), asyncio.new_event_loop()

    async def serve():
        async with serving(app, bound) as port:
            ports.append(port)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(5)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def mep():
    """A MEP with a real port, which is ``mep.port``."""
    fake = FakeMep()
    with served(fake, listening("127.0.0.1", 0)) as port:
        fake.port = port
        yield fake


class Program:
    """A program under test: its process, and what it wrote once it has ended."""

    def __init__(self, module, *arguments, environ, line=""):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if line:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def megabytes(self):
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def read_until(self, words):
        """Read what it writes until a line has the words."""
        for line in self.process.stdout:
            if words in line:
                return
        raise AssertionError(f"it ended without saying {words}")

    def end(self, number=None):
        """Send the signal, or close its input; gives exit code, seconds and output."""
        began = time.monotonic()
        if number is None:
            output = self.process.communicate(timeout=10)[0]
        else:
            self.process.send_signal(number)
            self.process.wait(10)
            output = self.process.communicate()[0]
        return self.process.returncode, time.monotonic() - began, output

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start():
    """Start programs that are gone after the test."""
    programs = []

    def start(module, *arguments, environ=(), line=""):
        programs.append(Program(module, *arguments, environ=dict(environ), line=line))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


@pytest.fixture
def environ(mep):
    """The environment of an agent that speaks to ``mep``."""
    return {
        "AK": AK,
        "SK": SK,
        "APPINSTID": APP,
        "MEP_IP": "127.0.0.1",
        "MEP_APIGW_PORT": str(mep.port),
        "EG_PROTOCOL": "http",
    }


def until(true, seconds=10):
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
