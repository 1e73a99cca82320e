"""How an image gets to a host, what it is made from, and how it goes."""

from __future__ import annotations

import hashlib
import uuid
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from apps.common.errors import Conflict, Denied
from apps.hosts.drivers import driver_of
from apps.images import services, work
from apps.images.models import HostImage
from apps.images.states import IMAGE, ImageState
from apps.journal.models import Entry
from apps.tenants.actors import SYSTEM
from tests import factories as make
from tests.images import promise
from tests.images.conftest import DISK, MEMBER, archive, md5, zipped


def refused(bench, row, code):
    """The row failed for this reason, and nothing was left at the VIM; returns the sentence."""
    now = bench.fresh(row)
    assert (now.state, now.fault_reason.code) == ("failed", code), str(now.fault_reason)
    assert bench.driver.images(row.name) == ()
    assert now.next_at is None
    return str(now.fault_reason)


# --- from a package --------------------------------------------------------------------------


def test_image_of_a_package_is_brought_byte_for_byte(bench):
    row = bench.want(checksum=md5(DISK).upper(), disk_format="RAW", min_disk_gb=2, version="1.2")
    assert (row.state, row.source) == ("waiting", "package")
    bench.work()
    row = bench.fresh(row)
    assert (row.state, row.vim_status, row.size, row.sent_bytes) == (
        "active", "active", len(DISK), len(DISK))
    assert (row.checksum, row.sha256) == (md5(DISK), hashlib.sha256(DISK).hexdigest())
    assert bench.read(row) == DISK
    made = bench.driver.image(row.vim_id)
    assert (made.name, made.disk_format, made.min_disk_gb, made.key) == (
        "disk", "raw", 2, str(row.pk))
    verbs = Entry.objects.filter(kind="hostimage").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["images.image.ordered", "images.image.arrived"]
    assert work.due() == []


def test_image_in_a_zip_in_the_package_is_unpacked_on_its_way(bench):
    inner = zipped({"folder/disk.img": DISK, "folder/readme": b"no"})
    name = archive({"top/Image/disk.zip": inner})
    row = bench.want(archive=name, member="top/Image/disk.zip/folder/disk.img")
    bench.work()
    assert bench.read(bench.fresh(row)) == DISK


@pytest.mark.parametrize(
    ("files", "member", "code"),
    [
        ({"other": b""}, MEMBER, "image_not_in_package"),
        ({"Image/d.zip": zipped({"x": b""})}, "Image/d.zip/disk.img", "image_not_in_package"),
        ({"Image/d.zip": b"no zip"}, "Image/d.zip/disk.img", "image_unreadable"),
    ],
)
def test_image_that_is_not_in_the_package_fails_in_words(bench, files, member, code):
    row = bench.want(archive=archive(files), member=member)
    bench.work()
    assert member in refused(bench, row, code)


def test_damaged_file_of_a_package_fails_in_words_and_leaves_nothing(bench):
    name = archive({MEMBER: DISK})
    path = Path(settings.PACKAGE_DIR) / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    row = bench.want(archive=name, member=MEMBER)
    bench.work()
    refused(bench, row, "image_unreadable")


@pytest.mark.parametrize("digits", [md5(b"x"), hashlib.sha256(b"x").hexdigest()])
def test_checksum_that_is_stated_and_another_fails_and_leaves_nothing(bench, digits):
    row = bench.want(checksum=digits)
    bench.work()
    assert digits in refused(bench, row, "checksum_differs")


def test_sha256_may_be_stated_as_well(bench):
    digest = hashlib.sha256(DISK).hexdigest()
    row = bench.want(checksum=digest)
    bench.work()
    again = bench.want(reference="", checksum=digest)
    bench.work()
    assert bench.fresh(again).vim_id == bench.fresh(row).vim_id != ""


def test_checksum_and_format_that_nobody_knows_are_refused_at_once(bench):
    with pytest.raises(Conflict, match="neither an MD5"):
        bench.want(checksum="crc:17")
    with pytest.raises(Conflict, match="not a disk format"):
        bench.want(disk_format="floppy")
    assert not HostImage.objects.exists()


def test_image_that_is_too_large_fails_before_it_is_sent(bench, settings):
    settings.IMAGES = {**settings.IMAGES, "max_bytes": len(DISK) - 1}
    row = bench.want()
    bench.work()
    refused(bench, row, "image_too_large")
    assert bench.fresh(row).sent_bytes == 0


def test_format_is_taken_from_the_name_where_the_package_states_none(bench):
    name = archive({"Image/a.qcow2": b"QFI\xfb"})
    assert bench.want(archive=name, member="Image/a.qcow2").disk_format == "qcow2"
    assert bench.want(archive=name, member="Image/a.bin").disk_format == "raw"


# --- what is there already -------------------------------------------------------------------


def test_image_that_was_there_before_is_used_and_never_taken_away(bench):
    there = bench.driver.upload_image(promise.new("disk"), promise.pieces(DISK))
    _disown(bench, there)
    row = bench.want(checksum=md5(DISK))
    bench.work()
    row = bench.fresh(row)
    assert (row.state, row.source, row.vim_id) == ("active", "found", there.id)
    bench.remove(row)
    assert not HostImage.objects.exists()
    assert bench.driver.image(there.id) is not None


def test_image_of_the_same_name_and_another_content_is_no_reason_not_to_copy(bench):
    there = bench.driver.upload_image(promise.new("disk"), promise.pieces(b"other"))
    _disown(bench, there)
    rows = [bench.want(checksum=md5(DISK)), bench.want()]
    bench.work()
    for row in rows:
        assert bench.read(bench.fresh(row)) == DISK


def test_two_packages_share_an_image_until_neither_needs_it(bench):
    first, second = bench.want(checksum=md5(DISK)), bench.want(checksum=md5(DISK))
    bench.work()
    first, second = bench.fresh(first), bench.fresh(second)
    assert first.vim_id == second.vim_id
    assert len(bench.driver.images()) == 1
    bench.remove(first)
    assert bench.read(second) == DISK
    bench.remove(second)
    assert bench.driver.images() == ()
    assert not HostImage.objects.exists()


def test_who_states_the_checksum_of_another_tenants_image_does_not_get_it(bench):
    theirs = bench.want(checksum=md5(DISK))
    bench.work()
    asker = make.tenant("blue")
    row = bench.want(tenant_id=asker.pk, reference="", checksum=md5(DISK))
    bench.work()
    assert bench.fresh(row).fault_reason.code == "image_missing"
    brought = bench.want(tenant_id=asker.pk, checksum=md5(DISK))
    bench.work()
    assert bench.read(bench.fresh(brought)) == DISK
    assert bench.fresh(brought).vim_id != bench.fresh(theirs).vim_id


def test_image_that_begins_to_be_deleted_is_not_taken_for_there(bench, monkeypatch):
    first, second, keep = bench.want(checksum=md5(DISK)), bench.want(checksum=md5(DISK)), []
    work.work_on(first.pk)
    look = work._reusable

    def reusable(row, there):
        keep.append(look(row, there))
        services.remove(actor=SYSTEM, image=first)
        return keep[-1]

    with monkeypatch.context() as patch:
        patch.setattr(work, "_reusable", reusable)
        assert work.work_on(second.pk) == "waiting"
    assert keep[0].id == bench.fresh(first).vim_id
    assert bench.fresh(second).state == "waiting"
    bench.work(5)
    assert bench.read(bench.fresh(second)) == DISK


def test_image_by_name_alone_has_to_be_there(bench):
    row = bench.want(reference="", name="base")
    assert row.source == "found"
    bench.work()
    assert "has no image “base”" in refused(bench, row, "image_missing")
    _disown(bench, bench.driver.upload_image(promise.new("base"), promise.pieces()))
    services.try_again(actor=SYSTEM, image=row)
    bench.work()
    assert bench.fresh(row).state == "active"


def test_image_that_another_package_brought_is_not_found_by_its_name_alone(bench):
    bench.want(name="base")
    bench.work()
    row = bench.want(reference="", name="base")
    bench.work()
    assert bench.fresh(row).fault_reason.code == "image_missing"


def _disown(bench, image):
    """The image as if somebody else had brought it there."""
    shelf = bench.driver._shelf
    path = shelf._description(image.id)
    path.write_text(path.read_text().replace(image.key, ""))


def test_asked_for_twice_it_is_ordered_once(bench):
    package = uuid.uuid4()
    assert bench.want(package_id=package).pk == bench.want(package_id=package).pk
    assert bench.want(package_id=package, name="other").pk != bench.want(package_id=package).pk


def test_image_of_the_site_is_taken_away_by_an_administrator_alone(bench):
    row = bench.want(tenant_id=None)
    with pytest.raises(Denied):
        services.remove(actor=make.user(bench.tenant).actor, image=row)
    services.remove(actor=make.admin().actor, image=row)


def test_every_state_but_the_last_leads_somewhere():
    assert set(IMAGE.moves) == {"", *ImageState}
    assert all("remove" in IMAGE.moves[state] for state in ImageState if state != "deleting")


def test_host_with_images_is_not_forgotten(bench):
    bench.want()
    with pytest.raises(Conflict, match="disk"):
        make.hosts.remove_host(actor=SYSTEM, host_id=bench.host.pk)


def test_memory_stays_flat_for_a_large_image(bench):
    import tracemalloc  # noqa: PLC0415 - costs while it is on

    size = 96 * 1024 * 1024
    path = Path(settings.PACKAGE_DIR) / "large.csar"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made,
        made.open(MEMBER, "w") as file,
    ):
        for _ in range(size // 2**20):
            file.write(bytes(2**20))
    row = bench.want(archive="large.csar", member=MEMBER)
    tracemalloc.start()
    try:
        bench.work()
        received = sum(map(len, driver_of(bench.host).read_image(bench.fresh(row).vim_id)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received == size
    assert peak < 16 * 1024 * 1024
