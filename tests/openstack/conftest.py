"""One cloud for all tests of the mark ``openstack``, and a look whether it is left clean."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest

from tests.openstack.asking import flavor_of, image_of
from tests.openstack.packages import FLAVOR, IMAGE
from tests.waiting import soon
from tools.builds import Missing
from tools.cloud.cloud import named_cloud, own_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """The cloud that OS_CLOUD names, else one of our own with two hosts."""
    named = named_cloud()
    if named is not None:
        yield named
        return
    try:
        with own_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
            yield cloud
    except Missing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))


@pytest.fixture(scope="session")
def own(cloud):
    """A cloud of our own, for tests that stop it, have its two users or its regions."""
    if not cloud.ours:
        pytest.skip("the cloud of OS_CLOUD is only used, as its one user")
    return cloud


@pytest.fixture(scope="session")
def admin(cloud):
    """A connection of the administrator."""
    with cloud.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def tenant(cloud):
    """A connection of a tenant, who is a member of a project."""
    with cloud.connect("edge") as connection:
        yield connection


@contextmanager
def left_as_found(cloud, seconds=60):
    """Kind and name of everything are afterwards what they were before."""
    before = cloud.inventory()
    yield
    found = {}

    def same():
        found["now"] = cloud.inventory()
        return found["now"] == before

    soon(same, seconds, lambda: {"left": found["now"] - before, "lost": before - found["now"]})


@pytest.fixture
def nothing_left(cloud):
    """After the test the cloud has what it had before."""
    with left_as_found(cloud):
        yield


@pytest.fixture(scope="module")
def file_leaves_nothing(cloud):
    """After the tests of one file the cloud has what it had before."""
    with left_as_found(cloud):
        yield


@pytest.fixture(scope="session")
def image(admin):
    """An image that orders name; it holds nothing, since nothing boots from it."""
    with image_of(admin, IMAGE) as found:
        yield found


@pytest.fixture(scope="session")
def flavor(admin):
    """A flavor that templates name."""
    with flavor_of(admin, FLAVOR, ram=64) as found:
        yield found
