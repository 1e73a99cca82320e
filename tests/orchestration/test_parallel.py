"""Twenty edges of a batch are worked at the same time, by the site's own workers."""

from __future__ import annotations

import shutil
import threading
import time
import uuid

import httpx
import pytest
from django.db import connection, connections

from apps.common import http
from apps.hosts.models import AppLcm
from apps.instances.models import AppInstance
from apps.packages.models import Distribution
from mecm_portal.celery import app as celery
from mecm_portal.runtime.work import EmbeddedWork
from tests import factories as make

EDGES = 20


class Edges:
    """Edges that answer an order only when all of them have theirs."""

    def __init__(self):
        self.gate = threading.Barrier(EDGES)
        self.sites = {}

    def answer(self, request):
        """What the edge of the request's address says."""
        path = request.url.path
        if path == "/sync/v1/site":
            site = self.sites.setdefault(request.url.host, str(uuid.uuid4()))
            return httpx.Response(200, json={"site_id": site})
        if path.endswith("/instantiate"):
            try:
                self.gate.wait(20)
            except threading.BrokenBarrierError:
                return httpx.Response(400, json={"detail": "the others never came"})
            return httpx.Response(200, json=None)
        record = {"state": "Instantiated", "health": "Ready", "version": 1}
        return httpx.Response(200, json=record)

    def link(self, monkeypatch):
        """Put them where sockets would be opened."""

        def client(base_url, *, read_seconds=http.READ_SECONDS):
            return httpx.Client(base_url=base_url, transport=httpx.MockTransport(self.answer))

        monkeypatch.setattr(http, "client", client)


def in_thread(work):
    """Do ``work`` on a connection of its own; what it returned."""
    found = []

    def run():
        try:
            found.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return found[0]


@pytest.fixture
def workers(request, house, tmp_path, monkeypatch):
    """The workers of a site process, on a database file of their own."""
    if connection.vendor == "sqlite":
        path = tmp_path / "site.sqlite3"
        shutil.copy(request.getfixturevalue("edge_database"), path)
        monkeypatch.setitem(connections.settings["default"], "NAME", str(path))
    usual = celery.conf.beat_schedule
    celery.conf.beat_schedule = {}
    work = EmbeddedWork(celery)
    work.start()
    yield work
    work.stop()
    work.join()
    celery.conf.beat_schedule = usual


def world():
    """A tenant, a package that is at twenty hosts of as many edges, and a client."""
    tenant = make.tenant("red")
    package = make.package(tenant)
    for number in range(1, EDGES + 1):
        host = make.host(f"10.1.0.{number}", edge=make.edge(f"10.9.0.{number}"), access="")
        Distribution(package=package, host=host, state="Distributed").save()
    return make.Api(make.user(tenant)), f"/appo/v1/tenants/{tenant.pk}/app_instances", package


@pytest.mark.django_db(transaction=True)
def test_twenty_edges_have_their_orders_at_the_same_time(workers, monkeypatch):
    """Q44: no edge waits for another: each answers only once all twenty have been asked."""
    edges = Edges()
    edges.link(monkeypatch)
    api, base, package = in_thread(world)

    def order():
        created = api.send("POST", f"{base}/batch_create", {
            "appPackageId": package.package_id, "appId": package.app_id.hex, "appName": "camera",
            "appInstanceDescription": "x",
            "mecHost": [f"10.1.0.{number}" for number in range(1, EDGES + 1)]})
        keys = [one["appInstanceId"] for one in created.json()["response"]]
        started = api.send("POST", f"{base}/batch_instantiate", {"appInstanceIds": keys})
        return [one["status"] for one in started.json()["response"]]

    assert in_thread(order) == ["Accepted"] * EDGES

    def states():
        return sorted(AppInstance.objects.values_list("state", flat=True))

    deadline = time.monotonic() + 30
    while in_thread(states) != ["Instantiated"] * EDGES and time.monotonic() < deadline:
        time.sleep(0.1)
    assert in_thread(states) == ["Instantiated"] * EDGES
    assert in_thread(AppLcm.objects.count) == EDGES
