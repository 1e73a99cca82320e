"""The cloud of the tests itself: that it is real, vanishes and comes back, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import openstack
import pytest
from openstack.exceptions import ForbiddenException, HttpException, SDKException

from tests.openstack.asking import (
    flavor_of,
    get_server,
    image_of,
    network_of,
    server_of,
    status,
)
from tests.waiting import processes_of, soon
from tests.webserver import served
from tools.cloud.place import IMAGE_MEBIBYTES

pytestmark = [pytest.mark.openstack, pytest.mark.usefixtures("file_leaves_nothing")]
ROOT = Path(__file__).resolve().parents[2]
KEEPER = "tools.cloud --state"
GIGABYTE = 1024


@pytest.fixture(scope="module")
def parts(admin, tenant):
    """An image, a flavor and a network, of which a tenant can make a server."""
    with ExitStack() as stack:
        yield {
            "image": stack.enter_context(image_of(tenant, "parts")),
            "flavor": stack.enter_context(flavor_of(admin, "parts")),
            "network": stack.enter_context(network_of(tenant, "parts")),
        }


def test_both_users_log_in_and_nobody_else(own):
    with own.connect() as admin, own.connect("edge") as tenant:
        assert admin.current_user_id != tenant.current_user_id
        assert tenant.current_project.name == "edge"
        with pytest.raises(ForbiddenException):
            list(tenant.identity.users())
    wrong = replace(own.account("edge"), password="not this one")
    with wrong.connect() as stranger, pytest.raises(SDKException, match="401"):
        stranger.authorize()


def test_the_files_of_a_site_open_the_cloud(own, tmp_path, monkeypatch):
    file = tmp_path / "clouds.yaml"
    file.write_text(own.clouds_yaml("edge", name="site"))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    with openstack.connect(cloud="site") as connection:
        assert connection.current_project.name == "edge"
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    (tmp_path / "openrc").write_text(own.openrc("edge", "RegionTwo"))
    said = subprocess.check_output(["bash", "-c", ". ./openrc; env"], cwd=tmp_path, text=True)
    for name, value in (line.split("=", 1) for line in said.splitlines() if line[:3] == "OS_"):
        monkeypatch.setenv(name, value)
    with openstack.connect(load_yaml_config=False) as connection:
        assert connection.current_project.name == "edge"
        assert connection.config.region_name == "RegionTwo"


def test_an_image_comes_back_as_it_went(tenant):
    content = os.urandom(1 << 20)
    with image_of(tenant, "bytes", content) as image:
        assert (image.status, image.size) == ("active", len(content))
        assert tenant.image.download_image(image).content == content


@pytest.mark.parametrize("method", ["web-download", "glance-direct"])
def test_an_image_is_imported(tenant, tmp_path, method):
    content = os.urandom(1 << 20)
    form = {"disk_format": "raw", "container_format": "bare"}
    image = tenant.image.create_image(name=method, **form)
    (tmp_path / "image").write_bytes(content)
    try:
        with served(tmp_path) as url:
            if method == "glance-direct":
                tenant.image.stage_image(image, data=content)
                tenant.image.import_image(image, method=method)
            else:
                tenant.image.import_image(image, method=method, uri=f"{url}/image")
            soon(lambda: tenant.image.get_image(image.id).status in ("active", "killed"))
        assert tenant.image.download_image(image).content == content
    finally:
        tenant.image.delete_image(image)


def test_an_image_that_is_too_large_is_refused(own, tenant):
    with (
        pytest.raises(HttpException, match="413"),
        image_of(tenant, "large", bytes(IMAGE_MEBIBYTES * 1024**2 + 1)),
    ):
        pass


def test_a_server_runs_and_says_something(tenant, parts):
    with server_of(tenant, "runs", **parts) as server:
        assert server.status == "ACTIVE", server.fault
        assert tenant.compute.get_server_console_output(server.id)["output"]
        url = tenant.compute.create_server_remote_console(server, protocol="vnc", type="novnc").url
        assert url.startswith("http://127.0.0.1:")
        port = next(tenant.network.ports(device_id=server.id))
        assert port.status == "ACTIVE"
        tenant.compute.stop_server(server)
        soon(lambda: get_server(tenant, server).status == "SHUTOFF")


def test_a_tenant_makes_no_flavor(own, tenant):
    with pytest.raises(ForbiddenException):
        tenant.compute.create_flavor(name="mine", ram=1, vcpus=1, disk=1)


def test_no_host_has_room_for_a_giant(admin, tenant, parts):
    with (
        flavor_of(admin, "giant", disk=9_000_000) as giant,
        server_of(tenant, "giant", **parts | {"flavor": giant}) as server,
    ):
        assert server.status == "ERROR"
        assert "No valid host" in server.fault["message"]


def test_a_quota_is_kept(own, admin, tenant, parts):
    most = tenant.compute.get_limits().absolute.total_ram
    with (
        flavor_of(admin, "greedy", ram=most + GIGABYTE) as greedy,
        pytest.raises(ForbiddenException, match="Quota exceeded for ram"),
    ):
        tenant.compute.create_server(
            name="greedy",
            image_id=parts["image"].id,
            flavor_id=greedy.id,
            networks=[{"uuid": parts["network"].id}],
        )


def test_a_stack_comes_and_goes(tenant, parts):
    template = {
        "heat_template_version": "2018-08-31",
        "resources": {
            "port": {
                "type": "OS::Neutron::Port",
                "properties": {"network": parts["network"].id},
            },
            "machine": {
                "type": "OS::Nova::Server",
                "properties": {
                    "image": parts["image"].id,
                    "flavor": parts["flavor"].id,
                    "networks": [{"port": {"get_resource": "port"}}],
                },
            },
        },
        "outputs": {"address": {"value": {"get_attr": ["machine", "first_address"]}}},
    }

    def now():
        return tenant.orchestration.get_stack(stack.id)

    stack = tenant.orchestration.create_stack(name="comes", template=template)
    try:
        soon(lambda: now().status != "CREATE_IN_PROGRESS")
        assert now().status == "CREATE_COMPLETE", now().status_reason
        assert now().outputs[0]["output_value"].startswith("10.20.0.")
        assert [one.name for one in tenant.compute.servers() if "machine" in one.name]
    finally:
        tenant.orchestration.delete_stack(stack)
        soon(lambda: status(now) in ("", "DELETE_COMPLETE"))


def test_the_second_region_has_the_same_and_no_heat(own, tenant, parts):
    with own.connect("edge", "RegionTwo") as elsewhere:
        assert not elsewhere.has_service("orchestration")
        assert elsewhere.image.get_image(parts["image"].id).name == "parts"
        assert elsewhere.network.get_network(parts["network"].id).name == "parts"
        assert elsewhere.compute.get_flavor(parts["flavor"].id).name == "parts"
    assert tenant.has_service("orchestration")


def test_an_inventory_tells_what_there_is(cloud, parts):
    found = cloud.inventory()
    for kind in ("image", "flavor", "network"):
        assert (kind, f"parts {parts[kind].id}") in found


@pytest.mark.parametrize("freeze", [False, True], ids=["refusing", "silent"])
def test_the_cloud_vanishes_and_comes_back(own, tenant, parts, freeze):
    with server_of(tenant, "stays", **parts) as server:
        own.pause(freeze=freeze)
        try:
            with (
                own.account("edge").connect(timeout=1) as connection,
                pytest.raises(SDKException, match="timed out" if freeze else "refused"),
            ):
                connection.authorize()
        finally:
            own.resume()
        assert get_server(tenant, server).status == "ACTIVE"


def test_a_program_starts_again_where_it_was(own, tenant, parts):
    process = own.pids()["nova-compute-host-1"]
    own.restart("nova-compute-host-1")
    assert own.pids()["nova-compute-host-1"] not in (process, None)
    with server_of(tenant, "after", **parts) as server:
        assert server.status == "ACTIVE", server.fault


def test_no_program_outlives_the_one_that_started_it(own, tmp_path):
    words = [sys.executable, "-m", "tools.cloud", "--state", str(tmp_path)]
    keeper = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert "up in" in keeper.stdout.readline()
        mine = processes_of(tmp_path, keeper=KEEPER)
        assert any("epmd" in one for one in mine.values())
        assert len(mine) >= len(own.pids())
    finally:
        keeper.send_signal(signal.SIGKILL)
        keeper.wait()
    left = partial(processes_of, tmp_path, keeper=KEEPER)
    soon(lambda: not left(), 30, left)
