"""What is built once and kept between runs, outside of the project.  Needs no package."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Missing(Exception):
    """No programs and no way to get them; one sentence with its remedy."""


def cache(name: str) -> Path:
    """Where the builds of one kind are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "mecm-portal" / name


def fingerprint(*parts: bytes) -> str:
    """A short name that changes with what a build depends on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


def once(title: str, folder: Path, gigabytes: int, build: Callable[[Path], None]) -> None:
    """Build into ``folder``, once however many ask for it at the same time.

    Raises Missing when less than so many ``gigabytes`` are free, and what ``build`` raises.
    """
    if (folder / "complete").exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(folder.parent / "lock"):
        if (folder / "complete").exists():
            return
        if shutil.disk_usage(folder.parent).free < gigabytes * 1024**3:
            raise Missing(f"less than {gigabytes} GB are free on the disk of {folder.parent}")
        sys.stderr.write(f"Building {title} (once; kept in {folder}) …\n")
        sys.stderr.flush()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        began = time.monotonic()
        build(folder)
        (folder / "complete").touch()
        sys.stderr.write(f"built in {time.monotonic() - began:.0f} s\n")


def run(title: str, words: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run one command of a build with more in its environment.

    Raises Missing with the end of what it said when it fails.
    """
    finished = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode:
        said = "\n".join(finished.stdout.splitlines()[-15:])
        raise Missing(f"{title} failed:\n{said}")


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def report(find: Callable[[], T], told: Callable[[T], str]) -> int:
    """Prepare programs that are not there yet, and say what there is: a command's exit code."""
    try:
        programs = find()
    except Missing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    sys.stdout.write(f"{told(programs)}\n")
    return 0
