"""Zip and tar writers that can lie: every header field may be set apart from the content.

For valid packages they are plain, deterministic writers.  Not for use outside tests and demo data.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

UTF8 = 0x800
STORED = 0
DEFLATED = 8
FILE = 0o100644
FOLDER = 0o040755
LINK = 0o120777
DEVICE = 0o020666
# 2024-01-01 00:00 in the format of MS-DOS, so that the same input gives the same bytes.
DATE = (2024 - 1980) << 9 | 1 << 5 | 1


@dataclass(frozen=True)
class ZipEntry:
    """One entry; ``size``, ``crc``, ``packed`` and ``local_name`` replace what is true."""

    name: str | bytes
    data: bytes = b""
    mode: int = FILE
    flags: int = UTF8
    method: int = DEFLATED
    size: int | None = None
    crc: int | None = None
    packed: bytes | None = None
    local_name: str | bytes | None = None


def zip_bytes(entries: Iterable[ZipEntry], *, before: bytes = b"", comment: bytes = b"") -> bytes:
    """A zip archive of ``entries``, with ``before`` in front of it and ``comment`` at its end."""
    body, table, count = bytearray(before), bytearray(), 0
    for entry in entries:
        offset, count = len(body), count + 1
        name = _raw(entry.name)
        local_name = name if entry.local_name is None else _raw(entry.local_name)
        packed = _packed(entry) if entry.packed is None else entry.packed
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        size = len(entry.data) if entry.size is None else entry.size
        common = (20, entry.flags, entry.method, 0, DATE, crc, len(packed), size)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *common, len(local_name), 0) + local_name
        body += packed
        table += struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            0x0314,
            *common,
            *(len(name), 0, 0, 0, 0),
            entry.mode << 16,
            offset,
        )
        table += name
    end = (b"PK\5\6", 0, 0, count, count, len(table), len(body), len(comment))
    return bytes(body + table + struct.pack("<4s4H2LH", *end) + comment)


def zipped(files: dict[str, bytes]) -> bytes:
    """A valid zip archive of ``files``, in their order."""
    return zip_bytes(ZipEntry(name, data) for name, data in files.items())


def _raw(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogatepass")


def _packed(entry: ZipEntry) -> bytes:
    if entry.method == STORED:
        return entry.data
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(entry.data) + engine.flush()


@dataclass(frozen=True)
class TarEntry:
    """One entry; ``kind`` is its type flag, ``target`` a link's, ``size`` replaces the true one."""

    name: str | bytes
    data: bytes = b""
    kind: bytes = b"0"
    target: bytes = b""
    size: int | None = None


def tgz_bytes(entries: Iterable[TarEntry], *, behind: bytes = b"") -> bytes:
    """A tar archive packed by gzip, with ``behind`` after its end mark."""
    body = bytearray()
    for entry in entries:
        name = _raw(entry.name)
        if len(name) > 100:
            body += _tar_header(b"././@LongLink", b"L", len(name), b"") + _blocks(name)
        size = len(entry.data) if entry.size is None else entry.size
        body += _tar_header(name[:100], entry.kind, size, entry.target) + _blocks(entry.data)
    return gzip.compress(bytes(body) + bytes(1024) + behind, mtime=0)


def tgz(files: dict[str, bytes]) -> bytes:
    """A valid .tgz of ``files``, in their order."""
    return tgz_bytes(TarEntry(name, data) for name, data in files.items())


def pax(**records: bytes) -> TarEntry:
    """An extension header with ``records`` for the entry that follows it."""
    body = b""
    for key, value in records.items():
        rest = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        body += str(length).encode() + rest
    return TarEntry("PaxHeader", body, kind=b"x")


def _tar_header(name: bytes, kind: bytes, size: int, target: bytes) -> bytes:
    fields = [
        name.ljust(100, b"\0"),
        *(b"0000644\0", b"0000000\0", b"0000000\0"),
        b"%011o\0" % size,
        b"%011o\0" % 1_704_067_200,
        b" " * 8,
        kind,
        target.ljust(100, b"\0"),
        b"ustar\00000",
    ]
    header = b"".join(fields).ljust(512, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _blocks(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)
