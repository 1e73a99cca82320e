"""Which sites there are, where they listen and where their data lives.  Starts nothing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mecm_portal.runtime import core
from mecm_portal.runtime.ports import can_listen_on_address
from mecm_portal.runtime.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent.parent
STATIC_ROOT = ROOT / ".static"
CENTER_IP = "127.0.0.1"
MOST_EDGES = 20
# A world under the supervisor is self-contained; shared engines belong to the scaled-out one.
_NOT_INHERITED = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
)


@dataclass(frozen=True)
class Site:
    """One site: ``role`` is what its process is told, ``port_variable`` moves its port.

    ``number`` tells the sites of a world apart, so that neighbours get cores of their own.
    """

    name: str
    role: str
    ip: str
    port: int
    directory: Path
    port_variable: str
    number: int = 0

    @property
    def url(self) -> str:
        """The address of the portal and the API."""
        return f"http://{self.ip}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the site's processes."""
        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        return inherited | {
            "DJANGO_SETTINGS_MODULE": "mecm_portal.settings",
            "MECM_ROLE": self.role,
            "MECM_SITE_NAME": self.name,
            "MECM_SITE_DIR": str(self.directory),
            "MECM_SITE_URL": self.url,
            "MECM_DEMO": "1",
            "MECM_STATIC_ROOT": os.environ.get("MECM_STATIC_ROOT", str(STATIC_ROOT)),
            "PYTHONUNBUFFERED": "1",
            core.VARIABLE: os.environ.get(core.VARIABLE, str(self.number)),
        }

    @property
    def applications_file(self) -> Path:
        """What the demo applications of the site need to know; only where it has some."""
        return self.directory / "demo-apps.json"

    @property
    def store_file(self) -> Path:
        """What the demo's application store needs to know; only where the site has one."""
        return self.directory / "demo-store.json"

    @property
    def companions(self) -> tuple[tuple[str, str, Path], ...]:
        """The demo programs beside a site: a name, a module and the file with its order."""
        return (
            ("apps", "examples.demo_apps", self.applications_file),
            ("store", "examples.appstore", self.store_file),
        )

    @property
    def serve_command(self) -> list[str]:
        """The command line of the site's process."""
        where = ["--host", self.ip, "--port", str(self.port)]
        return [sys.executable, str(ROOT / "manage.py"), "serve", *where]


@dataclass(frozen=True)
class Plan:
    """The whole world in one data directory; the center comes first."""

    data: Path
    sites: tuple[Site, ...]

    @property
    def center(self) -> Site:
        """The one center."""
        return self.sites[0]

    @property
    def edges(self) -> tuple[Site, ...]:
        """The edges in order."""
        return self.sites[1:]


def data_directory(environment: Mapping[str, str]) -> Path:
    """Where everything of this world is kept."""
    return Path(environment.get("MECM_DATA_DIR") or ROOT / ".data").expanduser().absolute()


def make_plan(
    environment: Mapping[str, str], *, can_listen: Callable[[str], bool] = can_listen_on_address
) -> Plan:
    """The world that the environment asks for; Trouble when a variable makes no sense."""
    data = data_directory(environment)
    center_port = _number(environment, "MECM_CENTER_PORT", 8000, least=1, most=65535)
    _choice(environment, "MECM_LINK", ("center", "edge"))
    edge_port = _number(environment, "MECM_EDGE_PORT", 8100, least=1, most=65535)
    count = _number(environment, "MECM_EDGES", 1, least=0, most=MOST_EDGES)
    sites = [Site("center", "center", CENTER_IP, center_port, data / "center", "MECM_CENTER_PORT")]
    port = edge_port
    for number in range(1, count + 1):
        ip = f"127.0.0.{number}"
        if number > 1 and not can_listen(ip):
            ip, port = CENTER_IP, port + 1
        name = f"edge-{number}"
        sites.append(Site(name, "edge", ip, port, data / name, "MECM_EDGE_PORT", number))
    _refuse_shared_addresses(sites)
    return Plan(data, tuple(sites))


def _refuse_shared_addresses(sites: list[Site]) -> None:
    seen: dict[tuple[str, int], Site] = {}
    for site in sites:
        other = seen.setdefault((site.ip, site.port), site)
        if other is not site:
            raise Trouble(
                f"{other.name} and {site.name} would both listen on {site.ip}:{site.port};"
                f" set {site.port_variable} to another port."
            )


def _choice(environment: Mapping[str, str], name: str, known: tuple[str, ...]) -> None:
    """Refuse a variable that is none of what it may be; the sites read it themselves."""
    if environment.get(name, known[0]) not in known:
        words = " or ".join(f"“{word}”" for word in known)
        raise Trouble(f"{name} is “{environment[name]}”; it must be {words}.")


def _number(
    environment: Mapping[str, str], name: str, default: int, *, least: int, most: int
) -> int:
    text = environment.get(name, "").strip() or str(default)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise Trouble(f"{name} is “{text}”; it must be a whole number from {least} to {most}.")
    return int(text)
