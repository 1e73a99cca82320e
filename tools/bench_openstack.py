"""The OpenStack part of `make bench`: a cloud of our own behind a running edge."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import psutil

from apps.vim.images import NewImage
from apps.vim.openstack import glance
from apps.vim.openstack.cloud import Cloud, cloud_for
from apps.vim.openstack.probing import probe
from apps.vim.openstack.resources import resources
from apps.vim.resources import ResourceKind
from tests.openstack.asking import image_of, served
from tests.openstack.packages import IMAGE, card, definition, link, machine, two_servers
from tests.stories.hosted import HostedWorld, end, onboard, order
from tests.stories.running import Person, eventually
from tools.bench_mep import Figure
from tools.builds import Missing
from tools.cloud.cloud import OwnCloud, own_cloud

GIB = 1024**3
PIECE = bytes(1024**2)
RUNS = 3


def measure() -> list[Figure]:
    """All figures; one that says why where there is no cloud."""
    try:
        with tempfile.TemporaryDirectory() as folder, own_cloud(Path(folder) / "cloud") as cloud:
            return [*_asked(cloud), *_streamed(cloud), *_ordered(cloud, Path(folder))]
    except Missing as missing:
        return [Figure("OpenStack", f"not measured: {missing}", "")]


def _asked(cloud: OwnCloud) -> list[Figure]:
    """What a look at the cloud costs once the process has signed in."""
    known = cloud_for(cloud.openrc().encode())
    looks: dict[str, Callable[[], object]] = {"a probe": partial(probe, known)}
    looks |= {
        f"the page of {kind.value}": partial(resources, known, kind) for kind in ResourceKind
    }
    return [_look(known, name, look) for name, look in looks.items()]


def _look(known: Cloud, name: str, look: Callable[[], object]) -> Figure:
    look()
    before, began = known.calls, time.perf_counter()
    look()
    took = (time.perf_counter() - began) * 1000
    told = f"{known.calls - before} calls, {took:.0f} ms"
    return Figure(f"what {name} asks the cloud", told, "≤ 6 calls")


def _streamed(cloud: OwnCloud) -> list[Figure]:
    """1 GiB up and down through the driver; how much the process grows by that."""
    known, new = cloud_for(cloud.openrc().encode()), NewImage(uuid4(), "bench", "raw")
    with _Growth(psutil.Process()) as up:
        image = glance.upload(known, uuid4(), new, _zeros(GIB))
    with _Growth(psutil.Process()) as down:
        size = sum(map(len, glance.read(known, image.id, 0)))
    glance.remove(known, image.id)
    assert size == GIB  # noqa: S101 - a figure of something else would be none
    return [
        Figure("1 GiB image into Glance: growth of the process", up.told, "≤ 50 MB"),
        Figure("1 GiB image out of Glance: growth of the process", down.told, "≤ 50 MB"),
    ]


def _ordered(cloud: OwnCloud, folder: Path) -> list[Figure]:
    """From the order at the center until two servers run; and an image by URL through the edge."""
    world = HostedWorld(folder / "data")
    with cloud.connect() as connection, image_of(connection, IMAGE):
        try:
            world.start()
            world.take_in(cloud.openrc(), vim="OpenStack")
            person = world.center("tenant")
            template = two_servers("bench-net")
            ids = onboard(person, folder, "pair", app_class="vm", template=template)
            took = [_run(person, ids, f"pair-{number}") for number in range(RUNS)]
            grown = _by_url(world, person, folder)
        finally:
            world.stop()
    median = statistics.median(took)
    return [
        Figure(f"two servers from the order until they run (of {RUNS})", f"{median:.1f} s",
               "≤ 30 s"),
        Figure("1 GiB image by URL through the edge: its growth", grown, "≤ 50 MB"),
    ]


def _run(person: Person, ids: dict[str, str], name: str) -> float:
    began = time.perf_counter()
    key = order(person, ids, name)
    eventually(lambda: person.status_of(key) == "Instantiated", seconds=180)
    took = time.perf_counter() - began
    end(person, key, seconds=120)
    return took


def _by_url(world: HostedWorld, person: Person, folder: Path) -> str:
    """An instance whose package names an image by its address."""
    files = folder / "images"
    files.mkdir()
    with (files / "big.img").open("wb") as file:
        file.truncate(GIB)
    with served(files) as address:
        row = {"name": "big", "version": "1", "diskFormat": "raw", "containerFormat": "bare",
               "swImage": f"{address}/big.img"}
        extra = {"Image/SwImageDesc.json": json.dumps([row]).encode()}
        template = definition(
            web=machine(image="big", disk_gb=2), card=card("web"), net=link("big", "10.9.0.0/24")
        )
        ids = onboard(person, folder, "big", app_class="vm", template=template, extra=extra)
        edge = psutil.Process(world.pid_of("edge-1"))
        with _Growth(edge) as grown:
            _run(person, ids, "big")
    return grown.told


class _Growth:
    """How much the resident memory of a process grows while something is done."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._over = process, threading.Event()
        self._most = self._first = 0

    @property
    def told(self) -> str:
        """The growth in words."""
        return f"{max(0, self._most - self._first) / 1024**2:.0f} MB"

    def __enter__(self) -> _Growth:
        self._first = self._most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, self._process.memory_info().rss)


def _zeros(size: int) -> Iterator[bytes]:
    for _ in range(size // len(PIECE)):
        yield PIECE
