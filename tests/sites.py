"""Sites inside the test process: the URLs of each role, and a real edge behind the edge link.

The edge is no fake: it is the same program with its own database, directories, keys and URLs.
Only the wire is: it can be cut, lose requests, and lose replies after the work was done.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client, override_settings

from apps.common import http
from apps.hosts.selectors import undelivered
from apps.images import work as image_work
from apps.instances import operations
from apps.orchestration import delivery, engine
from apps.packages import distribution_work
from apps.rules import work as rule_work
from apps.sync import timeline
from apps.tenants import keys
from mecm_portal.roles import CENTER, EDGE
from tests.lines import Framed, edges_dial_in

__all__ = ["CENTER", "EDGE", "EdgeDied", "TwoSites", "Wire", "database_copy", "urls_of"]
URLS = Path(__file__).parent.parent / "mecm_portal" / "urls.py"


def urls_of(role):
    """The name of a URLconf module that is ``mecm_portal.urls`` as a site of ``role`` has it."""
    name = f"mecm_urls_of_{role.name}"
    if name not in sys.modules:
        if find_spec("apps.portal.urls") is None:
            stub = ModuleType("apps.portal.urls")
            stub.urlpatterns = []
            sys.modules["apps.portal.urls"] = stub
        spec = spec_from_file_location(name, URLS)
        module = module_from_spec(spec)
        with override_settings(ROLE=role):
            spec.loader.exec_module(module)
        sys.modules[name] = module
    return name


def database_copy(path):
    """Write the present test database, which is SQLite, to ``path``."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "sqlite":
        pytest.skip("the edge inside the test process is copied from an SQLite database")
    connection.ensure_connection()
    target = sqlite3.connect(path)
    connection.connection.backup(target)
    target.close()


class EdgeDied(BaseException):
    """The edge's process ended in the middle of a request."""


class Wire(httpx.BaseTransport):
    """What lies between the two sites.

    ``down`` refuses every connection, ``lose_requests`` and ``lose_replies`` count down the next
    ones that are lost on the way there and on the way back.  ``on_request`` may do something first.
    """

    def __init__(self, edge):
        self.edge = edge
        self.down = False
        self.lose_requests = 0
        self.lose_replies = 0
        self.on_request = None

    def handle_request(self, request):
        """Carry one request to the edge and its answer back."""
        if self.on_request:
            self.on_request(request)
        if self.down:
            raise httpx.ConnectError("Connection refused", request=request)
        if self.lose_requests:
            self.lose_requests -= 1
            raise httpx.ReadTimeout("timed out", request=request)
        try:
            answer = self.edge.answer(request)
        except EdgeDied:
            raise httpx.RemoteProtocolError("Server disconnected", request=request) from None
        if self.lose_replies:
            self.lose_replies -= 1
            raise httpx.ReadTimeout("timed out", request=request)
        return answer


class TwoSites:
    """The test's own site as center, and one edge at 10.9.0.1:8100.

    ``opened_by`` says which side opens the link, "center" or "edge"; the messages are the same.
    """

    ip, port = "10.9.0.1", 8100

    def __init__(self, template, folder, *, opened_by="center"):
        folder.mkdir()
        self.opened_by = opened_by
        self.folder = folder
        self.file = folder / "edge.sqlite3"
        shutil.copy(template, self.file)
        here = connections[DEFAULT_DB_ALIAS]
        wanted = {**here.settings_dict, "NAME": str(self.file)}
        self.connection = type(here)(wanted, DEFAULT_DB_ALIAS)
        self.wire = Wire(self)
        self.transport = Framed(self.wire) if opened_by == "edge" else self.wire
        for name in ("packages", "vim", "tmp"):
            (folder / name).mkdir()
        self.urls = urls_of(EDGE)
        key = keys.own_key()
        with self.inside():
            timeline.set_mark()
            self.site_id = keys.this_site().site_id
            keys.trust(
                kid=key.kid,
                site_id=key.site_id,
                site_name="center",
                public_key=key.public_key,
            )

    def link(self, monkeypatch):
        """Put the wire where the center's HTTP client would open a socket."""
        if self.opened_by == "edge":
            edges_dial_in(monkeypatch)

        def client(base_url, *, read_seconds=http.READ_SECONDS):
            return httpx.Client(base_url=base_url, transport=self.transport, trust_env=False)

        monkeypatch.setattr(http, "client", client)

    def close(self):
        """Let go of the edge's database."""
        self.connection.close()

    @contextmanager
    def inside(self):
        """Everything in the block happens at the edge: its database, directories and role."""
        outside = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = self.connection
        try:
            with override_settings(
                ROLE=EDGE,
                ROOT_URLCONF=self.urls,
                SITE_NAME="edge-1",
                SITE_DIR=self.folder,
                PACKAGE_DIR=self.folder / "packages",
                VIM_STATE_DIR=self.folder / "vim",
                FILE_UPLOAD_TEMP_DIR=self.folder / "tmp",
                GUEST_ACCESS=settings.GUEST_ACCESS,
            ):
                yield self
        finally:
            connections[DEFAULT_DB_ALIAS] = outside

    def answer(self, request):
        """What the edge's own URLs and views answer to an HTTP request."""
        with self.inside():
            response = Client().generic(
                request.method,
                request.url.raw_path.decode("ascii"),
                request.read(),
                content_type=request.headers.get("content-type", ""),
                headers={
                    name: request.headers[name]
                    for name in ("authorization", "x-request-id", "x-order", "x-based-on", "range")
                    if name in request.headers
                },
            )
            body = b"".join(response.streaming_content) if response.streaming else response.content
        return httpx.Response(response.status_code, headers=dict(response.headers), content=body)

    def work_at_center(self):
        """One sweep of the center's workers."""
        work_once()

    def work(self, clock, seconds=30.0, *, step=0.5):
        """Let the edge's workers do what is due, for so long on the frozen ``clock``."""
        passed = 0.0
        while passed <= seconds:
            with self.inside():
                work_once()
            clock.advance(seconds=step)
            passed += step


def work_once():
    """One sweep of the present site's workers, without a broker."""
    for row in distribution_work.due():
        distribution_work.work_on(row)
    for image in image_work.due():
        image_work.work_on(image)
    for host in owed():
        delivery.deliver(host)
    for operation in operations.due():
        engine.run(operation)
    for task in rule_work.due():
        rule_work.work_on(task)


def owed(*, edge_id=None):
    """The hosts that something has to be brought to."""
    return [host.pk for host in undelivered(edge_id=edge_id)]
