"""The OpenStack part of `make bench`: a cloud of our own behind a running edge."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from apps.vim.openstack.cloud import Cloud as Asked
from apps.vim.openstack.login import read_login
from apps.vim.openstack.resources import resources
from apps.vim.resources import ResourceKind
from examples.packages.content import DISK_PATH
from tests.openstack.packages import IMAGE, card, definition, link, machine, two_servers
from tests.stories.hosted import HostedWorld, end, onboard, run
from tests.stories.running import Person, eventually
from tests.webserver import served
from tools.bench_mep import Figure
from tools.builds import Missing
from tools.cloud.cloud import Cloud, own_cloud

MIB = 1024 * 1024
BIG_MIB = 1024
STACKS = 3
IMAGE_LIST = "Image/SwImageDesc.json"


def measure() -> list[Figure]:
    """All figures; one that says why where there is no cloud."""
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            own_cloud(Path(folder) / "cloud", image_mebibytes=2 * BIG_MIB) as cloud,
        ):
            return [*_pages(cloud), *_ran(cloud, Path(folder))]
    except Missing as missing:
        return [Figure("OpenStack", f"not measured: {missing}", "")]


def _pages(cloud: Cloud) -> Iterator[Figure]:
    """What a page of resources costs, by somebody who has signed in."""
    asked = Asked(read_login(cloud.openrc().encode()))
    asked.sign_in()
    for kind in ResourceKind:
        resources(asked, kind)  # the first question of a kind discovers its service
    most, slowest = 0, 0.0
    for kind in ResourceKind:
        before, began = asked.calls, time.perf_counter()
        resources(asked, kind)
        slowest = max(slowest, time.perf_counter() - began)
        most = max(most, asked.calls - before)
    yield Figure("calls to the cloud for a page of resources, most", f"{most}", "≤ 6")
    yield Figure("a page of resources, the slowest", f"{slowest * 1000:.0f} ms", "")


def _ran(cloud: Cloud, folder: Path) -> Iterator[Figure]:
    """Stacks and images through a center and an edge in processes of their own."""
    world = HostedWorld(folder / "data")
    try:
        world.start()
        world.take_in(cloud.openrc(), vim="OpenStack")
        person = world.center("tenant")
        yield _stacks(cloud, person, folder)
        yield from _images(cloud, world, person, folder)
    finally:
        world.stop()


def _stacks(cloud: Cloud, person: Person, folder: Path) -> Figure:
    """From the order at the center until both servers run, one stack after the other."""
    with cloud.connect() as connection:
        connection.image.create_image(
            name=IMAGE, data=b"image", disk_format="raw", container_format="bare", wait=True
        )
    ids = onboard(person, folder, "pair", app_class="vm", template=two_servers("pair-net"))
    times = []
    for number in range(STACKS):
        began = time.perf_counter()
        key = run(person, ids, f"pair-{number}")
        times.append(time.perf_counter() - began)
        end(person, key)
    return Figure(
        f"a package of two servers from the order until it runs, slowest of {STACKS} (fastest)",
        f"{max(times):.1f} s ({min(times):.1f} s)", "≤ 30 s",
    )


def _images(
    cloud: Cloud, world: HostedWorld, person: Person, folder: Path
) -> Iterator[Figure]:
    """A big image into Glance through the edge, and one out of it."""
    data = folder / "images"
    data.mkdir()
    with (data / "big.raw").open("wb") as file:
        file.truncate(BIG_MIB * MIB)
    with served(data) as url:
        described = {
            "id": "1", "name": "big", "version": "1", "checksum": "", "containerFormat": "bare",
            "diskFormat": "raw", "minDisk": 1, "minRam": 64, "size": BIG_MIB * MIB,
            "swImage": f"{url}/big.raw",
        }
        template = definition(
            web=machine(image="big"), card=card("web"), net=link("big-net", "192.168.81.0/24")
        )
        ids = onboard(
            person, folder, "big", app_class="vm", template=template,
            extra={IMAGE_LIST: json.dumps([described]).encode(), DISK_PATH: None},
        )
        with _Watched(world.pid_of("edge-1")) as up:
            key = run(person, ids, "big", seconds=300)
    size = f"{BIG_MIB / 1024:.0f} GiB"
    yield Figure(f"the edge's memory while an image of {size} goes to Glance", up.told, "≤ 50 MiB")
    with _Watched(world.pid_of("edge-1")) as down:
        _take_snapshot(cloud, world, person, key, data / "big.raw")
    yield Figure(f"the same while one of {size} comes from it", down.told, "≤ 50 MiB")
    end(person, key)


def _take_snapshot(
    cloud: Cloud, world: HostedWorld, person: Person, key: str, disk: Path
) -> None:
    """Snapshot a server, write its disk as a hypervisor would, and read it at the edge."""
    edge = world.edge("admin")
    images = f"/lcmcontroller/v1/tenants/{person.tenant_id}/app_instances/{key}/images"
    with cloud.connect() as connection, disk.open("rb") as content:
        (server,) = connection.compute.servers()
        made = edge.ok("POST", images, json={"vmId": server.id})["imageId"]
        (image,) = (one for one in connection.image.images() if one.status == "queued")
        connection.image.update_image(image, disk_format="raw", container_format="bare")
        connection.image.put(
            f"/images/{image.id}/file", data=content,
            headers={"Content-Type": "application/octet-stream"},
        )
    eventually(lambda: edge.ok("GET", f"{images}/{made}")["status"] == "active", seconds=60)
    with edge.http.stream("GET", f"{images}/{made}/file") as answer:
        size = sum(len(piece) for piece in answer.iter_raw())
    if size != BIG_MIB * MIB:
        raise RuntimeError(f"{size} bytes came of {BIG_MIB * MIB}")
    edge.ok("DELETE", f"{images}/{made}")


class _Watched:
    """How the resident memory of a process grows meanwhile, looked at twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before = self._most = self._process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._most = max(self._most, self._process.memory_info().rss)

    def __enter__(self) -> _Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    @property
    def told(self) -> str:
        """The growth, and from what."""
        return f"+{(self._most - self._before) / MIB:.0f} MiB (from {self._before / MIB:.0f})"
