"""How ``manage.py site`` talks to the supervisor: one JSON line each way over a Unix socket.

The lock file names the socket.  A lock of the kernel on that file, not the file itself, says that a
supervisor is running, so that nothing has to be cleaned up after a crash.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

from mecm_portal.runtime.trouble import Trouble

LOCK_NAME = "supervisor.json"
_LONGEST_ADDRESS = 100  # the kernel's structure ends at 104 to 108 bytes
_PATIENCE_SECONDS = 60.0

Answerer = Callable[[str, str], Awaitable[str]]


class SupervisorLock:
    """Held by the one supervisor of a data directory for as long as it lives."""

    def __init__(self, data: Path) -> None:
        self._path = data / LOCK_NAME
        self._file: IO[str] | None = None
        self.was_left_behind = False

    def take(self) -> str:
        """Take the lock and return the path for the control socket; Trouble when it is taken."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = _read(self._path).get("process", "unknown")
            raise Trouble(
                f"These sites are running already (supervisor: process {process});"
                " stop them there with Ctrl-C, or set MECM_DATA_DIR and the ports to start others."
            ) from None
        self.was_left_behind = bool(_read(self._path))
        address = _socket_path(self._path.parent)
        self._file.truncate(0)
        json.dump({"process": os.getpid(), "socket": address}, self._file)
        self._file.flush()
        return address

    def release(self) -> None:
        """Leave nothing behind that names this supervisor."""
        if self._file is not None:
            Path(_read(self._path).get("socket") or self._path.with_suffix(".sock")).unlink(
                missing_ok=True
            )
            self._file.truncate(0)
            self._file.close()


async def listen(address: str, answer: Answerer) -> asyncio.AbstractServer:
    """Serve ``manage.py site`` at ``address``; ``answer`` takes verb and site, says a sentence."""

    async def one_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            reply = {"ok": True, "say": await answer(asked["verb"], asked["site"])}
        except Trouble as trouble:
            reply = {"ok": False, "say": str(trouble)}
        except (ValueError, KeyError, TypeError):
            reply = {"ok": False, "say": "This supervisor does not understand the request."}
        writer.write(json.dumps(reply).encode() + b"\n")
        await writer.drain()
        writer.close()

    Path(address).unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(one_call, address)
    finally:
        os.umask(before)


def call(data: Path, verb: str, site: str) -> str:
    """The running supervisor's answer; Trouble when there is none or it refuses."""
    nobody = Trouble(f"No sites are running in {data}; start them with “make run”.")
    address = _read(data / LOCK_NAME).get("socket")
    if not address:
        raise nobody
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_PATIENCE_SECONDS)
            line.connect(address)
            line.sendall(json.dumps({"verb": verb, "site": site}).encode() + b"\n")
            reply = json.loads(line.makefile().readline())
    except TimeoutError:
        raise Trouble(
            f"The supervisor did not finish “{verb}” in time; its terminal says more."
        ) from None
    except (OSError, ValueError):
        raise nobody from None
    if not reply["ok"]:
        raise Trouble(reply["say"])
    return str(reply["say"])


def _socket_path(data: Path) -> str:
    path = data / "control.sock"
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        return str(path)
    return str(Path(tempfile.mkdtemp(prefix="mecm-")) / "control.sock")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text() or "{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
