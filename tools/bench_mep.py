"""The MEC platform under load: a site process of its own, wrk and a steady client beside it.

Every rate is a ratio to a do-nothing ASGI application that is measured in the same minute.  Needs
wrk (Debian: apt install wrk).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from tools import mep_load as load

ROOT = Path(__file__).resolve().parent.parent
LARGE, SMALL = (10_000, 10), (100, 10)
PAGES_PER_SECOND = 50
# Lists, as people have them open; the heavy ones of a large platform are measured by themselves.
PAGES = ("/hosts/", "/packages/", "/instances/", "/activity/", "/platform/subscriptions/")
ROUNDS = 5
INTERVAL, GRACE = 5, 1  # the shortest that the platform honours, and its grace
NAME = "edge-bench"


@dataclass(frozen=True)
class Figure:
    """What was measured against what was promised."""

    what: str
    measured: str
    promised: str


class Site:
    """An edge in a process of its own, with a MEC platform of a certain size."""

    def __init__(self, folder: Path, world: tuple[int, int]) -> None:
        self.folder = folder / f"site-{world[0]}"
        self.port = free_port()
        self.world = world
        self.file = self.folder / "world.txt"
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "mecm_portal.settings",
            "MECM_ROLE": "edge",
            "MECM_SITE_NAME": NAME,
            "MECM_SITE_DIR": str(self.folder),
            "MECM_SITE_URL": f"http://127.0.0.1:{self.port}",
            "MECM_LOG_LEVEL": "ERROR",
        }
        self.lines: list[str] = []

    def manage(self, *words: str) -> str:
        """A command inside the site's environment."""
        return subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=self.environment, capture_output=True,
            text=True, check=True,
        ).stdout

    def prepare(self) -> None:
        """Database, applications, services, tokens, somebody to look at pages."""
        self.folder.mkdir(parents=True)
        self.manage("manage.py", "migrate", "--verbosity", "0")
        self.manage("tools/mep_world.py", *map(str, self.world), str(self.file))
        said = self.manage("manage.py", "reset_admin")
        self.password = said.strip().split()[-1]
        self.lines = self.file.read_text().splitlines()

    @contextmanager
    def serving(self) -> Iterator[int]:
        """The running site; its process id."""
        words = ["manage.py", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL
        )
        try:
            wait_for(self.port)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()

    def verify_tokens(self) -> None:
        """One heartbeat of every application, so that its token is known."""
        seen = {line.split()[1]: line for line in self.lines}
        requests = [load.beat_request(line, self.port) for line in seen.values()]
        asyncio.run(
            load.paced(requests, self.port, rate=1e9, seconds=len(requests) / 1e9, connections=4)
        )

    def pages(self) -> list[bytes]:
        """Requests for pages by somebody who is signed in."""
        base = f"http://127.0.0.1:{self.port}"
        with httpx.Client(base_url=base, follow_redirects=True, trust_env=False) as client:
            form = client.get("/login/").text
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
            token = found[1] if found else ""
            sent = {"username": "admin", "password": self.password, "csrfmiddlewaretoken": token}
            client.post("/login/", data=sent, headers={"Referer": base}).raise_for_status()
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
        headers = {"Cookie": cookies, "Accept": "text/html"}
        return [load.get_request(path, self.port, headers) for path in PAGES]


def measure(folder: Path) -> list[Figure]:
    """All figures; an empty list where wrk is missing."""
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is missing; the MEC platform is not measured (apt install wrk)\n")
        return []
    small, large = Site(folder, SMALL), Site(folder, LARGE)
    small.prepare()
    large.prepare()
    with small.serving() as process:
        small.verify_tokens()
        few_bytes, few_seconds = resident(process), discovery(small)
        noticed = death(small)
    with large.serving() as process, yardstick() as noop_port:
        large.verify_tokens()
        services = LARGE[0] * LARGE[1] - SMALL[0] * SMALL[1]
        each = (resident(process) - few_bytes) / services
        return [
            *lane(folder, large, noop_port),
            pace(large),
            flood(folder, large),
            Figure("memory per service, tokens included", f"{each:.0f} bytes", "≤ 1536 bytes"),
            noticed,
            by_name(few_seconds, discovery(large)),
            registrations(folder, large),
        ]


def lane(folder: Path, site: Site, noop_port: int) -> list[Figure]:
    """The heartbeat against the yardstick, alone and beside pages, in each round anew."""
    noop, beats = load.Wrk(folder, site.file, noop_port), load.Wrk(folder, site.file, site.port)
    pages = site.pages()
    rounds = [
        (noop.run(), beats.run(), beside_pages(site, pages, beats.run)[0]) for _ in range(ROUNDS)
    ]
    rate = statistics.median(noop for noop, _, _ in rounds)
    alone = [one / noop for noop, one, _ in rounds]
    beside = [one / noop for noop, _, one in rounds]
    return [
        Figure("yardstick: a do-nothing ASGI application", f"{rate:.0f} requests/s", "–"),
        Figure("liveness PATCH, alone", f"{_spread(alone, 2)} of the yardstick", "≥ 1.0"),
        Figure(
            f"liveness PATCH beside {PAGES_PER_SECOND} pages/s",
            f"{_spread(beside, 2)} of the yardstick", "≥ 0.7",
        ),
    ]


def _spread(values: list[float], digits: int, unit: str = "") -> str:
    """The median with the lowest and the highest."""
    middle = f"{statistics.median(values):.{digits}f}{unit}"
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def beside_pages(
    site: Site, pages: list[bytes], work: Callable[[], float]
) -> tuple[float, load.Latencies]:
    """What ``work`` measures while pages are served, and how long those took."""

    async def both() -> tuple[float, load.Latencies]:
        serving = asyncio.create_task(
            load.paced(pages, site.port, rate=PAGES_PER_SECOND, seconds=6, connections=8)
        )
        await asyncio.sleep(0.5)
        result = await asyncio.to_thread(work)
        return result, await serving

    return asyncio.run(both())


def pace(site: Site) -> Figure:
    """The heartbeat's tail at a steady thousand a second beside pages."""
    requests = [load.beat_request(line, site.port) for line in site.lines[::7]]
    pages = site.pages()

    async def both() -> load.Latencies:
        serving = asyncio.create_task(
            load.paced(pages, site.port, rate=PAGES_PER_SECOND, seconds=6, connections=8)
        )
        beats = await load.paced(requests, site.port, rate=1000, seconds=5, connections=50)
        await serving
        return beats

    tails = [load.quantile(asyncio.run(both()), 0.99) * 1000 for _ in range(ROUNDS)]
    return Figure(
        f"p99 of 1,000 PATCH/s beside {PAGES_PER_SECOND} pages/s",
        _spread(tails, 1, " ms"), "≤ 10 ms",
    )


def flood(folder: Path, site: Site) -> Figure:
    """The pages while one application sends as much as it can."""
    token = site.lines[0].split()[1]
    own = folder / "flood.txt"
    own.write_text("".join(f"{line}\n" for line in site.lines if line.endswith(token)))
    wrk = load.Wrk(folder, own, site.port)

    def run() -> float:
        said = subprocess.run(wrk.command(5, 32), capture_output=True, text=True, check=True)
        return load.rate_in(said.stdout, strict=False)

    _, pages = beside_pages(site, site.pages(), run)
    return Figure(
        "p95 of pages while one application floods the lane",
        f"{load.quantile(pages, 0.95) * 1000:.0f} ms", "≤ 300 ms",
    )


def death(site: Site, services: int = 20) -> Figure:
    """How long after interval and grace a silent service is suspended, at worst."""
    path, token = site.lines[0].split()
    base = f"http://127.0.0.1:{site.port}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = load.REGISTER.replace('"livenessInterval":3600', f'"livenessInterval":{INTERVAL}')
    beats = {}
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        for _ in range(services):
            made = client.post(path.rsplit("/", 2)[0], content=body).json()
            said = client.patch(made["_links"]["liveness"]["href"], content=load.BODY).json()
            stamp = said["timeStamp"]
            key = made["serInstanceId"].replace("-", "")
            beats[key] = stamp["seconds"] + stamp["nanoSeconds"] / 1e9
    time.sleep(INTERVAL + GRACE + 3)
    with sqlite3.connect(site.folder / "db.sqlite3") as database:
        rows = database.execute(
            "SELECT service_id, at FROM mep_serviceevent WHERE state = 'SUSPENDED'"
        ).fetchall()
    late = [
        datetime.fromisoformat(f"{at}+00:00").timestamp() - beats[key] - INTERVAL - GRACE
        for key, at in rows
        if key in beats
    ]
    if len(late) != services:
        raise RuntimeError(f"{len(late)} of {services} were suspended")
    return Figure(
        f"death noticed after interval and grace, worst of {services}", f"{max(late):.2f} s",
        "≤ 0.3 s",
    )


def discovery(site: Site) -> float:
    """p95 in seconds of finding one service by its name."""
    token = site.lines[0].split()[1]
    count = len(site.lines)
    base = "/mep/mec_service_mgmt/v1/services?ser_name=service-"
    requests = [
        load.get_request(
            f"{base}{number * count // 200}", site.port, {"Authorization": f"Bearer {token}"}
        )
        for number in range(200)
    ]
    asyncio.run(load.paced(requests, site.port, rate=40, seconds=2, connections=2))
    times = asyncio.run(load.paced(requests, site.port, rate=40, seconds=15, connections=2))
    return load.quantile(times, 0.95)


def by_name(few: float, many: float) -> Figure:
    """Discovery in both worlds."""
    return Figure(
        "GET services by name, p95 among 100,000 against 1,000",
        f"{many / few:.2f} ({many * 1000:.1f} ms, {few * 1000:.1f} ms)", "≤ 2",
    )


def registrations(folder: Path, site: Site) -> Figure:
    """New services through the whole stack; other applications in each round, for their limit."""
    rates = []
    for number in range(ROUNDS):
        share = folder / f"register-{number}.txt"
        lines = site.lines[number * 8000 : (number + 1) * 8000]
        share.write_text("".join(f"{line}\n" for line in lines))
        wrk = load.Wrk(folder, share, site.port, register=True)
        rates.append(wrk.run(seconds=6, connections=4))
    return Figure(
        "registrations through the whole stack",
        _spread(rates, 0, " requests/s"),
        "≥ 500",
    )


@contextmanager
def yardstick() -> Iterator[int]:
    """The do-nothing application on a port of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "tools/mep_noop.py", str(port)], cwd=ROOT)
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def resident(process: int) -> int:
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, seconds: float = 60) -> None:
    """Return once something listens."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
