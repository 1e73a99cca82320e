from __future__ import annotations

import pytest

from tests.stories.running import World


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """One running center and edge for all stories of this worker."""
    running = World(tmp_path_factory.mktemp("world") / "data")
    try:
        running.start()
        yield running
    finally:
        running.stop()
