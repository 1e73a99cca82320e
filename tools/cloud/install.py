"""The programs of a cloud: the services from PyPI, the database and message bus from Debian."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import builds
from tools.builds import Missing

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"
UV = "uv==0.13.9"
OLDEST_PYTHON = (3, 11)
NEEDED_GIGABYTES = 2
DEBIAN_PACKAGES = ("mariadb-server-core", "mariadb-client-core", "rabbitmq-server")
POLICY = Path("/usr/sbin/policy-rc.d")
# Debian's own wrapper on the path would change to the user of the system's message bus.
_RABBITMQ = (Path("/usr/lib/rabbitmq/bin"), *map(Path, os.get_exec_path()))
_SYSTEM = (*map(Path, os.get_exec_path()), Path("/usr/sbin"))
_PLACES = {
    "mariadbd": _SYSTEM,
    "mariadb-install-db": _SYSTEM,
    "my_print_defaults": _SYSTEM,
    "epmd": _SYSTEM,
    "rabbitmq-server": _RABBITMQ,
}


@dataclass(frozen=True)
class Programs:
    """Where each program of the system is, and the virtual environment of the services."""

    system: dict[str, str]
    environment: Path

    @property
    def python(self) -> str:
        """The services' Python."""
        return self.service("python")

    @property
    def release(self) -> str:
        """The release of Nova, which names the release of all."""
        lines = CONSTRAINTS.read_text().splitlines()
        return next(line.partition("==")[2] for line in lines if line.startswith("nova=="))

    def service(self, name: str) -> str:
        """A program of the virtual environment."""
        return str(self.environment / "bin" / name)


def find() -> Programs:
    """The programs; installed where they are not there yet.  Raises Missing."""
    if sys.version_info < OLDEST_PYTHON:
        raise Missing("OpenStack needs Python 3.11 or newer")
    system = _of_system()
    if len(system) < len(_PLACES):
        _install_packages()
        system = _of_system()
    absent = sorted(set(_PLACES) - set(system))
    if absent:
        raise Missing(f"the packages of Debian are installed, and there is no {absent[0]}")
    release = f"{sys.version} {UV}".encode()
    folder = builds.cache("openstack") / builds.fingerprint(release, CONSTRAINTS.read_bytes())
    builds.once("OpenStack's virtual environment", folder, NEEDED_GIGABYTES, _install_services)
    return Programs(system, folder)


def _of_system() -> dict[str, str]:
    found = {
        name: shutil.which(name, path=os.pathsep.join(map(str, places)))
        for name, places in _PLACES.items()
    }
    return {name: path for name, path in found.items() if path}


def _install_packages() -> None:
    """MariaDB and RabbitMQ by apt, without starting them as services of the system."""
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(
            "OpenStack needs MariaDB and RabbitMQ; install them"
            f" (Debian: apt install {' '.join(DEBIAN_PACKAGES)})"
        )
    title = f"installing {', '.join(DEBIAN_PACKAGES)}"
    sys.stderr.write(f"{title} …\n")
    sys.stderr.flush()
    apt = ["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        builds.run(title, [*apt, "update"], HERE, quiet)
        words = [*apt, "install", "--no-install-recommends", *DEBIAN_PACKAGES]
        builds.run(title, words, HERE, quiet)


@contextmanager
def _no_services() -> Iterator[None]:
    """Packages that are installed now do not start what they bring."""
    before = (POLICY.read_bytes(), POLICY.stat().st_mode) if POLICY.exists() else None
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_bytes(before[0])
            POLICY.chmod(before[1])


def _install_services(folder: Path) -> None:
    """Everything that the constraints pin, and nothing else."""
    title = "installing OpenStack"
    python = str(folder / "bin" / "python")
    pinned = ["install", "--no-deps", "--requirement", str(CONSTRAINTS)]
    builds.run(title, [sys.executable, "-m", "venv", str(folder)], HERE, {})
    try:
        builds.run(title, [python, "-m", "pip", "install", UV], HERE, {})
        words = [python, "-m", "uv", "--no-cache", "pip", *pinned, "--python", python]
        builds.run(title, words, HERE, {})
    except Missing:  # where packages come from a mirror that only pip is told of
        builds.run(title, [python, "-m", "pip", *pinned], HERE, {})
