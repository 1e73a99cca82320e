"""Where one cloud lives: its directory, its ports, its passwords."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from tools.cloud.install import Programs
from tools.processes import free_ports

HOSTS = ("host-1", "host-2")
REGIONS = ("RegionOne", "RegionTwo")
IMAGE_MEBIBYTES = 64
INTERFACES = ("public", "internal")
PORTS = (
    *("mariadb", "epmd", "rabbitmq", "rabbitmq-nodes"),
    *("keystone", "placement", "glance", "neutron", "nova-api", "heat-api", "heat-cfn"),
    "novnc",  # of addresses of consoles; nobody listens there
)
USERS = ("admin", "edge", "service", "database", "bus", "heat")


def unplaced(api: str) -> str:
    """The address that an API has in a catalog that is not one place's."""
    return f"http://{api}.invalid"


def new_passwords() -> dict[str, str]:
    """One for each user."""
    return {user: secrets.token_hex(16) for user in USERS}


@dataclass(frozen=True)
class Place:
    """What the settings and the words of every program follow from."""

    folder: Path
    programs: Programs
    ports: dict[str, int]
    passwords: dict[str, str]
    image_mebibytes: int = IMAGE_MEBIBYTES

    @classmethod
    def choose(
        cls, folder: Path, programs: Programs, passwords: dict[str, str],
        image_mebibytes: int = IMAGE_MEBIBYTES,
    ) -> Place:
        """A new one in an empty directory, whose images may be so large."""
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        return cls(folder.resolve(), programs, ports, passwords, image_mebibytes)

    def url(self, api: str) -> str:
        """The address of an API, without a path."""
        return f"http://127.0.0.1:{self.ports[api]}"

    @property
    def auth_url(self) -> str:
        """The address of Keystone."""
        return f"{self.url('keystone')}/v3"

    def database(self, name: str) -> str:
        """The address of a database, as SQLAlchemy has it."""
        at = f"127.0.0.1:{self.ports['mariadb']}"
        return f"mysql+pymysql://openstack:{self.passwords['database']}@{at}/{name}?charset=utf8"

    @property
    def bus(self) -> str:
        """The address of the message bus, as oslo.messaging has it."""
        at = f"127.0.0.1:{self.ports['rabbitmq']}"
        return f"rabbit://openstack:{self.passwords['bus']}@{at}/"

    def settings(self, name: str) -> str:
        """The file of a program's settings."""
        return str(self.folder / f"{name}.conf")

    @property
    def start_sql(self) -> str:
        """The file of what MariaDB does whenever it starts."""
        return str(self.folder / "start.sql")
