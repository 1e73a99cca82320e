"""A MEC platform as a process of its own: an edge without a center, quick to start and to kill."""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import subprocess
import sys

from tests.stories.running import ROOT, eventually, free_port

BEAT = b'{"state":"ACTIVE"}'


class Platform:
    """An edge in a process of its own, whose services have to beat every second."""

    def __init__(self, folder, **environment):
        self.folder, self.port = folder, free_port()
        folder.mkdir(exist_ok=True)
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "mecm_portal.settings", "MECM_ROLE": "edge",
            "MECM_SITE_NAME": "edge-crash", "MECM_SITE_DIR": str(folder), "MECM_DEMO": "1",
            "MECM_SITE_URL": f"http://127.0.0.1:{self.port}", "MECM_LOG_LEVEL": "ERROR",
            "MECM_MEP_LEAST_INTERVAL": "1", "MECM_MEP_GRACE": "0", **environment,
        }
        self.run("manage.py", "migrate", "--verbosity", "0")
        self.services = []
        self.process = None

    def populate(self, applications, services, interval):
        """Make applications with services; path of the heartbeat and token of each."""
        world = self.folder / "world.txt"
        self.run("tools/mep_world.py", str(applications), str(services), str(world), str(interval))
        self.services = [line.split() for line in world.read_text().splitlines()]

    def run(self, *words):
        """A command inside the platform's environment; what it printed."""
        return subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE,
        ).stdout

    def start(self):
        """Serve, and return once it answers."""
        words = ["manage.py", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL
        )
        eventually(self.answers, seconds=30, every=0.01)

    def kill(self, number=signal.SIGKILL):
        """``kill -9``, or another signal."""
        self.process.send_signal(number)
        self.process.wait()

    def end(self):
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def answers(self):
        """Whether it serves."""
        try:
            return self.ask("GET", "/healthz", "")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, token, body=b"", connection=None):
        """One request; status and Location."""
        one = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        one.request(method, path, body, headers)
        answer = one.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Location", "")

    def described(self):
        """What its process does, for whoever wonders why it does not answer."""
        code = self.process.poll()
        return f"ended with {code}" if code is not None else f"runs, answers: {self.answers()}"

    def rows(self, sql):
        """What its database says."""
        with sqlite3.connect(f"file:{self.folder / 'db.sqlite3'}?mode=ro", uri=True) as database:
            return database.execute(sql).fetchall()

    def forget_services(self):
        """Lose the whole register, as a platform that was restored from an old copy."""
        with sqlite3.connect(self.folder / "db.sqlite3") as database:
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute("DELETE FROM mep_mecservice")
