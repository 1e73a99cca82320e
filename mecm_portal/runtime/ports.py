"""Whether a port is free, and who has it.  Not for finding a free one: addresses are promised."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from pathlib import Path

_LISTENING = "0A"


def can_listen_on_address(ip: str) -> bool:
    """Whether this system lets a process listen on the loopback address ``ip``."""
    with socket.socket() as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
    return True


def is_free(ip: str, port: int) -> bool:
    """Whether a server could listen there now; PermissionError when this user never may."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise PermissionError(error.errno, f"port {port}") from None
            return False
    return True


def holder(port: int, proc: Path = Path("/proc")) -> str:
    """Who listens on ``port``, such as “nginx (process 812)”; empty where it cannot be known."""
    inodes = _listening_inodes(port, proc)
    for link in proc.glob("[0-9]*/fd/*") if inodes else ():
        with suppress(OSError):  # processes of other people, and those that just ended
            target = str(link.readlink())
            if target.startswith("socket:[") and target[8:-1] in inodes:
                process = link.parent.parent
                return f"{_name(process)} (process {process.name})"
    return ""


def _listening_inodes(port: int, proc: Path) -> set[str]:
    found = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found.add(fields[9])
    return found


def _name(process: Path) -> str:
    words = (process / "cmdline").read_text().split("\0")
    program = Path(words[0]).name or (process / "comm").read_text().strip()
    script = next((Path(word).name for word in words[1:2] if word and not word.startswith("-")), "")
    return f"{program} {script}".strip()
