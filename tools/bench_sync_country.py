"""A center of a thousand edges: how it starts, and how it takes all of them coming back at once."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tools import mep_load as load
from tools.bench_mep import Figure, free_port, resident
from tools.sync_running import Site, Talking

EDGES, CHANGES, WITHIN, EDGE_ROWS = 1000, 20, 10, 100
PATIENCE = 300.0
RATE = 10  # requests a second of whoever uses the API meanwhile
MB = 1e6


def country(folder: Path) -> list[Figure]:
    """The figures of a country, in one world."""
    center, port = Site(folder, "center", "center"), free_port()
    with closing(center):
        told = folder / "edges.jsonl"
        center.do("country", edges=EDGES, port=port, changes=CHANGES, path=str(told))
        person = center.do("token")
        started = _start(center, told, port, person)
        return [started, *_back(center, told, port, person)]


def _asked(center: Site, person: dict[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """What is asked of the center: paths and headers by name."""
    token = {"Authorization": f"Bearer {person['token']}"}
    instances = f"/appo/v1/tenants/{person['tenant']}/app_instance_infos?limit=50&offset=0"
    return {
        "sign-in page": ("/login/", {}),
        "instances": (instances, token),
        "health": ("/appo/v1/health", {}),
    }


def _start(center: Site, told: Path, port: int, person: dict[str, Any]) -> Figure:
    """From the start of the process until it answers everything, with all edges there."""
    edges = Talking(["tools.sync_edges", str(told), str(port), "0"])
    try:
        edges.hear()
        began = time.perf_counter()
        with center.serving() as process:
            took = _first_answers(center, person, began)
            time.sleep(max(0.0, began + 5 - time.perf_counter()))
            again = [_ask(center.url + path, headers) for path, headers in
                     _asked(center, person).values()]
            memory = resident(process.pid)
    finally:
        edges.close()
    said = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items())
    return Figure(
        f"a center with {EDGES:,} edges and {EDGES * EDGE_ROWS:,} instances, from its start",
        f"{said}; 5 s after it all answer within {max(again) * 1000:.0f} ms"
        f" ({memory / MB:.0f} MB)",
        "answers 5 s after its start",
    )


def _first_answers(center: Site, person: dict[str, Any], began: float) -> dict[str, float]:
    """When each of what is asked was answered first; none waits for another."""
    with ThreadPoolExecutor() as pool:
        asking = {
            name: pool.submit(_until_answered, center.url + path, headers, began)
            for name, (path, headers) in _asked(center, person).items()
        }
        return {name: answered.result() for name, answered in asking.items()}


def _until_answered(url: str, headers: dict[str, str], began: float) -> float:
    while time.perf_counter() - began < PATIENCE:
        try:
            _ask(url, headers)
            return time.perf_counter() - began
        except httpx.HTTPError:
            time.sleep(0.02)
    raise RuntimeError(f"{url} does not answer")


def _ask(url: str, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    httpx.get(url, headers=headers, trust_env=False, timeout=30).raise_for_status()
    return time.perf_counter() - began


@dataclass
class _Watched:
    """The greatest memory of a process and its children while it is watched, and their processor
    time."""

    pid: int
    greatest: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> _Watched:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._before = self._busy()
        return self

    def __exit__(self, *_: object) -> None:
        self.busy = self._busy() - self._before
        self._stop.set()
        self._thread.join()

    def _busy(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._family())

    def _family(self) -> list[psutil.Process]:
        site = psutil.Process(self.pid)
        return [site, *site.children(recursive=True)]

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            with suppress(psutil.NoSuchProcess):
                memory = sum(one.memory_info().rss for one in self._family())
                self.greatest = max(self.greatest, memory)


def _back(center: Site, told: Path, port: int, person: dict[str, Any]) -> list[Figure]:
    """All edges away, then back within ten seconds, each with its changes."""
    edges = Talking(["tools.sync_edges", str(told), str(port), str(WITHIN)])
    try:
        edges.hear()
        with center.serving() as process:
            _eventually(lambda: center.do("standing")["reachable"] == 0)
            edges.say()
            with _Watched(process.pid) as watched:
                edges.hear()
                drained, times = _use(center, person, edges)
            _eventually(lambda: center.do("standing")["failed"] == EDGES * CHANGES)
    finally:
        edges.close()
    return [
        Figure(
            f"{EDGES:,} edges with {CHANGES} changes each come back within {WITHIN} s: all"
            " taken and acknowledged",
            f"{drained['drained']:.0f} s ({watched.busy:.0f} s of the center's processor,"
            f" {drained['requests']} requests)",
            "< 60 s",
        ),
        Figure(
            f"the center's API meanwhile, p95 (median) of {RATE} requests/s",
            f"{load.quantile(times, 0.95) * 1000:.0f} ms ({statistics.median(times) * 1000:.0f}"
            " ms)",
            "< 500 ms",
        ),
        Figure("its memory, both processes", f"{watched.greatest / MB:.0f} MB", "< 1 GB"),
    ]


def _use(
    center: Site, person: dict[str, Any], edges: Talking
) -> tuple[dict[str, Any], load.Latencies]:
    """Ask for the list of instances, steadily, until the edges say that all was acknowledged."""
    path, headers = _asked(center, person)["instances"]
    request = load.get_request(path, center.port, headers)
    times: load.Latencies = []
    said: list[dict[str, Any]] = []
    threading.Thread(target=lambda: said.append(edges.hear()), daemon=True).start()
    while not said:
        times += asyncio.run(
            load.paced([request], center.port, rate=RATE, seconds=2, connections=4)
        )
    return said[0], times


def _eventually(look: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {PATIENCE} s")
        time.sleep(0.5)
