"""A strict streaming reader of .tgz, for Helm charts.  Memory flat, nothing written, no links.

Understands ustar, the GNU long name and the PAX keys that change a name or a size; whatever else
could make two readers see two archives is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from apps.packages.csar import names
from apps.packages.csar.limits import Limits
from apps.packages.csar.refusals import refuse
from apps.packages.csar.zips import CHUNK, is_bomb

BLOCK: Final = 512
MAX_EXTENSION: Final = 64 * 1024


@dataclass(frozen=True)
class Member:
    """One entry of a tar archive; ``data`` is None for a folder and for a file not wanted."""

    name: str
    is_folder: bool
    size: int
    data: bytes | None


class _Inflater:
    """Exact reads from a gzip stream that arrives in pieces; counts what comes in and out."""

    def __init__(self, pieces: Iterable[bytes], path: str, limits: Limits) -> None:
        self._pieces = iter(pieces)
        self._engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._path = path
        self._limits = limits
        self._waiting = b""
        self._buffer = bytearray()
        self._packed = 0
        self._unpacked = 0

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes, fewer only at the end of the stream."""
        while len(self._buffer) < length and self._more():
            pass
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _more(self) -> bool:
        if self._engine.eof:
            return False
        if not self._waiting:
            self._waiting = next(self._pieces, b"")
            self._packed += len(self._waiting)
            if not self._waiting:
                refuse("chart_truncated", self._path)
        try:
            piece = self._engine.decompress(self._waiting, CHUNK)
        except zlib.error:
            refuse("chart_truncated" if self._unpacked else "chart_not_tgz", self._path)
        self._waiting = self._engine.unconsumed_tail
        self._unpacked += len(piece)
        if self._unpacked > self._limits.max_entry_bytes:
            refuse("entry_too_big", self._path, limit=self._limits.max_entry_bytes)
        if is_bomb(self._unpacked, self._packed, self._limits):
            refuse("ratio", self._path, limit=self._limits.max_ratio)
        self._buffer += piece
        return True

    def finish(self) -> None:
        """Read to the end; only zeros may follow the archive, and nothing the gzip stream."""
        while piece := self.take(CHUNK):
            if piece.strip(b"\0"):
                refuse("chart_trailing", self._path)
        if self._engine.unused_data or any(self._pieces):
            refuse("chart_trailing", self._path)


def members(
    pieces: Iterable[bytes], *, path: str, limits: Limits, wanted: Callable[[str], bool]
) -> Iterator[Member]:
    """The entries of the .tgz whose bytes are ``pieces``; the data of those that are ``wanted``."""
    source = _Inflater(pieces, path, limits)
    taken = names.NameSet(where=path)
    count = 0
    for header, extended in _headers(source, path):
        count += 1
        if count > limits.max_entries:
            refuse("too_many_entries", path, limit=limits.max_entries)
        raw = extended.get("path") or _name(header)
        stated = names.decode(raw, where=path)
        shown = names.join(path, stated)
        is_folder = _check_type(header, shown)
        if stated in (".", "./") and is_folder:
            continue
        plain = names.checked(stated, where=path, limits=limits)
        is_folder = is_folder or stated.endswith("/")
        size = _size(header, extended, shown)
        if is_folder and size:
            refuse("folder_with_data", shown)
        if size > limits.max_entry_bytes:
            refuse("entry_too_big", shown, limit=limits.max_entry_bytes)
        taken.add(plain, is_folder=is_folder)
        keep = not is_folder and wanted(plain)
        if keep and size > limits.max_text_bytes:
            refuse("text_too_big", shown, limit=limits.max_text_bytes)
        yield Member(plain, is_folder, size, _content(source, size, path, keep=keep))
    source.finish()


def _headers(source: _Inflater, path: str) -> Iterator[tuple[bytes, dict[str, bytes]]]:
    """Each header with what the extension headers before it say about it."""
    extended: dict[str, bytes] = {}
    first = True
    while True:
        header = source.take(BLOCK)
        if not header.strip(b"\0"):
            if extended or first:
                refuse("chart_truncated" if extended else "chart_not_tgz", path)
            return
        if len(header) < BLOCK or not _sum_is_right(header):
            refuse("chart_not_tgz" if first else "chart_truncated", path)
        first = False
        kind = header[156:157]
        if kind in (b"x", b"g", b"L"):
            size = _size(header, {}, path)
            if size > MAX_EXTENSION:
                refuse("path_odd", names.join(path, kind.decode()))
            body = _content(source, size, path, keep=True) or b""
            if kind == b"L":
                extended["path"] = body.rstrip(b"\0")
            else:
                extended.update(_pax(body, path, is_global=kind == b"g"))
            continue
        yield header, extended
        extended = {}


def _content(source: _Inflater, size: int, path: str, *, keep: bool) -> bytes | None:
    """Read ``size`` bytes and their padding; return them when they are to be kept."""
    kept = bytearray()
    left = size
    while left:
        piece = source.take(min(left, CHUNK))
        if not piece:
            refuse("chart_truncated", path)
        left -= len(piece)
        if keep:
            kept += piece
    if source.take(-size % BLOCK).strip(b"\0"):
        refuse("chart_trailing", path)
    return bytes(kept) if keep else None


def _sum_is_right(header: bytes) -> bool:
    stated = _octal(header[148:156])
    return stated == sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return None


def _size(header: bytes, extended: dict[str, bytes], path: str) -> int:
    """Bytes of content; the base-256 form is for sizes that no chart reaches."""
    stated = extended.get("size")
    if stated is not None:
        size = int(stated) if stated.isdigit() and len(stated) < 12 else None
    else:
        size = _octal(header[124:136])
    if size is None or size < 0:
        refuse("size_lies", path)
    return size


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0]
    # GNU tar keeps times where ustar keeps the prefix; its magic ends in a space.
    return prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name


def _check_type(header: bytes, shown: str) -> bool:
    """Whether the entry is a folder; refuses all that is neither folder nor plain file."""
    kind = header[156:157]
    if kind == b"1":
        refuse("hard_link", shown)
    if kind in (b"2", b"K"):
        refuse("link", shown)
    if kind not in (b"5", b"0", b"\0"):
        refuse("special_file", shown)
    return kind == b"5"


def _pax(body: bytes, path: str, *, is_global: bool) -> dict[str, bytes]:
    """The ``path`` and ``size`` records of a PAX header; links and sparse files are refused."""
    found: dict[str, bytes] = {}
    while body:
        length_text, _, rest = body.partition(b" ")
        length = int(length_text) if length_text.isdigit() and len(length_text) < 6 else 0
        record = body[len(length_text) + 1 : length]
        key, equals, value = record[:-1].partition(b"=")
        if not equals or not rest or length > len(body) or record[-1:] != b"\n":
            refuse("chart_truncated", path)
        name = key.decode("utf-8", "replace")
        if name == "linkpath":
            refuse("link", path)
        if name.startswith("GNU.sparse") or (is_global and name in ("path", "size")):
            refuse("special_file", path)
        if name in ("path", "size"):
            found[name] = value
        body = body[length:]
    return found
