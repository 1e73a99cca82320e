"""The suite that every VIM driver has to pass, on a real OpenStack."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

import pytest

from apps.vim.contract import VimUnreachable
from tests.contract.test_vim_driver import *  # noqa: F403 - the whole suite
from tests.openstack.packages import SECRET, driver_of, order, two_servers

pytestmark = pytest.mark.openstack
ORDERS = 3


class Persistent:
    """A driver that gives its orders again while the cloud is too busy to answer, as sites do."""

    def __init__(self, driver):
        self._driver = driver

    def __getattr__(self, name):
        return getattr(self._driver, name)

    def install(self, spec):
        """Order a stack."""
        self._until_answered(self._driver.install, spec)

    def uninstall(self, instance_id):
        """Order its removal."""
        self._until_answered(self._driver.uninstall, instance_id)

    def _until_answered(self, order, what):
        for _ in range(ORDERS - 1):
            with suppress(VimUnreachable):
                return order(what)
        return order(what)


class OpenStackHarness:
    """The cloud of this session; every instance in a stack of its own."""

    kind = "openstack"
    app_classes = ("vm",)

    def __init__(self, cloud):
        self.cloud, self.host_id = cloud, uuid4()

    def driver(self):
        """A driver as a restarted process would make it."""
        return Persistent(driver_of(self.cloud.openrc(), self.host_id))

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
