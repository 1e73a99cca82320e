"""Which names an entry of an archive may have, for zip and tar alike.  Knows no archive format."""

from __future__ import annotations

import re
import unicodedata

from apps.packages.csar.limits import Limits
from apps.packages.csar.refusals import refuse

DRIVE = re.compile(r"[A-Za-z]:")
# Control, format (direction marks, zero width), surrogate, line and paragraph separators.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
MAX_SEGMENT_BYTES = 255
MAX_DEPTH = 32


def decode(raw: bytes, *, where: str) -> str:
    """The name in ``raw``, strictly UTF-8; refused with ``name_not_utf8`` otherwise."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        refuse("name_not_utf8", join(where, raw.decode("ascii", "backslashreplace")))


def join(where: str, name: str) -> str:
    """The name of an entry as people read it: behind the archive that it is in."""
    return f"{where}/{name}" if where else name


def checked(name: str, *, where: str, limits: Limits) -> str:
    """``name`` without a leading "./" and a trailing "/"; refused unless it is a plain path."""
    path = join(where, name)
    if any(unicodedata.category(char) in INVISIBLE for char in name):
        refuse("name_control", path)
    if "\\" in name:
        refuse("path_backslash", path)
    if name.startswith("/") or DRIVE.match(name):
        refuse("path_absolute", path)
    plain = name.removeprefix("./").removesuffix("/")
    segments = plain.split("/")
    if ".." in segments:
        refuse("path_traversal", path)
    too_long = len(name.encode()) > limits.max_name_bytes or len(segments) > MAX_DEPTH
    if too_long or not all(_is_plain(segment) for segment in segments):
        refuse("path_odd", path)
    return plain


def _is_plain(segment: str) -> bool:
    """Whether a part of a path means the same to every file system."""
    return (
        bool(segment)
        and not segment.endswith((".", " "))
        and not segment.startswith(" ")
        and len(segment.encode()) <= MAX_SEGMENT_BYTES
        and not DRIVE.match(segment)
    )


def folded(name: str) -> str:
    """The key under which names collide on file systems that fold case or normalise."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", name).casefold())


class NameSet:
    """The names of one archive; refuses one that a file system could take for another."""

    def __init__(self, *, where: str) -> None:
        self.where = where
        self._spelled: dict[str, str] = {}
        self._files: set[str] = set()
        self._stated: set[str] = set()

    def add(self, name: str, *, is_folder: bool) -> None:
        """Take in a checked ``name``; refuses duplicates, collisions, and file against folder."""
        if name in self._stated:
            refuse("duplicate_name", join(self.where, name))
        segments = name.split("/")
        for depth in range(1, len(segments) + 1):
            self._agree(
                "/".join(segments[:depth]), is_file=depth == len(segments) and not is_folder
            )
        self._stated.add(name)

    def _agree(self, prefix: str, *, is_file: bool) -> None:
        key = folded(prefix)
        before = self._spelled.get(key)
        if before is None:
            self._spelled[key] = prefix
            if is_file:
                self._files.add(key)
        elif before != prefix:
            refuse("colliding_names", join(self.where, prefix), other=join(self.where, before))
        elif is_file or key in self._files:
            refuse("file_and_folder", join(self.where, prefix))
