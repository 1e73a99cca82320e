"""The Kubernetes part of `make bench`: a control plane of our own behind a running edge."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from apps.vim.kubernetes import names
from apps.vim.kubernetes.cluster import cluster_for
from apps.vim.kubernetes.kinds import COLLECTIONS
from apps.vim.kubernetes.kubeconfig import read_kubeconfig
from apps.vim.kubernetes.watching import Mirror
from tests.stories.hosted import HOST_IP, HostedWorld, end, info, onboard
from tests.stories.running import Person, create, eventually
from tools.bench_mep import Figure
from tools.builds import Missing
from tools.cluster.plane import ControlPlane, control_plane

MANY, ORDERED = 500, 50
IDLE_SECONDS = 20.0
CHANGES = 15
BATCH = 20  # the most that one order of a batch may name
APPO = "/appo/v1/tenants/{t}/app_instances"
WISH = {"Content-Type": "application/merge-patch+json"}


def measure() -> list[Figure]:
    """All figures; one that says why where there is no cluster."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            with control_plane(Path(folder) / "many") as plane:
                many = _many(plane)
            with control_plane(Path(folder) / "ordered") as plane:
                return [*many, *_ordered(plane, Path(folder))]
    except Missing as missing:
        return [Figure("Kubernetes", f"not measured: {missing}", "")]


def _many(plane: ControlPlane) -> list[Figure]:
    """What watching 500 instances costs a process that does nothing else."""
    keys = [uuid.uuid4() for _ in range(MANY)]
    with plane.api(timeout=60) as api:
        for key in keys:
            _place(api, key)
        eventually(lambda: _ready(api) == MANY, seconds=300)
        changed: dict[uuid.UUID, float] = {}
        cluster = cluster_for(read_kubeconfig(plane.kubeconfig.encode()).as_yaml())
        mirror = Mirror(cluster, lambda key: changed.__setitem__(key, time.perf_counter()))
        stop = threading.Event()
        watching = threading.Thread(target=mirror.run, args=(stop,), daemon=True)
        watching.start()
        eventually(lambda: mirror.complete, seconds=60)
        process = psutil.Process()
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_SECONDS)
        share = (sum(process.cpu_times()[:2]) - before) / IDLE_SECONDS
        delays = [_noticed(api, key, changed) for key in keys[:CHANGES]]
        stop.set()
        watching.join(30)
    return [
        Figure(f"watches for {MANY} instances", f"{len(COLLECTIONS)}", "constant"),
        Figure(f"the same, idle, of one core over {IDLE_SECONDS:.0f} s", f"{share:.1%}", "≤ 10 %"),
        Figure("a pod change until the driver tells of it, worst of "
               f"{CHANGES}", f"{max(delays) * 1000:.0f} ms", "within 1 s at the center"),
    ]


def _place(api: httpx.Client, key: uuid.UUID) -> None:
    """A namespace of an instance with one pod in it."""
    labels = {names.INSTANCE: str(key)}
    space = names.namespace_of(key)
    about = {"metadata": {"name": space, "labels": labels}}
    api.post("/api/v1/namespaces", json=about).raise_for_status()
    spec = {
        "containers": [{"name": "main", "image": "web:1"}],
        "automountServiceAccountToken": False,
    }
    body = {"metadata": {"name": "web", "labels": labels}, "spec": spec}
    eventually(
        lambda: api.post(f"/api/v1/namespaces/{space}/pods", json=body).is_success, seconds=30
    )


def _ready(api: httpx.Client) -> int:
    pods = api.get("/api/v1/pods", params={"labelSelector": names.INSTANCE}).json()["items"]
    return sum(pod["status"]["phase"] == "Running" for pod in pods)


def _noticed(api: httpx.Client, key: uuid.UUID, changed: dict[uuid.UUID, float]) -> float:
    changed.pop(key, None)
    began = time.perf_counter()
    path = f"/api/v1/namespaces/{names.namespace_of(key)}/pods/web"
    api.patch(path, json={"metadata": {"annotations": {"a": "b"}}}, headers=WISH).raise_for_status()
    eventually(lambda: key in changed, every=0.001)
    return changed[key] - began


def _ordered(plane: ControlPlane, folder: Path) -> list[Figure]:
    """Fifty instances of one package, from the order at the center until all of them run."""
    os.environ["MECM_LIMIT_INSTANCES_PER_TENANT"] = "200"
    world = HostedWorld(folder / "data")
    try:
        world.start()
        world.take_in(plane.kubeconfig)
        person = world.center("tenant")
        ids = onboard(person, folder, "fifty")
        keys = [create(person, ids, HOST_IP, f"fifty-{n}") for n in range(ORDERED)]
        eventually(lambda: _in(person, keys, "Created") == ORDERED, seconds=120)
        with _Asking(world) as asking:
            began = time.perf_counter()
            for at in range(0, ORDERED, BATCH):
                order = {"appInstanceIds": keys[at : at + BATCH]}
                person.ok("POST", f"{APPO}/batch_instantiate", json=order)
            eventually(lambda: _in(person, keys, "Instantiated") == ORDERED, seconds=300, every=0.5)
            took = time.perf_counter() - began
        with plane.api() as api:
            delays = [_shown(api, person, key) for key in keys[:CHANGES]]
        idle = _idle(world)
        end(person, *keys, seconds=300)
    finally:
        world.stop()
        del os.environ["MECM_LIMIT_INSTANCES_PER_TENANT"]
    return [
        Figure(f"{ORDERED} instances from the order until all run", f"{took:.1f} s", "≤ 60 s"),
        Figure("the edge's API meanwhile, p95 (median)",
               f"{asking.p95:.0f} ms ({asking.median:.0f} ms)", "< 300 ms"),
        Figure("a pod change until the center tells of it, worst of "
               f"{CHANGES} (median)",
               f"{max(delays):.2f} s ({statistics.median(delays):.2f} s)", "≤ 1 s"),
        Figure(
            f"the edge's process with {ORDERED} instances, {CHANGES} of them not ready, idle, of "
            "one core", idle, "",
        ),
    ]


class _Asking:
    """Asks the edge for its instances ten times a second, and keeps how long that took."""

    def __init__(self, world: HostedWorld) -> None:
        self.person = world.edge("admin")
        tenant = world.demo["center"]["users"]["tenant"]["tenant_id"]
        self.url = f"/lcmcontroller/v1/tenants/{tenant}/app_instances"
        self.times: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._stop.wait(0.1):
            began = time.perf_counter()
            self.person.ok("GET", self.url)
            self.times.append((time.perf_counter() - began) * 1000)

    def __enter__(self) -> _Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    @property
    def p95(self) -> float:
        """In milliseconds."""
        return sorted(self.times)[int(len(self.times) * 0.95)]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.times)


def _in(person: Person, keys: list[str], state: str) -> int:
    rows = person.ok("GET", "/appo/v1/tenants/{t}/app_instance_infos")["response"]
    wanted = set(keys)
    return sum(
        row["appInstanceId"] in wanted and row["operationalStatus"] == state for row in rows
    )


def _shown(api: httpx.Client, person: Person, key: str) -> float:
    """Let a pod be not ready; the seconds until the center shows it."""
    path = f"/api/v1/namespaces/mecm-{key}/pods"
    name = api.get(path).json()["items"][0]["metadata"]["name"]
    wish = {"metadata": {"annotations": {"stand-in/fail": "unready"}}}
    api.patch(f"{path}/{name}", json=wish, headers=WISH).raise_for_status()
    eventually(lambda: not _is_ready(api, f"{path}/{name}"), every=0.005)
    began = time.perf_counter()
    eventually(lambda: info(person, key)["health"] != "Ready", every=0.01)
    return time.perf_counter() - began


def _is_ready(api: httpx.Client, path: str) -> bool:
    rows = api.get(path).json()["status"]["conditions"]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in rows)


def _idle(world: HostedWorld) -> str:
    process = psutil.Process(world.pid_of("edge-1"))
    with suppress(psutil.Error):
        before = sum(process.cpu_times()[:2])
        time.sleep(IDLE_SECONDS)
        return f"{(sum(process.cpu_times()[:2]) - before) / IDLE_SECONDS:.1%}"
    return "unknown"


