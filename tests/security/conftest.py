"""The worlds of the walls: one at a center, one at an edge."""

from __future__ import annotations

import pytest

from tests.security.world import world_of


@pytest.fixture
def center_world(house, tmp_path):
    """Two tenants at a center."""
    return world_of("center", tmp_path)


@pytest.fixture
def edge_world(edge_house, tmp_path):
    """Two tenants at an edge."""
    return world_of("edge", tmp_path)


@pytest.fixture
def world(request, db):
    """The world of the role that the test is about."""
    return request.getfixturevalue(f"{request.param}_world")
