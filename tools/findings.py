"""What a check found: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NOT_OURS = {
    ".venv",
    ".assets",
    ".static",
    ".data",
    ".git",
    "node_modules",
    "__pycache__",
    "migrations",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One place that breaks a rule."""

    path: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.remedy}"


def our_files(root: Path, *patterns: str, below: Iterable[str] = ("",)) -> Iterator[Path]:
    """Files of our own that match, in order; installed and generated ones are passed over."""
    found = {
        path for start in below for pattern in patterns for path in (root / start).rglob(pattern)
    }
    for path in sorted(found):
        if path.is_file() and not _NOT_OURS.intersection(path.relative_to(root).parts):
            yield path
