"""What a person at the terminal can put right.  Not for bugs: those keep their traceback."""

from __future__ import annotations

import errno

_NOT_ALLOWED = "this user may not; change its owner or set MECM_DATA_DIR to another directory"
_IN_THE_WAY = "a file is in the way; set MECM_DATA_DIR to another directory"
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: "the file system is read-only; set MECM_DATA_DIR to a directory elsewhere",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
}


class Trouble(Exception):
    """One clear sentence with its remedy; shown without a traceback."""


def from_os_error(error: OSError) -> Trouble | None:
    """The sentence for a full disk, an unwritable directory and the like; else None."""
    remedy = _REMEDIES.get(error.errno or 0)
    return Trouble(f"Cannot write {error.filename or 'a file'}: {remedy}.") if remedy else None
