"""Servers as processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The kernel kills the server when the thread that started it is gone; then it becomes the server.
_TETHERED = (
    "import ctypes, os, sys;"
    "ctypes.CDLL(None).prctl(1, 9);"
    "os.getppid() == int(sys.argv[1]) or sys.exit(1);"
    "os.execv(sys.argv[2], sys.argv[2:])"
)
# All are started by one thread that stays until the end, since the tether is tied to a thread.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cluster-starter")


class Server:
    """One server: started, frozen, stopped and started again with the same words."""

    def __init__(self, name: str, words: list[str], log: Path, folder: Path) -> None:
        self.name = name
        self.words = words
        self.log = log
        self.folder = folder
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
            self._process = _STARTER.submit(self._start).result()

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-I", "-S", "-c", _TETHERED, str(os.getpid()), *self.words]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                words,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the one who started it
            )

    def freeze(self) -> None:
        """Let it stand still: its ports stay open and nothing is answered."""
        if self._process and self.running:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process and self.running:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, for an error message."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
