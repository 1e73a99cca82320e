from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from tests.stories.patience import CALL_SECONDS, at_most, hangs
from tests.stories.running import World


# Of the package, not of the session: what nobody asks any more would work until the last test ends.
@pytest.fixture(scope="package")
def world(tmp_path_factory):
    """One running center and edge for all stories of this worker."""
    yield from running(tmp_path_factory.mktemp("world"), link="center")


@pytest.fixture(scope="package")
def dialling(tmp_path_factory):
    """The same with an edge that opens the link, and a center whose second process reads it."""
    yield from running(tmp_path_factory.mktemp("dialling"), link="edge", MECM_READER_FROM="1")


def running(directory, link, **environment):
    """A world that is started, and stopped at the end."""
    found = World(directory / "data", link=link)
    found.environment |= environment
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A story in a browser has its time, whatever call of the driver it hangs in."""
    if item.get_closest_marker("browser") is None:
        return (yield)
    with at_most(CALL_SECONDS, item.name):
        return (yield)


def pytest_runtest_protocol(item, nextitem):
    """One that hung is begun again once, with a browser of its own."""
    if item.get_closest_marker("browser") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    before = len(hangs)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if len(hangs) > before and any(report.failed for report in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
