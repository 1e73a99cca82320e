"""Images on a real Glance: brought, found again, made of servers, read in parts and taken away."""

from __future__ import annotations

import hashlib
import time
import tracemalloc
import uuid

import pytest

from apps.common import clock
from apps.hosts.drivers import driver_of
from apps.images import services, work
from apps.images.models import HostImage
from apps.images.specs import WantedImage
from apps.tenants.actors import SYSTEM
from apps.vim.contract import Credentials, Phase, VimRefused
from apps.vim.images import KeepsImages, NewImage
from apps.vim.openstack import glance
from apps.vim.registry import driver_for
from tests import factories as make
from tests.images import promise
from tests.images.conftest import DISK, MEMBER, archive, md5
from tests.openstack import packages

pytestmark = pytest.mark.openstack

MIB = 1024 * 1024
PATIENCE = 120


def until(done, seconds=PATIENCE):
    """Wait for something that a cloud does in its own time."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def connection(cloud):
    """The tenant's own client of the cloud."""
    with cloud.connect("edge") as connected:
        yield connected


@pytest.fixture(scope="module")
def driver(cloud, tmp_path_factory):
    """A driver of a host in the tenant's project; nothing of it is left there afterwards."""
    held = Credentials("openstack", cloud.openrc("edge").encode())
    made = driver_for(
        "openstack", host_id=uuid.uuid4(), credentials=held,
        state_dir=tmp_path_factory.mktemp("vim"),
    )
    yield made
    assert made.carried() == []


@pytest.fixture(scope="module")
def server(cloud, connection, driver):
    """A server that runs from an image."""
    with cloud.connect("admin") as admin:
        flavor = admin.compute.create_flavor(name="of-images", vcpus=1, ram=64, disk=1)
        image = driver.upload_image(promise.new("base"), promise.pieces())
        made = connection.compute.create_server(
            name="shot-of", image_id=image.id, flavor_id=flavor.id, networks="none"
        )
        connection.compute.wait_for_server(made, wait=PATIENCE)
        yield made
        connection.compute.delete_server(made)
        connection.compute.wait_for_delete(made, wait=PATIENCE)
        driver.remove_image(image.id)
        admin.compute.delete_flavor(flavor)


def write_disk(connection, image_id):
    """What a hypervisor does for a snapshot; the one of our own cloud writes no bytes."""
    made = connection.image.get_image(image_id)
    if made.status == "queued":
        connection.image.update_image(made, disk_format="raw", container_format="bare")
        connection.image.put(
            f"/images/{image_id}/file", data=DISK,
            headers={"Content-Type": "application/octet-stream"},
        )


# --- the promise -----------------------------------------------------------------------------


def test_what_was_sent_is_there_with_our_tags_and_can_be_taken_away(driver, connection):
    assert isinstance(driver, KeepsImages)
    made = promise.uploads_and_reads(driver)
    told = connection.image.get_image(made.id)
    assert {"mecm", f"mecm-host-{driver._host_id}", f"mecm-image-{made.key}"} < set(told.tags)
    assert made.key in [one.image for one in driver.carried()]
    assert b"".join(connection.image.download_image(made.id, stream=True)) == promise.CONTENT
    promise.takes_away(driver, made)


def test_nothing_is_left_of_an_upload_that_breaks(driver):
    promise.leaves_nothing_of_a_broken_upload(driver)


def test_half_image_of_a_process_that_died_is_replaced(driver, monkeypatch):
    def leave_half(wanted):
        with monkeypatch.context() as patch:
            # A process that is killed cleans nothing up.
            patch.setattr(glance, "_remove_broken", lambda *_: None)
            with pytest.raises(promise.BrokeOff):
                driver.upload_image(wanted, promise.breaking())

    promise.replaces_what_an_attempt_left(driver, leave_half)


def test_snapshot_of_a_server_becomes_active(driver, connection, server):
    def wait(is_active):
        write_disk(connection, driver.images("shot")[0].id)
        until(is_active)

    made = promise.makes_one_snapshot_of_a_key(driver, server.id, wait)
    tags = set(connection.image.get_image(made.id).tags)
    assert f"mecm-image-{made.key}" in tags
    assert any(tag.startswith("mecm-instance-") for tag in tags)
    assert driver.remove_image(made.id)


def test_server_that_there_is_not_is_refused(driver):
    with pytest.raises(VimRefused, match="no server"):
        driver.snapshot_server(str(uuid.uuid4()), promise.new())


def test_image_that_the_cloud_does_not_take_is_refused_and_leaves_nothing(cloud, driver):
    if not cloud.ours:
        pytest.skip("only our own cloud is known to limit an image to 64 MiB")
    zeros = (bytes(MIB) for _ in range(65))
    with pytest.raises(VimRefused) as refused:
        driver.upload_image(promise.new("large"), zeros)
    assert refused.value.code == "too_large"
    assert driver.images("large") == ()


def test_memory_stays_flat_both_ways(driver):
    size = 48 * MIB
    tracemalloc.start()
    try:
        made = driver.upload_image(promise.new("long"), (bytes(MIB) for _ in range(48)))
        received = sum(map(len, driver.read_image(made.id)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    driver.remove_image(made.id)
    assert (made.size, received) == (size, size)
    assert peak < 16 * MIB


# --- from the site ---------------------------------------------------------------------------


class Site:
    """A site with a host in the cloud, and a tenant."""

    def __init__(self, cloud):
        self.tenant = make.tenant("red")
        self.host = make.host(vim="OpenStack", access=cloud.openrc("edge"))
        self.driver = driver_of(self.host)

    def want(self, **fields):
        """Order an image for a package of its own."""
        given = {"package_id": uuid.uuid4(), "tenant_id": self.tenant.pk,
                 "name": f"site-{uuid.uuid4().hex[:8]}",
                 "archive": archive({MEMBER: DISK}), "member": MEMBER}
        return services.ensure(
            actor=SYSTEM, host=self.host, wanted=WantedImage(**given | fields)
        )

    def work(self, row):
        """Work on it until it wants no more; the row then."""
        def is_done():
            for one in work.due():
                work.work_on(one)
            return not HostImage.objects.filter(pk=row.pk, next_at__isnull=False).exists()

        until(is_done)
        return HostImage.objects.filter(pk=row.pk).first()

    def remove(self, row):
        """Take it away."""
        services.remove(actor=SYSTEM, image=row)
        assert self.work(row) is None


@pytest.fixture
def site(edge_house, cloud):
    """An edge whose host is in the cloud."""
    made = Site(cloud)
    yield made
    assert made.driver.carried() == []


def test_image_of_a_package_is_brought_and_taken_away_with_it(site, connection):
    row = site.work(site.want(checksum=md5(DISK), min_disk_gb=1))
    assert (row.state, row.vim_status, row.checksum) == ("active", "active", md5(DISK))
    assert row.sha256 == hashlib.sha256(DISK).hexdigest()
    assert b"".join(connection.image.download_image(row.vim_id, stream=True)) == DISK
    site.remove(row)
    assert site.driver.image(row.vim_id) is None


def test_image_that_was_there_is_used_and_stays(site, connection):
    there = connection.image.create_image(
        name="of-somebody", data=DISK, disk_format="raw", container_format="bare",
        validate_checksum=False, wait=True,
    )
    row = site.work(site.want(name="of-somebody", checksum=md5(DISK)))
    assert (row.state, row.source, row.vim_id) == ("active", "found", there.id)
    site.remove(row)
    assert site.driver.image(there.id).status == "active"
    connection.image.delete_image(there.id)


def test_wrong_checksum_leaves_nothing_in_glance(site):
    row = site.work(site.want(name="wrong", checksum=md5(b"other")))
    assert (row.state, row.fault_reason.code) == ("failed", "checksum_differs")
    assert site.driver.images("wrong") == ()
    site.remove(row)


def test_copy_that_was_cut_is_resumed_after_a_restart(site, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    row = site.want(name="cut")
    with monkeypatch.context() as patch:
        patch.setattr(glance, "_remove_broken", lambda *_: None)
        patch.setattr(work, "_teller", lambda _: die)
        with pytest.raises(Killed):
            work.work_on(row.pk)
    assert [one.status for one in site.driver.images("cut")] == ["queued"]
    work.drop_leases()
    row = site.work(row)
    assert [one.id for one in site.driver.images("cut")] == [row.vim_id]
    assert b"".join(site.driver.read_image(row.vim_id)) == DISK
    site.remove(row)


def test_chunks_are_byte_for_byte_what_glance_has(site, settings, connection):
    settings.IMAGES = {**settings.IMAGES, "chunk_bytes": MIB}
    package = make.package(site.tenant, app_class="vm")
    instance = make.instance(package, site.host, state="Instantiated")
    row = HostImage(
        host=site.host, tenant=site.tenant, instance_id=instance.pk, name="chunks",
        source="snapshot", state="active", next_at=None,
    )
    new = NewImage(key=row.pk, name="chunks", instance_id=instance.pk)
    made = site.driver.upload_image(new, promise.pieces(DISK))
    row.vim_id, row.size, row.checksum = made.id, made.size, made.checksum
    row.save()
    owner = make.Api(make.user(site.tenant))
    url = (f"/lcmcontroller/v1/tenants/{site.tenant.pk}/app_instances/{instance.pk}"
           f"/images/{row.pk}")
    told = owner.send("GET", url).json()
    parts = [
        make.content_of(owner.send("GET", f"{url}/file", headers={"chunk_num": str(number)}))
        for number in reversed(range(told["sumChunkNum"]))
    ]
    glances = b"".join(connection.image.download_image(made.id, stream=True))
    assert b"".join(reversed(parts)) == glances == DISK
    assert told["checksum"] == md5(DISK)
    site.remove(row)


def test_snapshot_is_ordered_and_followed(site, server, connection):
    row = services.snapshot(
        actor=SYSTEM, host=site.host, tenant_id=site.tenant.pk, instance_id=uuid.uuid4(),
        server_id=server.id, name=f"shot-{clock.now():%H%M%S}",
    )
    assert work.work_on(row.pk) == "waiting"
    row.refresh_from_db()
    assert (row.state, site.driver.image(row.vim_id).key) == ("copying", str(row.pk))
    write_disk(connection, row.vim_id)
    row = site.work(row)
    assert (row.state, row.vim_status, row.source) == ("active", "active", "snapshot")
    assert site.driver.image(row.vim_id).key == str(row.pk)
    site.remove(row)


def test_machine_starts_from_the_image_that_was_brought_for_it(cloud):
    """Of several images of one name the site's own is meant, and not the youngest."""
    driver = packages.driver_of(cloud.openrc(), uuid.uuid4())
    name = f"twin-{uuid.uuid4().hex[:8]}"
    ours, younger = (driver.upload_image(promise.new(name), promise.pieces()) for _ in range(2))
    template = packages.definition(
        web=packages.machine(image=name), card=packages.card("web"),
        net=packages.link(name, cidr="192.168.78.0/24"),
    )
    spec = packages.order(template, images={name: ours.id})
    driver.install(spec)
    until(lambda: driver.status(spec.instance_id).phase in (Phase.READY, Phase.FAILED))
    status = driver.status(spec.instance_id)
    assert status.phase is Phase.READY, str(status.reason)
    with cloud.connect() as admin:
        assert admin.compute.get_server(status.servers[0].id).image.id == ours.id
    driver.uninstall(spec.instance_id)
    until(lambda: driver.status(spec.instance_id).phase is Phase.ABSENT)
    for one in (ours, younger):
        driver.remove_image(one.id)
    until(lambda: driver.carried() == [])
