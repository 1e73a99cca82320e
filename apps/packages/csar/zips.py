"""A strict zip reader: one reading only, nothing written, memory flat.  Not a general zip library.

The standard ``zipfile`` is lenient where two readers can be made to see two different archives:
it takes the first table of contents that fits, ignores what lies between entries, and loads a table
of any size.  Here every byte of the file must belong to exactly one entry or to the one table.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from apps.packages.csar import names
from apps.packages.csar.limits import Limits
from apps.packages.csar.refusals import refuse

CHUNK: Final = 64 * 1024
END: Final = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16
END64_LOCATOR: Final = struct.Struct("<4sLQL")  # 4.3.15
END64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")  # 4.3.12
LOCAL: Final = struct.Struct("<4s5H3L2H")  # 4.3.7
MAX_COMMENT: Final = 0xFFFF
MAX_32: Final = 0xFFFFFFFF
# A record of the table is at most its fixed part and three fields of 64 KiB; a real one is short.
MAX_RECORD: Final = 4096

ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
HAS_DESCRIPTOR: Final = 0x8
UTF8: Final = 0x800
STORED: Final = 0
DEFLATED: Final = 8
AES: Final = 99
ZIP64_EXTRA: Final = 0x0001
UNICODE_PATH_EXTRA: Final = 0x7075


@dataclass(frozen=True)
class Entry:
    """One file or folder of an archive, as the table of contents describes it.  Sizes in bytes."""

    name: str
    is_folder: bool
    size: int
    packed_size: int
    crc: int
    method: int
    flags: int
    offset: int
    raw_name: bytes


class ZipReader:
    """The entries of one zip archive, each verified while it is read.

    ``where`` is the path of the archive inside the package, "" for the package itself; refusals
    name entries by it.  ``entries`` is in the order of the table and keyed by plain name.
    """

    def __init__(
        self, file: BinaryIO, size: int, *, where: str, label: str, limits: Limits
    ) -> None:
        self._file = file
        self._size = size
        self.where = where
        self.label = label
        self.limits = limits
        self.entries: dict[str, Entry] = {}
        self._data_start: dict[str, int] = {}
        self._read_table()
        self._check_sums()
        self._check_places()

    def path(self, name: str) -> str:
        """The name of an entry as a person reads it."""
        return names.join(self.where, name)

    # -- the table of contents ---------------------------------------------------------------

    def _read_table(self) -> None:
        count, start, length = self._find_table()
        if count > self.limits.max_entries:
            refuse("too_many_entries", self.label, limit=self.limits.max_entries)
        if length > count * MAX_RECORD:
            refuse("archive_ambiguous", self.label)
        self._table_start = start
        table = self._at(start, length)
        taken = names.NameSet(where=self.where)
        position = 0
        for _ in range(count):
            entry, position = self._record(table, position)
            taken.add(entry.name, is_folder=entry.is_folder)
            self.entries[entry.name] = entry
        if position != length:
            refuse("archive_ambiguous", self.label)

    def _find_table(self) -> tuple[int, int, int]:
        """How many entries the table has, where it starts, how long it is."""
        tail_start = max(0, self._size - END.size - MAX_COMMENT)
        tail = self._at(tail_start, self._size - tail_start)
        marks = list(_occurrences(tail, b"PK\5\6"))
        ends = [at for at in marks if _ends_with_file(tail, at)]
        if not ends:
            head = self._at(0, 4)
            refuse("truncated" if head == b"PK\3\4" else "not_a_zip", self.label)
        # A mark inside the comment is taken for the end by readers that search from behind.
        if marks[-1] != ends[0]:
            refuse("archive_ambiguous", self.label)
        end = tail_start + ends[0]
        fields = END.unpack_from(tail, ends[0])
        _, disk, table_disk, count_here, count, length, start, _ = fields
        if disk or table_disk or count_here != count:
            refuse("archive_ambiguous", self.label)
        if count == 0xFFFF or MAX_32 in (length, start):
            end, count, start, length = self._find_table64(end)
        if count == 0 and length == 0:
            refuse("no_entries", self.label)
        if start + length != end:
            refuse("truncated" if start + length > end else "archive_ambiguous", self.label)
        return count, start, length

    def _find_table64(self, end: int) -> tuple[int, int, int, int]:
        """The same from the zip64 record, which must stand directly before the plain one."""
        locator_at = end - END64_LOCATOR.size
        record_at = locator_at - END64.size
        if record_at < 0:
            refuse("truncated", self.label)
        locator = self._at(locator_at, END64_LOCATOR.size)
        mark, disk, stated_at, disks = END64_LOCATOR.unpack(locator)
        record = END64.unpack(self._at(record_at, END64.size))
        if mark != b"PK\6\7" or record[0] != b"PK\6\6" or stated_at != record_at:
            refuse("archive_ambiguous", self.label)
        if disk or disks > 1 or record[1] != END64.size - 12 or record[6] != record[7]:
            refuse("archive_ambiguous", self.label)
        return record_at, record[7], record[9], record[8]

    def _record(self, table: bytes, position: int) -> tuple[Entry, int]:
        """The entry whose record starts at ``position``, and where the next one starts."""
        if position + CENTRAL.size > len(table):
            refuse("truncated", self.label)
        fields = CENTRAL.unpack_from(table, position)
        mark, flags, method, crc, packed, size = fields[0], *fields[3:5], *fields[7:10]
        name_len, extra_len, comment_len, _, _, attributes, offset = fields[10:]
        name_at = position + CENTRAL.size
        after = name_at + name_len + extra_len + comment_len
        if mark != b"PK\1\2" or after > len(table):
            refuse("truncated", self.label)
        raw_name = table[name_at : name_at + name_len]
        name = self._name(raw_name, flags)
        extra = _extra_fields(table[name_at + name_len : name_at + name_len + extra_len])
        unicode_path = extra.get(UNICODE_PATH_EXTRA)
        if unicode_path is not None and unicode_path[5:] != raw_name:
            refuse("header_mismatch", self.path(name))
        size, packed, offset = self._wide(name, extra, (size, packed, offset))
        self._check_kind(name, attributes)
        self._check_readable(name, flags, method)
        plain = names.checked(name, where=self.where, limits=self.limits)
        is_folder = name.endswith("/") or stat.S_ISDIR(attributes >> 16)
        if is_folder and (size or packed > 2):
            refuse("folder_with_data", self.path(name))
        return Entry(plain, is_folder, size, packed, crc, method, flags, offset, raw_name), after

    def _name(self, raw: bytes, flags: int) -> str:
        if not flags & UTF8 and not raw.isascii():
            refuse("name_not_utf8", self.path(raw.decode("ascii", "backslashreplace")))
        return names.decode(raw, where=self.where)

    def _wide(
        self, name: str, extra: dict[int, bytes], values: tuple[int, int, int]
    ) -> tuple[int, int, int]:
        """Size, packed size and offset, with the zip64 field put where the plain one is full."""
        data = extra.get(ZIP64_EXTRA, b"")
        wide: list[int] = []
        for value in values:
            if value == MAX_32:
                if len(data) < 8:
                    refuse("header_mismatch", self.path(name))
                value, data = int.from_bytes(data[:8], "little"), data[8:]
            wide.append(value)
        return wide[0], wide[1], wide[2]

    def _check_kind(self, name: str, attributes: int) -> None:
        kind = stat.S_IFMT(attributes >> 16)
        if kind == stat.S_IFLNK:
            refuse("link", self.path(name))
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            refuse("special_file", self.path(name))

    def _check_readable(self, name: str, flags: int, method: int) -> None:
        if flags & ENCRYPTED or method == AES:
            refuse("encrypted", self.path(name))
        if method not in (STORED, DEFLATED) or flags & 0x20:
            refuse("compression_method", self.path(name))

    # -- sizes and places ---------------------------------------------------------------------

    def _check_sums(self) -> None:
        total = 0
        for entry in self.entries.values():
            path = self.path(entry.name)
            limit = self.limits.entry_bytes(path)
            if entry.size > limit:
                refuse("entry_too_big", path, limit=limit)
            if is_bomb(entry.size, entry.packed_size, self.limits):
                refuse("ratio", path, limit=self.limits.max_ratio)
            if entry.method == STORED and entry.size != entry.packed_size:
                refuse("size_lies", path)
            total += entry.size
        if total > self.limits.max_total_bytes:
            refuse("total_too_big", self.label, limit=self.limits.max_total_bytes)

    def _check_places(self) -> None:
        """Every byte before the table belongs to exactly one entry."""
        ordered = sorted(self.entries.values(), key=lambda one: one.offset)
        starts = [*(entry.offset for entry in ordered), self._table_start]
        if starts[0] != 0:
            refuse("archive_ambiguous", self.label)
        for entry, following in zip(ordered, starts[1:], strict=True):
            start = self._check_local(entry)
            end = start + entry.packed_size
            if end > following:
                refuse("overlap", self.path(entry.name))
            self._data_start[entry.name] = start
            if entry.flags & HAS_DESCRIPTOR:
                self._check_descriptor(entry, self._at(end, min(following - end, 32)))
            elif end != following:
                refuse("archive_ambiguous", self.label)

    def _check_local(self, entry: Entry) -> int:
        """Where the data of ``entry`` starts; its own header must agree with the table."""
        header = self._at(entry.offset, LOCAL.size)
        if len(header) < LOCAL.size or header[:4] != b"PK\3\4":
            refuse("truncated", self.label)
        _, _, flags, method, _, _, crc, packed, size, name_len, extra_len = LOCAL.unpack(header)
        rest = self._at(entry.offset + LOCAL.size, name_len + extra_len)
        extra = _extra_fields(rest[name_len:])
        if MAX_32 in (size, packed):
            # A local header states both sizes in its zip64 field, APPNOTE 4.5.3.
            wide = extra.get(ZIP64_EXTRA, b"").ljust(16, b"\0")
            size = int.from_bytes(wide[:8], "little") if size == MAX_32 else size
            packed = int.from_bytes(wide[8:16], "little") if packed == MAX_32 else packed
        same = rest[:name_len] == entry.raw_name and method == entry.method
        same = same and not (flags ^ entry.flags) & (ENCRYPTED | UTF8 | HAS_DESCRIPTOR)
        stated = (crc, packed, size)
        expected = (entry.crc, entry.packed_size, entry.size)
        later = entry.flags & HAS_DESCRIPTOR and stated == (0, 0, 0)
        if extra.get(UNICODE_PATH_EXTRA, b"")[5:] not in (b"", entry.raw_name):
            same = False
        if not same:
            refuse("header_mismatch", self.path(entry.name))
        if stated != expected and not later:
            refuse("size_lies", self.path(entry.name))
        return entry.offset + LOCAL.size + len(rest)

    def _check_descriptor(self, entry: Entry, found: bytes) -> None:
        """What stands between an entry and the next: 32 or 64 bit, marked or not, APPNOTE 4.3.9."""
        sizes = (entry.crc, entry.packed_size, entry.size)
        forms = [struct.pack("<LQQ", *sizes)]
        if max(sizes) <= MAX_32:
            forms.append(struct.pack("<LLL", *sizes))
        if found not in forms and found.removeprefix(b"PK\7\x08") not in forms:
            refuse("size_lies", self.path(entry.name))

    def _at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return bytes(self._file.read(length))

    # -- content ------------------------------------------------------------------------------

    def stream(self, name: str) -> Iterator[bytes]:
        """The content of a file in pieces; refused when size or checksum is not as stated."""
        entry = self.entries[name]
        seen, crc = 0, 0
        for piece in self._inflated(entry) if entry.method == DEFLATED else self._packed(entry):
            seen += len(piece)
            if seen > entry.size:
                refuse("size_lies", self.path(name))
            crc = zlib.crc32(piece, crc)
            yield piece
        if seen != entry.size:
            refuse("size_lies", self.path(name))
        if crc != entry.crc:
            refuse("checksum", self.path(name))

    def _packed(self, entry: Entry) -> Iterator[bytes]:
        position = self._data_start[entry.name]
        left = entry.packed_size
        while left:
            piece = self._at(position, min(CHUNK, left))
            if not piece:
                refuse("truncated", self.label)
            position += len(piece)
            left -= len(piece)
            yield piece

    def _inflated(self, entry: Entry) -> Iterator[bytes]:
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._packed(entry):
                while packed and not engine.eof:
                    piece = engine.decompress(packed, CHUNK)
                    packed = engine.unconsumed_tail
                    if piece:
                        yield piece
                if packed or engine.unused_data:
                    refuse("size_lies", self.path(entry.name))
            while not engine.eof:
                # Output that the engine still holds once all of the input is in.
                piece = engine.decompress(b"", CHUNK)
                if not piece:
                    break
                yield piece
        except zlib.error:
            refuse("entry_damaged", self.path(entry.name))
        if not engine.eof:
            refuse("entry_damaged", self.path(entry.name))

    def read(self, name: str, *, limit: int) -> bytes:
        """The whole content of a small file; refused with ``text_too_big`` above ``limit``."""
        if self.entries[name].size > limit:
            refuse("text_too_big", self.path(name), limit=limit)
        return b"".join(self.stream(name))

    def digest(self, name: str, algorithm: str = "sha256") -> str:
        """The digest of a file in lower-case hex; reading it verifies size and checksum."""
        state = hashlib.new(algorithm)
        for piece in self.stream(name):
            state.update(piece)
        return state.hexdigest()


def is_bomb(size: int, packed: int, limits: Limits) -> bool:
    """Whether so much from so little is more than text or an image would ever give."""
    return size > limits.ratio_floor and size > max(packed, 1) * limits.max_ratio


def _ends_with_file(tail: bytes, at: int) -> bool:
    """Whether the end record at ``at``, with the comment it states, reaches to the last byte."""
    if at + END.size > len(tail):
        return False
    comment: int = END.unpack_from(tail, at)[7]
    return len(tail) == at + END.size + comment


def _occurrences(data: bytes, needle: bytes) -> Iterator[int]:
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)


def _extra_fields(data: bytes) -> dict[int, bytes]:
    """The extra fields of a header by id; a malformed rest is ignored, as all readers do."""
    fields: dict[int, bytes] = {}
    while len(data) >= 4:
        kind, length = struct.unpack_from("<HH", data)
        fields.setdefault(kind, data[4 : 4 + length])
        data = data[4 + length :]
    return fields
