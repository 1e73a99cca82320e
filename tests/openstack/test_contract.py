"""The suite that every VIM driver has to pass, on a real OpenStack."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from tests.contract.test_vim_driver import *  # noqa: F403 - the whole suite
from tests.openstack.packages import SECRET, driver_of, order, two_servers

pytestmark = pytest.mark.openstack


class OpenStackHarness:
    """The cloud of this session; every instance in a stack of its own."""

    kind = "openstack"
    app_classes = ("vm",)

    def __init__(self, cloud):
        self.cloud, self.host_id = cloud, uuid4()

    def driver(self):
        """A driver as a restarted process would make it."""
        return driver_of(self.cloud.openrc(), self.host_id)

    def unreachable(self):
        """A driver for a port where nobody listens."""
        openrc = f"{self.cloud.openrc()}\nexport OS_AUTH_URL=http://127.0.0.1:9/v3\n"
        return driver_of(openrc, self.host_id)

    def unmeasured(self):
        """A driver for a cloud without telemetry, as all are."""
        return self.driver()

    def credentials(self):
        """A password is the secret of an openrc file."""
        return f"{self.cloud.openrc()}\nexport OS_PASSWORD='{SECRET}'\n".encode()

    def spec(self, app_class):
        """An order of two servers whose parameters hold a secret."""
        return order(two_servers("demo-net"), parameters={"sk": SECRET})

    def broken(self, app_class):
        """An order for machines that no compute host has room for."""
        return order(two_servers("demo-net", disk_gb=900_000), name="broken")

    def pause(self):
        """A part of a second."""
        time.sleep(0.3)


@pytest.fixture
def vim(cloud, image, file_leaves_nothing):
    harness = OpenStackHarness(cloud)
    yield harness
    for one in harness.driver().carried():
        harness.driver().remove_object(one)
