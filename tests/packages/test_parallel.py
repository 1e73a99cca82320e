"""A batch of hosts goes to all of its edges at once, and to each edge once."""

from __future__ import annotations

import json
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import DEFAULT_DB_ALIAS, connections

from apps.common import http
from apps.common.errors import Conflict
from apps.packages import distribution, distribution_work, services
from apps.packages.models import Distribution
from apps.tenants.actors import SYSTEM
from mecm_portal.runtime import work
from tests import factories as make
from tests.sites import database_copy

pytestmark = pytest.mark.django_db(transaction=True)
EDGES = 20
TOGETHER_SECONDS = 20


class Edges(httpx.BaseTransport):
    """Edges that take a file only when ``together`` of them are being given one at the same time.

    Whoever brings the files one after the other waits for ever for the second one.
    """

    def __init__(self, together):
        self.barrier = threading.Barrier(together)
        self.taken = {}
        self.uploads = []

    def handle_request(self, request):
        """The few calls that bringing a package takes."""
        edge, path = request.url.host, request.url.path
        content = request.read()
        if path.endswith("/site"):
            return httpx.Response(200, json={"site_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, edge))})
        if request.method == "GET":
            hosts = self.taken.get(edge)
            if hosts is None:
                return httpx.Response(404, json={"detail": "unknown"})
            info = [{"hostIp": ip, "status": "Distributed"} for ip in hosts]
            return httpx.Response(200, json=[{"mecHostInfo": info}])
        if re.search("/packages/[0-9a-f]{64}$", path):
            self.taken[edge] += json.loads(content)["hostIp"]
            return httpx.Response(200, json=None)
        self.barrier.wait(TOGETHER_SECONDS)
        self.uploads.append(edge)
        self.taken[edge] = []
        return httpx.Response(200, json={})


@pytest.fixture
def in_threads(house, tmp_path):
    """Work of several threads on the test's database, which has to be a file for that."""
    path, here = tmp_path / "shared.sqlite3", connections[DEFAULT_DB_ALIAS]

    def opened():
        return type(here)({**here.settings_dict, "NAME": str(path)}, DEFAULT_DB_ALIAS)

    def run(deed, keys):
        database_copy(path)

        def one(key):
            connections[DEFAULT_DB_ALIAS] = opened()
            try:
                return deed(key)
            finally:
                connections[DEFAULT_DB_ALIAS].close()

        with ThreadPoolExecutor(len(keys)) as pool:
            came = list(pool.map(one, keys))
        mine = connections[DEFAULT_DB_ALIAS] = opened()
        states = list(Distribution.objects.order_by("pk").values_list("state", flat=True))
        mine.close()
        connections[DEFAULT_DB_ALIAS] = here
        return came, states

    return run


def link(monkeypatch, edges):
    """Put these edges where the center's HTTP client would open a socket."""
    monkeypatch.setattr(
        http, "client",
        lambda base_url, **_: httpx.Client(base_url=base_url, transport=edges, trust_env=False),
    )


def test_twenty_edges_take_a_package_at_the_same_time(red, monkeypatch, in_threads):
    """Q71: hosts are served side by side; one after the other would never end here."""
    package = make.package(red)
    hosts = [make.host(edge=make.edge(f"10.9.2.{number}")) for number in range(1, EDGES + 1)]
    rows = distribution.distribute(
        actor=SYSTEM, package_id=package.pk, host_ids=[host.pk for host in hosts]
    )
    edges = Edges(together=EDGES)
    link(monkeypatch, edges)
    came, states = in_threads(distribution_work.work_on, [row.pk for row in rows])
    assert came == ["arrived"] * EDGES
    assert states == ["Distributed"] * EDGES
    assert work.POOL_SIZE > distribution_work.AT_ONCE >= EDGES, "a site has the workers for it"


def test_of_uploads_at_once_only_as_many_succeed_as_there_is_room_for(red, in_threads, settings):
    """P1 Q18: the limit is counted under a lock, and what does not fit leaves nothing."""
    settings.LIMITS = settings.LIMITS | {"packages_per_tenant": 2}
    make.package(red)
    content = make.csar(app_class="vm")

    def upload(_):
        try:
            services.upload_package(actor=SYSTEM, tenant_id=red.pk, file=make.uploaded(content))
        except Conflict as error:
            return error.code
        return "kept"

    came, _ = in_threads(upload, range(8))
    assert sorted(came) == ["kept"] + ["limit"] * 7
    assert len(list(settings.PACKAGE_DIR.iterdir())) == 2


def test_two_hosts_of_one_edge_cost_one_upload(red, now, monkeypatch):
    """Q71: the file goes once per package and edge, and the second host waits for it."""
    package, edge = make.package(red), make.edge("10.9.3.1")
    hosts = [make.host(edge=edge), make.host(applcm_ip=edge.ip)]
    rows = distribution.distribute(
        actor=SYSTEM, package_id=package.pk, host_ids=[host.pk for host in hosts]
    )
    edges = Edges(together=1)
    link(monkeypatch, edges)
    came = []

    class Meanwhile(threading.Barrier):
        def wait(self, timeout=None):
            came.append(distribution_work.work_on(rows[1].pk))

    edges.barrier = Meanwhile(1)
    assert distribution_work.work_on(rows[0].pk) == "arrived"
    assert came == ["not due"]
    assert distribution_work.work_on(rows[1].pk) == "arrived"
    assert edges.uploads == [edge.ip]
    assert edges.taken[edge.ip] == [host.ip for host in hosts]
