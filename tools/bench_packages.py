"""What a batch of 20 hosts costs: how soon it is accepted, and its time against the slowest edge.

The edges are slow ones of our own behind the center's HTTP client; everything else is real.
"""

from __future__ import annotations

import logging
import re
import statistics
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.db import connections
from django.test import Client

from apps.common import http
from apps.hosts.models import AppLcm, MecHost
from apps.packages import distribution_work
from apps.packages.csar import read_package
from apps.packages.models import Distribution, Package
from apps.tenants import services, tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.models import Tenant
from apps.tenants.roles import Role
from apps.tenants.specs import TenantSpec, UserSpec
from examples.packages import build
from mecm_portal.runtime.work import POOL_SIZE
from tools.bench_mep import Figure

HOSTS = 20
TENANT = "bench of packages"
ROUNDS = 5
# How long each edge takes to swallow the file: from the first to the last, in seconds.
QUICKEST, SLOWEST = 0.5, 1.5
WORLD = (
    f"{HOSTS} edges that take from {QUICKEST} to {SLOWEST} s over a file;"
    f" medians of {ROUNDS} rounds."
)


class SlowEdges(httpx.BaseTransport):
    """Edges that take their time over a file, and know afterwards that they have it."""

    def __init__(self) -> None:
        self.taken: dict[str, set[str]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The few calls that bringing a package takes."""
        edge, path = request.url.host, request.url.path
        request.read()
        if path.endswith("/site"):
            return httpx.Response(200, json={"site_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, edge))})
        key = path.rpartition("/")[2]
        if request.method == "GET":
            if key not in self.taken.get(edge, ()):
                return httpx.Response(404, json={})
            info = [{"hostIp": host_of(edge), "status": "Distributed"}]
            return httpx.Response(200, json=[{"mecHostInfo": info}])
        if not re.fullmatch("[0-9a-f]{64}", key):
            time.sleep(pause_of(edge))
            found = re.search(rb"[0-9a-f]{64}", request.content)
            self.taken.setdefault(edge, set()).add(found[0].decode() if found else "")
        return httpx.Response(200, json={})


def host_of(edge: str) -> str:
    """The address of the one host of an edge."""
    return edge.replace("10.201.", "10.202.")


def pause_of(edge: str) -> float:
    """How long an edge takes."""
    number = int(edge.rpartition(".")[2])
    return QUICKEST + (SLOWEST - QUICKEST) * (number - 1) / (HOSTS - 1)


def measure() -> list[Figure]:
    """The two figures of a batch."""
    logging.getLogger("mecm").setLevel(logging.WARNING)
    edges, real = SlowEdges(), http.client

    def slow_client(base_url: str, **_: Any) -> httpx.Client:
        return httpx.Client(base_url=base_url, transport=edges, trust_env=False)

    api, url = _estate()
    try:
        http.client = slow_client
        rounds = [_batch(api, url) for _ in range(ROUNDS + 1)][1:]
    finally:
        http.client = real
    accepted = statistics.median(one for one, _ in rounds) * 1000
    walls = [wall for _, wall in rounds]
    ratio = statistics.median(walls) / SLOWEST
    return [
        Figure(f"order of a package onto {HOSTS} hosts, accepted", f"{accepted:.0f} ms", "300 ms"),
        Figure(
            f"the same until {HOSTS} edges have it, against the slowest edge ({SLOWEST} s)",
            f"{ratio:.2f} times",
            "2 times",
        ),
    ]


def _batch(api: Client, url: str) -> tuple[float, float]:
    """Order a fresh package onto every host, and bring it there with a site's workers."""
    package = _package()
    body = {"hostIp": [host_of(f"10.201.0.{number}") for number in range(1, HOSTS + 1)]}
    began = time.perf_counter()
    answer = api.post(f"{url}/{package.package_id}", body, content_type="application/json")
    accepted = time.perf_counter() - began
    if answer.status_code != 202:
        raise RuntimeError(f"the batch was answered {answer.status_code}: {answer.content!r}")
    with ThreadPoolExecutor(POOL_SIZE) as pool:
        list(pool.map(_work, distribution_work.due()))
    wall = time.perf_counter() - began
    left = Distribution.objects.filter(package=package).exclude(state="Distributed").count()
    if left:
        raise RuntimeError(f"{left} edges do not have the package")
    return accepted, wall


def _work(key: uuid.UUID) -> None:
    try:
        distribution_work.work_on(key)
    finally:
        connections.close_all()


def _estate() -> tuple[Client, str]:
    """Twenty edges with a host each, and a client of a tenant."""
    for number in range(1, HOSTS + 1):
        ip = f"10.201.0.{number}"
        edge = AppLcm(name=f"edge-{number}", ip=ip, port=8100)
        edge.save()
        host = MecHost(
            name=f"host-{number}", ip=host_of(ip), city="c", address="a", coordinates="0,0",
            vim="Simulated", applcm=edge,
        )
        host.save()
    tenant = services.create_tenant(actor=SYSTEM, spec=TenantSpec(TENANT))
    spec = UserSpec("bench-packages", Role.TENANT, services.generate_password(), tenant.pk)
    user = services.create_user(actor=SYSTEM, spec=spec)
    api = Client(
        SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {tokens.access_token(user)}"}
    )
    return api, f"/apm/v1/tenants/{tenant.pk}/packages"


def _package() -> Package:
    """A small package with its file, of the tenant of the bench."""
    owner = Tenant.objects.get(name=TENANT)
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder) / "bench.csar", name="bench", app_class="vm")
        info = read_package(path, filename=path.name)
        package = Package(
            tenant=owner, name=f"bench-{uuid.uuid4().hex[:8]}", package_version=info.version,
            app_class=info.app_class, filename=path.name, sha256=info.sha256, size=info.size,
            info=info.as_json(),
        )
        Path(settings.PACKAGE_DIR).mkdir(exist_ok=True)
        package.path.write_bytes(path.read_bytes())
        package.save(force_insert=True)
    return package
