"""Flaws of single archive entries, as entries to add to a zip or to a chart's tar.

Each is keyed by the code under which the reader refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from examples.packages.archives import (
    DEVICE,
    FOLDER,
    LINK,
    UTF8,
    TarEntry,
    ZipEntry,
    pax,
)

MIB = 1024 * 1024
# The names that are wrong in every kind of archive.
NAMES: dict[str, tuple[str | bytes, ...]] = {
    "name_not_utf8": (b"docs/caf\xe9.txt",),
    "name_control": ("docs/a\u202etxt.exe",),
    "path_absolute": ("/etc/cron.d/job",),
    "path_traversal": ("docs/../../outside.txt",),
    "path_backslash": ("docs\\guide.txt",),
    "path_odd": ("docs//guide.txt",),
    "duplicate_name": ("docs/guide.txt", "docs/guide.txt"),
    "colliding_names": ("docs/guide.txt", "docs/Guide.txt"),
    "file_and_folder": ("docs/guide", "docs/guide/page.txt"),
}


def noise(size: int) -> bytes:
    """``size`` bytes that do not compress, the same ones each time."""
    return Random(7).randbytes(size)  # noqa: S311 - not for secrets


def zip_flaws() -> dict[str, Callable[[], list[ZipEntry]]]:
    """Entries that spoil a zip archive, by refusal code."""
    flaws: dict[str, Callable[[], list[ZipEntry]]] = {
        code: lambda names=names: [ZipEntry(name, b"x") for name in names]  # type: ignore[misc]
        for code, names in NAMES.items()
    }
    flaws |= {
        "link": lambda: [ZipEntry("docs/link", b"/etc/passwd", mode=LINK)],
        "special_file": lambda: [ZipEntry("docs/null", mode=DEVICE)],
        "encrypted": lambda: [ZipEntry("docs/secret.txt", b"x", flags=UTF8 | 1)],
        "compression_method": lambda: [ZipEntry("docs/a.txt", b"x", method=12, packed=b"x")],
        "folder_with_data": lambda: [ZipEntry("docs/", b"hidden", mode=FOLDER)],
        "too_many_entries": lambda: [ZipEntry(f"docs/{n}.txt") for n in range(1025)],
        "entry_too_big": lambda: [
            ZipEntry("docs/big.bin", size=100 * MIB + 1, packed=noise(MIB), crc=0)
        ],
        "ratio": lambda: [ZipEntry("docs/zeros.bin", bytes(2 * MIB))],
        "size_lies": lambda: [ZipEntry("docs/long.txt", noise(4000), size=40)],
        "checksum": lambda: [ZipEntry("docs/guide.txt", b"text", crc=1)],
        "header_mismatch": lambda: [ZipEntry("docs/a.txt", b"x", local_name="docs/b.txt")],
        "entry_damaged": lambda: [ZipEntry("docs/a.txt", b"text", packed=b"\xff" * 8)],
    }
    return flaws


def tar_flaws() -> dict[str, Callable[[], list[TarEntry]]]:
    """Entries that spoil a chart's tar archive, by refusal code."""
    flaws: dict[str, Callable[[], list[TarEntry]]] = {
        code: lambda names=names: [TarEntry(name, b"x") for name in names]  # type: ignore[misc]
        for code, names in NAMES.items()
        if code != "name_not_utf8"
    }
    flaws |= {
        "name_not_utf8": lambda: [pax(path=b"docs/caf\xe9.txt"), TarEntry("docs/cafe.txt", b"x")],
        "link": lambda: [TarEntry("docs/link", kind=b"2", target=b"/etc/passwd")],
        "hard_link": lambda: [TarEntry("docs/link", kind=b"1", target=b"etc/passwd")],
        "special_file": lambda: [TarEntry("docs/null", kind=b"3")],
        "folder_with_data": lambda: [TarEntry("docs/", noise(600), kind=b"5")],
        "too_many_entries": lambda: [TarEntry(f"docs/{n}.txt") for n in range(1025)],
        "entry_too_big": lambda: [TarEntry("docs/big.bin", size=100 * MIB + 1)],
        "ratio": lambda: [TarEntry("docs/zeros.bin", bytes(4 * MIB))],
        "size_lies": lambda: [pax(size=b"-1"), TarEntry("docs/a.txt", b"x")],
        "chart_truncated": lambda: [TarEntry("docs/a.txt", b"x", size=99_999)],
    }
    return flaws
