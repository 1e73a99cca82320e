"""Ways around the archive checks: two readings of one file, lies in headers, names in disguise."""

from __future__ import annotations

import gzip
import os
import random
import struct
import tracemalloc
from pathlib import Path

import pytest

from apps.packages.csar import Limits, PackageRefused, read_package
from examples.packages import Request, build, package_files
from examples.packages.archives import (
    FILE,
    STORED,
    UTF8,
    TarEntry,
    ZipEntry,
    pax,
    tgz_bytes,
    zip_bytes,
    zipped,
)
from examples.packages.builder import chart_path
from examples.packages.chart import chart_files
from tests.packages.csar.conftest import Read, Refused

MIB = 1024 * 1024
VALID = zipped(package_files(Request()))


def with_entries(*more: ZipEntry, before: bytes = b"", comment: bytes = b"") -> bytes:
    own = [ZipEntry(name, data) for name, data in package_files(Request()).items()]
    return zip_bytes([*own, *more], before=before, comment=comment)


def with_chart(*more: TarEntry, behind: bytes = b"", after: bytes = b"") -> bytes:
    own = [TarEntry(name, data) for name, data in chart_files("River Gauge", "1.10").items()]
    chart = tgz_bytes([*own, *more], behind=behind) + after
    return zipped(package_files(Request(extra={chart_path(Request()): chart})))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("C:/windows/a.txt", "path_absolute"),
        ("docs/c:a.txt", "path_odd"),
        ("docs/a\n.txt", "name_control"),
        ("docs/a\u200b.txt", "name_control"),
        ("docs/a.txt.", "path_odd"),
        ("docs /a.txt", "path_odd"),
        ("docs/./a.txt", "path_odd"),
        ("", "path_odd"),
        ("x" * 256, "path_odd"),
        ("/".join("x" * 40), "path_odd"),
        ("..", "path_traversal"),
        ("./../a", "path_traversal"),
        ("..\\a", "path_backslash"),
        (b"docs/\xff.txt", "name_not_utf8"),
        (b"docs/\xed\xa0\x80.txt", "name_not_utf8"),
    ],
)
def test_names_in_disguise(name: str | bytes, code: str, refused: Refused) -> None:
    assert refused(with_entries(ZipEntry(name, b"x"))).code == code
    assert refused(with_chart(TarEntry(name, b"x"))).code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("docs/a\0.txt", "name_control"),
        ("ARTIFACTS/ChangeLog2.txt", "colliding_names"),
        ("Artifacts", "file_and_folder"),
    ],
)
def test_names_in_disguise_in_a_zip(name: str, code: str, refused: Refused) -> None:
    assert refused(with_entries(ZipEntry(name, b"x"))).code == code


@pytest.mark.parametrize(
    "pair",
    [
        ("docs/caf\u00e9", "docs/cafe\u0301"),
        ("docs/stra\u00dfe", "docs/STRASSE"),
        ("docs/\ufb01le", "docs/file"),
        ("a/x", "A/y"),
    ],
)
def test_names_that_a_file_system_may_confuse(pair: tuple[str, str], refused: Refused) -> None:
    first, second = pair
    data = with_entries(ZipEntry(first), ZipEntry(second))
    assert refused(data).code == "colliding_names"


def test_unmarked_names_must_be_plain_ascii(refused: Refused) -> None:
    data = with_entries(ZipEntry("docs/café.txt", b"x", flags=0))
    assert refused(data).code == "name_not_utf8"


@pytest.mark.parametrize(
    "data",
    [
        with_entries(comment=b"PK\5\6" + bytes(18)),
        VALID.replace(b"PK\1\2", b"hidden!!PK\1\2", 1),
        b"\0" * 64 + VALID,
    ],
    ids=["second end in the comment", "data before the table", "data in front"],
)
def test_two_readings_of_one_archive(data: bytes, refused: Refused) -> None:
    assert refused(data).code in {"archive_ambiguous", "truncated"}


def test_data_behind_the_archive(refused: Refused) -> None:
    assert refused(VALID + b"#!/bin/sh\n").code == "truncated"


def test_a_hidden_entry_between_two_others(refused: Refused) -> None:
    """An entry with its own header that the table does not list: streaming readers would see it."""
    hidden = zip_bytes([ZipEntry("docs/evil.txt", b"evil", method=STORED)])
    body = hidden[: hidden.index(b"PK\1\2")]
    assert refused(with_entries(before=body)).code == "archive_ambiguous"


def test_counts_and_sizes_that_lie(refused: Refused) -> None:
    end = VALID.rindex(b"PK\5\6")
    fewer = bytearray(VALID)
    fewer[end + 8 : end + 12] = struct.pack("<2H", 2, 2)
    assert refused(bytes(fewer)).code == "archive_ambiguous"
    zip64 = bytearray(VALID)
    zip64[end + 8 : end + 12] = b"\xff" * 4
    assert refused(bytes(zip64)).code in {"archive_ambiguous", "truncated"}
    stored = ZipEntry("docs/a.txt", b"four", method=STORED, size=400)
    assert refused(with_entries(stored)).code == "size_lies"
    short = ZipEntry("docs/a.txt", b"a" * 100, size=101)
    assert refused(with_entries(short)).code == "size_lies"
    full = ZipEntry("docs/a.txt", b"a", size=0xFFFFFFFF)
    assert refused(with_entries(full)).code == "header_mismatch"
    padded = ZipEntry("docs/a.txt", b"", packed=b"\x03\x00" + b"hidden")
    assert refused(with_entries(padded)).code == "size_lies"


def test_links_whatever_system_made_them(refused: Refused) -> None:
    data = bytearray(with_entries(ZipEntry("docs/link", b"/etc", mode=0o120777)))
    at = data.rindex(b"PK\1\2")
    data[at + 5] = 0
    assert refused(bytes(data)).code == "link"


def test_flags_that_hide_encryption(refused: Refused) -> None:
    for flags in (0x40, 0x2000):
        entry = ZipEntry("docs/a.txt", b"x", flags=UTF8 | flags)
        assert refused(with_entries(entry)).code == "encrypted"
    assert refused(with_entries(ZipEntry("docs/a", b"x", method=99))).code == "encrypted"


def test_an_archive_inside_the_appd_is_not_followed(read: Read) -> None:
    bomb = zip_bytes([ZipEntry("../../x", bytes(100))])
    assert read(extra={"Artifacts/Other/inner.zip": bomb}).name == "River Gauge"


def test_every_appd_zip_is_checked_not_only_the_one_in_use(read: Read) -> None:
    bad = zip_bytes([ZipEntry("docs/link", b"/etc", mode=0o120777)])
    with pytest.raises(PackageRefused) as caught:
        read(extra={"APPD/second.zip": bad})
    assert caught.value.code == "link"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ([pax(path=b"../../etc/passwd"), TarEntry("docs/a", b"x")], "path_traversal"),
        ([pax(linkpath=b"/etc/passwd"), TarEntry("docs/a", b"x")], "link"),
        ([pax(GNU__sparse__major=b"1"), TarEntry("docs/a", b"x")], "special_file"),
        ([TarEntry("docs/a", b"x", kind=b"S")], "special_file"),
        ([TarEntry("pax", b"13 path=evil\n", kind=b"g")], "special_file"),
        ([TarEntry("x", b"12 path=a/b", kind=b"x"), TarEntry("docs/a")], "chart_truncated"),
        ([TarEntry("x" * 120 + "/../../a", b"x")], "path_traversal"),
        ([pax(path=b"docs/a\0b"), TarEntry("docs/a", b"x")], "name_control"),
        ([TarEntry("x", bytes(70_000), kind=b"x")], "path_odd"),
    ],
)
def test_tar_extensions_that_override(more: list[TarEntry], code: str, refused: Refused) -> None:
    assert refused(with_chart(*more)).code == code


def test_harmless_tar_extensions_are_read(read: Read) -> None:
    own = [TarEntry(name, data) for name, data in chart_files("River Gauge", "1.10").items()]
    long = TarEntry("river-gauge/docs/" + "x" * 120 + ".md", b"x")
    comment = TarEntry("pax_global_header", b"16 comment=abcd\n", kind=b"g")
    folder = TarEntry("./river-gauge/", kind=b"5")
    renamed = [pax(path=b"river-gauge/docs/guide.md"), TarEntry("short", b"x")]
    chart = tgz_bytes([comment, folder, *own, long, *renamed])
    info = read(extra={chart_path(Request()): chart})
    assert info.charts[0].name == "river-gauge"


def test_two_gzip_streams_are_not_one(refused: Refused) -> None:
    assert refused(with_chart(after=gzip.compress(b"more"))).code == "chart_trailing"


def test_a_gzip_bomb_is_stopped_early(refused: Refused) -> None:
    bomb = gzip.compress(bytes(40 * MIB), 9)
    tracemalloc.start()
    error = refused(zipped(package_files(Request(extra={chart_path(Request()): bomb}))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code in {"ratio", "chart_not_tgz"}
    assert peak < 8 * MIB


def test_a_large_image_costs_no_memory(tmp_path: Path) -> None:
    size = 32 * MIB
    path = tmp_path / "large.csar"
    for method in (STORED, 8):
        image = ZipEntry("Image/disk.qcow2", os.urandom(size), FILE, method=method)
        path.write_bytes(with_entries(image))
        del image
        tracemalloc.start()
        info = read_package(path, filename=path.name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert {one.path: one.size for one in info.files}["Image/disk.qcow2"] == size
        assert peak < 4 * MIB


def test_images_may_be_larger_than_other_files(tmp_path: Path) -> None:
    limits = Limits(max_entry_bytes=100_000)
    noise = random.Random(3).randbytes(150_000)
    image = build(tmp_path / "a.csar", extra={"Image/disk.img": noise}, top="deep")
    assert read_package(image, filename="a.csar", limits=limits).size > 150_000
    other = build(tmp_path / "b.csar", extra={"Artifacts/disk.img": noise})
    with pytest.raises(PackageRefused) as caught:
        read_package(other, filename="b.csar", limits=limits)
    assert caught.value.code == "entry_too_big"


@pytest.mark.parametrize("layout", ["zipped", "unpacked"])
def test_damage_never_becomes_a_bug(tmp_path: Path, layout: str) -> None:
    """Random damage ends in a reading or in a refusal, and in no other exception."""
    rng = random.Random(20240506)
    path = build(tmp_path / "a.csar", layout=layout)
    valid = path.read_bytes()
    refusals = set()
    for _ in range(400):
        data = bytearray(valid)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.1:
            cut = rng.randrange(len(data))
            del data[cut : cut + rng.randrange(1, 200)]
        path.write_bytes(bytes(data))
        try:
            read_package(path, filename="a.csar")
        except PackageRefused as error:
            refusals.add(error.code)
    assert len(refusals) > 5
