"""The worlds of the walls: one at a center, one at an edge."""

from __future__ import annotations

import httpx
import pytest

from apps.common import http
from apps.hosts.models import AppLcm
from apps.mep import grants
from apps.mep.liveness.book import book
from apps.sync import asking, puller
from tests.security.world import world_of


@pytest.fixture
def center_world(house, tmp_path):
    """Two tenants at a center."""
    return world_of("center", tmp_path)


@pytest.fixture
def edge_world(edge_house, tmp_path):
    """Two tenants at an edge, whose MEC platform waits for nobody's end."""
    edge_house.MEP = {**edge_house.MEP, "graceful_seconds": 0, "profile": "strict"}
    book.clear()
    grants.clear()
    return world_of("edge", tmp_path)


@pytest.fixture
def world(request, db):
    """The world of the role that the test is about."""
    return request.getfixturevalue(f"{request.param}_world")


@pytest.fixture(autouse=True)
def _no_edge_answers(monkeypatch):
    """No edge of these worlds listens: every connection to one is refused at once."""

    def refuse(request):
        raise httpx.ConnectError("Connection refused", request=request)

    def client(base_url, *, read_seconds=http.READ_SECONDS):
        return httpx.Client(base_url=base_url, transport=httpx.MockTransport(refuse))

    def work(seconds):
        for key in AppLcm.objects.values_list("pk", flat=True):
            puller.pull(key)

    monkeypatch.setattr(http, "client", client)
    monkeypatch.setattr(asking, "pause", work)
