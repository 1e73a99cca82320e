"""The batch part of `make bench`: accepting 20 hosts, and 20 edges against the slowest of them."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from django.test import Client

from apps.common import http
from apps.common.models import next_version
from apps.hosts.models import AppLcm, MecHost
from apps.instances.models import AppInstance
from apps.packages.csar import read_package
from apps.packages.models import Distribution, Package
from apps.tenants import tokens
from apps.tenants.actors import SYSTEM
from apps.tenants.roles import Role
from apps.tenants.services import create_tenant, create_user
from apps.tenants.specs import TenantSpec, UserSpec
from examples.packages import build
from mecm_portal.celery import app as celery
from mecm_portal.runtime.work import EmbeddedWork
from tools.bench_mep import Figure

EDGES = 20
SECONDS = 0.5  # what an edge takes for an answer
ROUNDS = 5
PATIENCE = 120.0


class Batch:
    """A tenant, a package that is at twenty hosts of as many slow edges, and a client."""

    def __init__(self) -> None:
        tenant = create_tenant(actor=SYSTEM, spec=TenantSpec(f"batch {next_version()}"))
        spec = UserSpec(f"batch-{next_version()}", Role.TENANT, "correct-horse-9", tenant.pk)
        user = create_user(actor=SYSTEM, spec=spec)
        self.token = tokens.access_token(user)
        self.base = f"/appo/v1/tenants/{tenant.pk}/app_instances"
        self.package = Package(tenant=tenant, name="b", package_version="1", app_class="container",
                               size=1, info=_info())
        self.package.save(force_insert=True)
        self.ips = [f"10.77.0.{number}" for number in range(1, EDGES + 1)]
        for number, ip in enumerate(self.ips, start=1):
            edge = AppLcm(name=f"edge {number}", ip=f"10.78.0.{number}", port=8100)
            edge.save()
            host = MecHost(name=f"b{number}", ip=ip, city="c", address="a", coordinates="0,0",
                           vim="K8S", shared=True, applcm=edge)
            host.save()
            Distribution(package=self.package, host=host, state="Distributed").save()

    def order(self, verb: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Order a batch over HTTP; its items."""
        answer = Client(SERVER_NAME="localhost").post(
            f"{self.base}/{verb}", json.dumps(body), content_type="application/json",
            headers={"authorization": f"Bearer {self.token}"})
        items: list[dict[str, Any]] = answer.json()["response"]
        assert {one["status"] for one in items} == {"Accepted"}, items  # noqa: S101 - a benchmark
        return items

    def create(self, ips: list[str]) -> list[str]:
        """One instance on each of these hosts; their ids."""
        body = {"appPackageId": self.package.package_id, "appId": self.package.app_id.hex,
                "appName": f"b{next_version()}", "appInstanceDescription": "x", "mecHost": ips}
        return [one["appInstanceId"] for one in self.order("batch_create", body)]

    def run(self, ips: list[str]) -> float:
        """Create, then start and wait until all run; the seconds from the order to start."""
        keys = self.create(ips)
        _until(keys, "Created")
        began = time.perf_counter()
        self.order("batch_instantiate", {"appInstanceIds": keys})
        _until(keys, "Instantiated")
        return time.perf_counter() - began


def measure() -> list[Figure]:
    """Both figures."""
    batch = Batch()
    accepted = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        batch.create(batch.ips)
        accepted.append(time.perf_counter() - began)
        AppInstance.objects.all().delete()
    milliseconds = statistics.median(accepted[1:]) * 1000
    alone, together = _parallel(batch)
    return [
        Figure(f"accept a batch of {EDGES} hosts", f"{milliseconds:.0f} ms", "at most 300 ms"),
        Figure(
            f"start at {EDGES} edges that take {SECONDS} s for each answer, against one of them",
            f"{together:.2f} s to {alone:.2f} s: {together / alone:.2f}",
            "at most 2",
        ),
    ]


def _parallel(batch: Batch) -> tuple[float, float]:
    usual, schedule = http.client, celery.conf.beat_schedule
    setattr(http, "client", _client)  # noqa: B010 - put back below
    celery.conf.beat_schedule = {}
    work = EmbeddedWork(celery)
    work.start()
    try:
        batch.run(batch.ips[:1])
        alone = statistics.median(batch.run(batch.ips[:1]) for _ in range(3))
        together = statistics.median(batch.run(batch.ips) for _ in range(2))
    finally:
        work.stop()
        work.join()
        celery.conf.beat_schedule = schedule
        setattr(http, "client", usual)  # noqa: B010 - as it was
    return alone, together


def _until(keys: list[str], state: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while AppInstance.objects.filter(pk__in=keys, state=state).count() < len(keys):
        if time.monotonic() > deadline:
            raise RuntimeError(f"not {state} in {PATIENCE} s")
        time.sleep(0.02)


def _answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/sync/v1/site":
        name = uuid.uuid5(uuid.NAMESPACE_DNS, request.url.host)
        return httpx.Response(200, json={"site_id": str(name)})
    time.sleep(SECONDS)
    if request.method == "POST":
        return httpx.Response(200, json=None)
    return httpx.Response(200, json={"state": "Instantiated", "health": "Ready", "version": 1})


def _client(base_url: str, *, read_seconds: float = http.READ_SECONDS) -> httpx.Client:
    return httpx.Client(base_url=base_url, transport=httpx.MockTransport(_answer))



def _info() -> dict[str, Any]:
    """What the reader finds in an example package."""
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder) / "batch.csar", name="batch")
        return read_package(path, filename=path.name).as_json()
