"""Images where instances are ordered: brought before their machines, and gone with the package."""

from __future__ import annotations

import pytest

from apps.hosts.drivers import driver_of
from apps.images import work
from apps.images.models import HostImage
from apps.instances.models import AppInstance
from apps.orchestration import images, orphans
from apps.orchestration.workload import install_spec
from apps.packages import distribution
from apps.tenants.actors import SYSTEM
from examples.packages import content
from tests import factories as make
from tests.images import promise
from tests.orchestration.conftest import Stage


@pytest.fixture
def machines(now):
    """The stage with a package for virtual machines."""
    return Stage(now, app_class="vm")


def steps(stage):
    """The steps of the last instantiation, each with how it went."""
    return {line["name"]: line for line in stage.operation().steps}


def run(stage, until="Instantiated"):
    """An instance that was ordered to run."""
    instance = stage.create()
    stage.instantiate(instance)
    stage.work(60, until=until)
    return AppInstance.objects.get(pk=instance.pk)


def test_image_of_the_package_is_at_the_host_before_its_machine_is_ordered(machines):
    instance = run(machines)
    row = HostImage.objects.get()
    assert (row.name, row.state, row.source) == ("gateway-linux", "active", "package")
    assert (row.package_id, row.tenant_id) == (machines.package.pk, machines.tenant.pk)
    assert b"".join(driver_of(machines.host).read_image(row.vim_id)) == content.DISK
    assert list(steps(machines)) == [
        "await_created", "bring_package", "bring_images", "install", "await_ready"]
    instance.refresh_from_db()
    assert dict(install_spec(instance).images) == {"gateway-linux": row.vim_id}


def test_second_instance_finds_the_image_there(machines):
    run(machines)
    other = machines.create(name="other")
    machines.instantiate(other)
    machines.work(30, until="Instantiated")
    assert HostImage.objects.count() == 1
    assert len(driver_of(machines.host).images()) == 1


def test_step_tells_how_far_the_copy_is(machines, monkeypatch):
    instance = machines.create()
    machines.instantiate(instance)
    monkeypatch.setattr(work, "due", list)  # nobody works on images
    machines.work(5)
    line = steps(machines)["bring_images"]
    assert (line["state"], line["reason"]["params"]["name"]) == ("waiting", "gateway-linux")
    assert machines.operation().attempts > 0
    HostImage.objects.update(state="copying", size=5 * 2**20, sent_bytes=2 * 2**20)
    machines.work(2)
    params = steps(machines)["bring_images"]["reason"]["params"]
    assert (params["sent"], params["size"]) == (2, 5)
    HostImage.objects.update(state="waiting")
    monkeypatch.undo()
    assert machines.work(30, until="Instantiated")[-1] == "Instantiated"


def test_image_that_cannot_be_brought_fails_the_instance_with_its_words(machines):
    listed = b'[{"name": "gateway-linux", "checksum": "%s", "swImage": "%s", "diskFormat": "raw"}]'
    wrong = listed % (b"0" * 32, content.DISK_PATH.encode())
    machines.package = make.package(
        machines.tenant, app_class="vm", name="wrong",
        extra=Frozen({"Image/SwImageDesc.json": wrong}),
    )
    instance = run(machines, until="Instantiation failed")
    assert instance.state == "Instantiation failed"
    assert instance.info.code == "checksum_differs"
    assert driver_of(machines.host).images() == ()
    assert machines.phase(instance.pk) == "Absent"


class Frozen(dict):
    """Files that may be a key of a cache."""

    def __hash__(self):
        return hash(tuple(sorted(self.items())))


def test_image_that_failed_is_tried_again_by_the_next_order(machines):
    make.simulate(machines.host.pk, "")
    instance = machines.create()
    row = None
    machines.instantiate(instance)
    while row is None:
        machines.work(0.25)
        row = HostImage.objects.first()
    HostImage.objects.update(state="failed", fault={"text": "no", "code": "no"}, next_at=None)
    machines.work(30, until="Instantiation failed")
    assert str(AppInstance.objects.get().info) == "no"
    machines.now.advance(seconds=5)
    machines.instantiate(instance)
    assert machines.work(30, until="Instantiated")[-1] == "Instantiated"


def test_image_that_was_deleted_at_the_vim_is_brought_again(machines):
    run(machines)
    row = HostImage.objects.get()
    driver_of(machines.host).remove_image(row.vim_id)
    other = machines.create(name="other")
    machines.instantiate(other)
    machines.work(30)
    assert [one.status for one in driver_of(machines.host).images()] == ["active"]
    assert set(AppInstance.objects.values_list("state", flat=True)) == {"Instantiated"}


def test_image_goes_when_its_package_leaves_the_host_and_not_before(machines):
    instance = run(machines)
    assert images.release_unused() == 0
    machines.terminate(instance)
    machines.work(30, until="gone")
    assert images.release_unused() == 0
    distribution.withdraw(
        actor=SYSTEM, package_id=machines.package.pk, host_id=machines.host.pk)
    machines.work(2)
    assert images.release_unused() == 1
    machines.work(2)
    assert not HostImage.objects.exists()
    assert driver_of(machines.host).images() == ()


def test_image_at_the_vim_that_no_row_knows_is_an_orphan(machines, monkeypatch):
    run(machines)
    known, lost = HostImage.objects.get(), promise.new("lost")
    driver = type(driver_of(machines.host))
    carried = [
        orphans.Leftover("OS::Glance::Image", "", name, "", "", "id", image=str(key))
        for name, key in (("known", known.pk), ("lost", lost.key))
    ]
    monkeypatch.setattr(driver, "carried", lambda self: carried, raising=False)
    monkeypatch.setattr(driver, "remove_object", lambda self, one: True, raising=False)
    assert [one.what.name for one in orphans.find_orphans()] == ["lost"]


def test_image_that_serves_another_row_than_it_was_made_for_is_no_orphan(machines, monkeypatch):
    run(machines)
    row = HostImage.objects.get()
    (made,) = driver_of(machines.host).images()
    carried = [orphans.Leftover("OS::Glance::Image", "", "of one that has gone", "", "", made.id,
                                image=str(promise.new("gone").key))]
    monkeypatch.setattr(
        type(driver_of(machines.host)), "carried", lambda self: carried, raising=False)
    monkeypatch.setattr(
        type(driver_of(machines.host)), "remove_object", lambda self, one: True, raising=False)
    assert row.vim_id == made.id
    assert list(orphans.find_orphans()) == []
