"""A center that follows a real edge."""

from __future__ import annotations

import pytest

from apps.common import clock
from apps.hosts.models import AppLcm
from apps.sync import puller, tasks
from tests import factories as make


class Follower:
    """The center's side of the link."""

    def __init__(self, sites, now):
        self.sites, self.now = sites, now
        self.edge = make.edge(name="far")

    @property
    def wire(self):
        """What lies between."""
        return self.sites.wire

    def pull(self):
        """Copy the edge's news."""
        return puller.pull(self.edge.pk)

    def cursor(self):
        """How far the center has read."""
        return AppLcm.objects.get(pk=self.edge.pk).cursor

    def at_edge(self, what, *args, **more):
        """Do something at the edge."""
        with self.sites.inside():
            return what(*args, **more)


@pytest.fixture(autouse=True)
def _in_one_thread(monkeypatch):
    """The edges of these tests answer in the thread that asks them."""
    monkeypatch.setattr(tasks, "AHEAD", False)


@pytest.fixture
def follower(two_sites):
    """The center and its edge, on a clock that stands still."""
    with clock.frozen() as now:
        yield Follower(two_sites, now)
