"""A running world for stories: ``manage.py up`` in a directory of its own, and people in it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from apps.vim.simulated_world import world_summary

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(
    look: Callable[[], T],
    *,
    seconds: float = 20.0,
    every: float = 0.05,
    otherwise: Callable[[], str] = str,
) -> T:
    """What ``look`` answers once that is true; fails with the last answer when it never is.

    ``otherwise`` says more about such a failure.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            more = otherwise()
            raise AssertionError(f"not within {seconds} s; the last answer was {answer!r} {more}")
        time.sleep(every)


class Person:
    """Somebody at one site, through the API."""

    def __init__(self, url: str, user: dict[str, str]) -> None:
        self.url, self.user = url, user
        self.tenant_id = user.get("tenant_id", "")
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.sign_in()

    def sign_in(self) -> None:
        """Fetch a fresh token."""
        answer = self.http.post(
            "/auth/v1/token",
            json={"username": self.user["username"], "password": self.user["password"]},
        )
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def __call__(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self.http.request(method, url.format(t=self.tenant_id), **options)

    def ok(self, method: str, url: str, **options: Any) -> Any:
        """The JSON of an answer that must be a success."""
        answer = self(method, url, **options)
        assert answer.is_success, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json()

    def status_of(self, instance_id: str) -> str:
        """``operationalStatus`` at a center; "gone" when there is no such instance."""
        answer = self("GET", f"/appo/v1/tenants/{{t}}/app_instance_infos/{instance_id}")
        if answer.status_code == 404:
            return "gone"
        assert answer.status_code == 200, answer.text
        return str(answer.json()["response"]["operationalStatus"])


class World:
    """Center and edge as processes, started by the supervisor."""

    def __init__(self, directory: Path, *, edges: int = 1, link: str = "center") -> None:
        self.directory = directory
        self.ports = {"MECM_CENTER_PORT": free_port(), "MECM_EDGE_PORT": free_port()}
        self.environment = {
            **os.environ,
            "MECM_DATA_DIR": str(directory),
            "MECM_EDGES": str(edges),
            "MECM_LINK": link,
            **{name: str(port) for name, port in self.ports.items()},
        }
        self.log = (directory.parent / f"{directory.name}.log").open("w")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Bring it up and wait for ``demo.json``."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        path = self.directory / "demo.json"
        eventually(lambda: path.exists() or self._died(), seconds=START_SECONDS)
        demo: dict[str, Any] = json.loads(path.read_text())
        self.demo = demo
        return demo

    def _died(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, Path(self.log.name).read_text()[-4000:]
        return False

    def stop(self) -> None:
        """Ctrl-C, as a person would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()

    def site(self, verb: str, name: str) -> str:
        """``manage.py site stop|start|status NAME``."""
        done = subprocess.run(
            [sys.executable, "manage.py", "site", verb, name],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def center(self, name: str) -> Person:
        """Somebody at the center."""
        return Person(self.demo["center"]["url"], self.demo["center"]["users"][name])

    def edge(self, name: str = "admin", number: int = 0) -> Person:
        """Somebody at an edge."""
        site = self.demo["edges"][number]
        return Person(site["url"], site["users"][name])

    def pid_of(self, name: str, command: bytes = b"serve") -> int:
        """The process of a site, found by its environment; 0 while there is none."""
        wanted = f"MECM_SITE_DIR={self.directory / name}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    environment = (entry / "environ").read_bytes().split(b"\0")
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if wanted in environment and command in words:
                    return int(entry.name)
        return 0

    def kill(self, name: str) -> None:
        """``kill -9`` of a site's process."""
        os.kill(self.pid_of(name), signal.SIGKILL)

    def kill_and_await(self, name: str) -> None:
        """The same, and wait until it was started again and answers."""
        before = eventually(lambda: self.pid_of(name))
        self.kill(name)
        eventually(lambda: self.pid_of(name) not in (0, before), seconds=40)
        site = self.demo["center"] if name == "center" else self.demo["edges"][0]
        eventually(lambda: _answers(f"{site['url']}/healthz"), seconds=40)

    def simulated(self, edge: str = "edge-1") -> dict[str, str]:
        """What the simulated world really holds: instance id and phase."""
        found: dict[str, str] = {}
        for path in (self.directory / edge / "vim").glob("sim-*.json"):
            found |= world_summary(path)
        return found


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def upload(person: Person, path: Path, **fields: str) -> dict[str, str]:
    """Upload a package at the center; the ids that it was given."""
    with path.open("rb") as file:
        answer = person(
            "POST",
            "/apm/v1/tenants/{t}/packages/upload",
            data=fields,
            files={"file": (path.name, file)},
        )
    assert answer.status_code == 202, answer.text
    ids: dict[str, str] = answer.json()
    return ids


def create(person: Person, ids: dict[str, str], host_ip: str, name: str) -> str:
    """Create an instance at the center; its id."""
    answer = person(
        "POST",
        "/appo/v1/tenants/{t}/app_instances",
        json={
            "appPackageId": ids["appPackageId"],
            "appId": ids["appId"],
            "appName": name,
            "appInstanceDescription": "of a story",
            "mecHost": host_ip,
        },
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["response"]["app_instance_id"])


def new_name(stem: str) -> str:
    """A name that no other story uses."""
    return f"{stem}-{uuid.uuid4().hex[:6]}"
