"""What goes wrong at a cloud between an order and its end, and what is said of it."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pytest

from apps.vim.contract import Phase, VimRefused, VimUnreachable
from apps.vim.openstack import names
from apps.vim.openstack.cloud import SERVICE_MISSING, cloud_for
from tests.openstack.packages import driver_of, order, two_servers
from tests.waiting import soon

pytestmark = pytest.mark.openstack
WRONG = """
heat_template_version: 2018-08-31
resources:
  net: {type: "OS::Neutron::Net", properties: {colour: green}}
"""


@pytest.fixture(autouse=True)
def clean(nothing_left):
    """The cloud is left as it was found."""


def awaited(driver, key, phase):
    """Wait until the instance is so."""
    soon(lambda: driver.status(key).phase is phase, 120, lambda: driver.status(key))


def test_region_without_heat_says_so_and_runs_nothing(own):
    driver = driver_of(own.openrc("admin", "RegionTwo"), uuid4())
    lacking = {one.params["service"] for one in driver.probe().notes}
    assert "orchestration" in lacking
    with pytest.raises(VimRefused, match="RegionTwo") as refused:
        driver.install(order(two_servers("nowhere")))
    assert refused.value.code == SERVICE_MISSING


def test_token_that_ends_in_mid_stack_is_fetched_anew(cloud, image):
    openrc = cloud.openrc()
    driver, spec = driver_of(openrc, uuid4()), order(two_servers("token-net"))
    driver.install(spec)
    login = cloud_for(openrc.encode()).api.session.auth
    login.auth_ref._auth_token = "of-yesterday"
    awaited(driver, spec.instance_id, Phase.READY)
    assert login.auth_ref.auth_token != "of-yesterday"
    driver.uninstall(spec.instance_id)
    awaited(driver, spec.instance_id, Phase.ABSENT)


def test_token_that_was_revoked_is_used_once_more_at_most(cloud, image):
    """Heat believes a token for a while that Keystone refuses already, and answers 500 then."""
    openrc = cloud.openrc()
    driver, spec = driver_of(openrc, uuid4()), order(two_servers("revoked-net"))
    assert driver.status(spec.instance_id).phase is Phase.ABSENT
    session = cloud_for(openrc.encode()).api.session
    session.delete(
        "/auth/tokens", endpoint_filter={"service_type": "identity", "interface": "public"},
        headers={"X-Subject-Token": session.get_token()},
    )
    with suppress(VimUnreachable):
        driver.install(spec)
    driver.install(spec)
    awaited(driver, spec.instance_id, Phase.READY)
    driver.uninstall(spec.instance_id)
    awaited(driver, spec.instance_id, Phase.ABSENT)


def test_template_that_heat_refuses_is_told_in_its_words(cloud, tmp_path):
    driver, path = driver_of(cloud.openrc(), uuid4()), tmp_path / "wrong.csar"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("wrong.yaml", WRONG)
    spec = order({}, package_path=path, heat_template="wrong.yaml")
    with pytest.raises(VimRefused, match="colour"):
        driver.install(spec)
    assert driver.status(spec.instance_id).phase is Phase.ABSENT
    assert driver.carried() == []


def test_orders_at_the_same_time_make_one_stack(cloud, image):
    driver, spec = driver_of(cloud.openrc(), uuid4()), order(two_servers("once-net"))
    with ThreadPoolExecutor(4) as threads:
        for one in [threads.submit(driver.install, spec) for _ in range(4)]:
            one.result()
    awaited(driver, spec.instance_id, Phase.READY)
    (only,) = driver.carried()
    assert only.name == names.stack_name(spec.instance_id)
    assert len(driver.status(spec.instance_id).servers) == 2
    driver.uninstall(spec.instance_id)
    awaited(driver, spec.instance_id, Phase.ABSENT)
