"""Servers as processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import datetime
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

# The kernel kills the server when the thread that started it is gone; then it becomes the server.
_TETHERED = (
    "import ctypes, os, sys;"
    "ctypes.CDLL(None).prctl(1, 9);"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1);"
    "os.execv(sys.argv[2], sys.argv[2:])"
)
# All are started by one thread that stays until the end, since the tether is tied to a thread.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="server-starter")


class NotUp(Exception):
    """Something that was waited for did not come up; what its servers said last."""


class Server:
    """One server: started, frozen, stopped and started again with the same words."""

    def __init__(
        self,
        name: str,
        words: list[str],
        log: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.words = words
        self.log = log
        self.folder = folder
        self.environment = environment
        self.started_at: datetime.datetime | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, unless it runs."""
        if not self.running:
            self.started_at = datetime.datetime.now(datetime.UTC)
            self._process = _STARTER.submit(self._start).result()

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-I", "-S", "-c", _TETHERED, str(os.getpid()), *self.words]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                words,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the one who started it
            )

    def freeze(self) -> None:
        """Let it stand still: its ports stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def end(self, seconds: float = 10) -> None:
        """Ask it to end in order, and end it when it has not after ``seconds``."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        """To the workers that it has forked, too."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, for an error message."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def wait_for(
    what: str,
    done: Callable[[], object],
    seconds: float,
    servers: Iterable[Server],
    not_yet: tuple[type[Exception], ...] = (),
) -> None:
    """Wait until ``done`` is true; ``not_yet`` are the errors that say that it is not.

    Raises NotUp with the end of the servers' logs; when one of the servers has ended at once, and
    with its log alone.
    """
    needed = list(servers)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(*not_yet):
            if done():
                return
        ended = [one for one in needed if not one.running]
        if ended:
            needed = ended
            break
        time.sleep(0.05)
    said = "\n".join(f"--- {one.name}\n{one.last_words()}" for one in needed)
    raise NotUp(f"{what} did not come up\n{said}")


def port_is_open(port: int) -> bool:
    """Whether somebody listens on a port of loopback; raises OSError when nobody does."""
    with socket.create_connection(("127.0.0.1", port)):
        return True


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now.

    They lie below those that Linux gives to outgoing connections, of which a server that comes up
    makes many before the last of its ports is taken.
    """
    found: list[int] = []
    for port in secrets.SystemRandom().sample(range(10_000, 32_000), 22_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            break
    return found
