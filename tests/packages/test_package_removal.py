"""Removing packages: only what nothing runs from, and with all that it left at hosts."""

from __future__ import annotations

from apps.instances.models import AppInstance
from apps.journal.models import Tombstone
from apps.packages import distribution, distribution_work, services
from apps.packages.models import Package
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.packages.conftest import url_of


def test_package_that_is_nowhere_is_removed_with_its_file(
    owner, red, django_capture_on_commit_callbacks
):
    package = make.package(red)
    with django_capture_on_commit_callbacks(execute=True):
        answer = owner.send("DELETE", url_of(red, package.package_id))
    assert (answer.status_code, answer.content) == (200, b"success")
    assert not Package.objects.exists()
    assert not package.path.exists()
    assert Tombstone.objects.filter(kind="package", subject_id=package.pk).exists()
    assert owner.send("DELETE", url_of(red, package.package_id)).status_code == 404


def test_package_with_instances_stays_and_the_answer_names_them(owner, red):
    package = make.package(red)
    make.instance(package, make.host(), name="camera")
    answer = owner.send("DELETE", url_of(red, package.package_id))
    assert answer.status_code == 409
    assert "camera" in answer.json()["detail"]
    package.refresh_from_db()
    assert not package.removing
    assert package.path.exists()


def test_package_at_a_host_is_removed_when_the_host_has_let_go(
    owner, red, django_capture_on_commit_callbacks
):
    package, host = make.package(red), make.host()
    (row,) = distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
    distribution_work.work_on(row.pk)
    for _ in range(2):
        assert owner.send("DELETE", url_of(red, package.package_id)).status_code == 200
    assert owner.send("GET", url_of(red, package.package_id)).json()["removing"] is True
    assert not services.forget_when_gone(actor=SYSTEM, package_id=package.pk)
    assert distribution_work.work_on(row.pk) == "withdrawn"
    with django_capture_on_commit_callbacks(execute=True):
        assert services.forget_when_gone(actor=SYSTEM, package_id=package.pk)
    assert not Package.objects.exists()
    assert not package.path.exists()


def test_package_that_is_being_removed_goes_to_no_further_host(owner, red):
    package, host = make.package(red), make.host()
    distribution.distribute(actor=SYSTEM, package_id=package.pk, host_ids=[host.pk])
    services.remove_package(actor=SYSTEM, package_id=package.pk)
    answer = owner.send("POST", url_of(red, package.package_id), {"hostIp": [make.host().ip]})
    assert answer.status_code == 403
    assert "being removed" in answer.json()["detail"]


def test_instance_that_slipped_in_keeps_a_package_that_is_being_removed(house, red):
    package, host = make.package(red), make.host()
    Package.objects.filter(pk=package.pk).update(removing=True)
    make.instance(package, host)
    assert not services.forget_when_gone(actor=SYSTEM, package_id=package.pk)
    assert package.path.exists()
    AppInstance.objects.all().delete()
    assert services.forget_when_gone(actor=SYSTEM, package_id=package.pk)
