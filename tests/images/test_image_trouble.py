"""Copies and deletions of images that are cut, overtaken, or not answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.common.errors import Conflict
from apps.images import services, work
from apps.images.models import HostImage
from apps.tenants.actors import SYSTEM
from apps.vim.simulated_images import Shelf
from tests import factories as make
from tests.images.conftest import DISK, md5


class Killed(BaseException):
    """The process ends here."""


def test_copy_that_died_is_taken_up_again_and_its_half_image_replaced(bench, monkeypatch):
    row = bench.want()
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    with monkeypatch.context() as patch:
        patch.setattr(Shelf, "remove", lambda *_: True)  # nobody cleans up
        patch.setattr(services, "record", _dies_after(2))
        with pytest.raises(Killed):
            work.work_on(row.pk)
    assert [one.status for one in bench.driver.images("disk")] == ["saving"]
    assert bench.fresh(row).state == "copying"
    assert work.due() == [], "another worker may still be at it"
    assert work.drop_leases() == 1
    bench.work()
    assert bench.read(bench.fresh(row)) == DISK
    assert len(bench.driver.images("disk")) == 1


def _dies_after(times):
    left = [times]

    def record(*_, **__):
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    return record


def test_lease_of_a_dead_worker_runs_out(bench):
    row = bench.want()
    work._claim(row.pk)
    assert (work.due(), work.work_on(row.pk)) == ([], "not due")
    bench.now.advance(seconds=work.LEASE.total_seconds())
    bench.work()
    assert bench.fresh(row).state == "active"


def test_progress_is_written_while_it_is_copied(bench, monkeypatch):
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    row, seen = bench.want(), []
    keep = services.record

    def record(verb, image, actor, **more):
        seen.append((verb, image.state, image.sent_bytes, image.size))
        assert image.lease_until is None or image.lease_until >= bench.now() + timedelta(minutes=1)
        keep(verb, image, actor, **more)

    monkeypatch.setattr(services, "record", record)
    bench.work()
    mib, whole = 1024 * 1024, len(DISK)
    assert seen == [("progressed", "copying", sent, whole) for sent in (0, mib, 2 * mib, whole)] + [
        ("arrived", "active", whole, whole)]
    assert bench.fresh(row).percent == 100


def test_image_that_is_removed_while_it_is_copied_stops_and_goes(bench, monkeypatch):
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    row, keep = bench.want(), work._note

    def note(image, **fields):
        keep(image, **fields)
        if image.sent_bytes:
            services.remove(actor=SYSTEM, image=image)

    monkeypatch.setattr(work, "_note", note)
    assert work.work_on(row.pk) == "overtaken"
    assert bench.driver.images("disk") == ()
    assert bench.fresh(row).state == "deleting"
    bench.work()
    assert not HostImage.objects.exists()


def test_vim_that_does_not_answer_is_asked_again_and_at_last_given_up(bench):
    row = bench.want()
    make.simulate(bench.host.pk, "  faults: [{kind: unreachable}]\n")
    bench.work()
    assert (bench.fresh(row).state, bench.fresh(row).fault_reason.code) == (
        "waiting", "vim_unreachable")
    make.simulate(bench.host.pk, "")
    bench.work(3)
    now = bench.fresh(row)
    assert (now.state, now.fault, now.attempts) == ("active", {}, 0)
    other = bench.want()
    make.simulate(bench.host.pk, "  faults: [{kind: unreachable}]\n")
    bench.work(120)
    assert bench.fresh(other).state == "failed"


def test_deletion_waits_for_a_vim_that_does_not_answer_for_as_long_as_it_takes(bench):
    row = bench.want()
    bench.work()
    make.simulate(bench.host.pk, "  faults: [{kind: unreachable}]\n")
    bench.remove(row)
    bench.work(600)
    assert bench.fresh(row).state == "deleting"
    make.simulate(bench.host.pk, "")
    bench.work(61)
    assert not HostImage.objects.exists()
    assert bench.driver.images() == ()


def test_image_that_the_vim_does_not_delete_stays_and_says_why(bench, monkeypatch):
    row = bench.want()
    bench.work()

    def refuse(*_):
        raise Conflict("The image is in use.", code="vim_refused")

    with monkeypatch.context() as patch:
        patch.setattr(type(bench.driver), "remove_image", refuse)
        bench.remove(row)
    now = bench.fresh(row)
    assert (now.state, str(now.fault_reason)) == ("active", "The image is in use.")
    bench.remove(row)
    assert not HostImage.objects.exists()


def test_image_that_somebody_deleted_at_the_vim_is_brought_again(bench):
    row = bench.want()
    bench.work()
    assert work.is_there(bench.fresh(row))
    bench.driver.remove_image(bench.fresh(row).vim_id)
    assert not work.is_there(bench.fresh(row))
    row = services.note_lost(actor=SYSTEM, image=row)
    assert (row.state, row.vim_id) == ("waiting", "")
    bench.work()
    assert bench.read(bench.fresh(row)) == DISK


def test_same_bytes_for_two_packages_are_not_copied_at_once(bench, monkeypatch):
    monkeypatch.setattr(work, "PROGRESS_SECONDS", 0)
    first, second = bench.want(checksum=md5(DISK)), bench.want(checksum=md5(DISK))
    came, keep = [], work._note

    def note(image, **fields):
        keep(image, **fields)
        if not came:
            came.append(work.work_on(second.pk))

    monkeypatch.setattr(work, "_note", note)
    work.work_on(first.pk)
    assert came == ["waiting"]
    bench.now.advance(seconds=2)
    bench.work()
    assert bench.fresh(first).vim_id == bench.fresh(second).vim_id != ""


def test_only_so_many_are_copied_at_once(bench):
    rows = [bench.want() for _ in range(work.AT_ONCE + 1)]
    held = [work._claim(row.pk) for row in rows]
    assert [one is None for one in held] == [False] * work.AT_ONCE + [True]
