"""Sites as processes of their own, and programs that are spoken to in lines of JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.bench_mep import ROOT, free_port


class Talking:
    """A program that answers each line of JSON with one."""

    def __init__(self, words: list[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str = "") -> None:
        """Send a line."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """The next line that it says; an error when it has ended."""
        assert self.process.stdout is not None  # noqa: S101 - a pipe
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Site:
    """A site in a directory of its own: its database, what works on it, and its server."""

    def __init__(self, folder: Path, name: str, role: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = dict(os.environ) | {
            "DJANGO_SETTINGS_MODULE": "mecm_portal.settings",
            "MECM_ROLE": role,
            "MECM_SITE_NAME": name,
            "MECM_SITE_DIR": str(folder / name),
            "MECM_SITE_URL": self.url,
            "MECM_LOG_LEVEL": os.environ.get("MECM_LOG_LEVEL", "ERROR"),
        }
        (folder / name).mkdir(parents=True)
        self._work = Talking(["tools.sync_site"], self.environment)
        self.key = self.do("migrate")

    def do(self, verb: str, **arguments: Any) -> Any:
        """Let a program inside the site's environment do something (``tools.sync_site``)."""
        self._work.say(json.dumps({"verb": verb} | arguments))
        return self._work.hear()

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """The site's server, as ``manage.py up`` starts it; whether it answers yet is not known."""
        words = ["manage.py", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self.environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        """End the program inside."""
        self._work.close()
