"""The databases with their tables and Keystone's catalog: made once, copied for each cloud.

To make them takes longer than all else that a cloud does as it comes up.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tools import builds
from tools.cloud import place as places
from tools.cloud import settings, words
from tools.cloud.install import Programs
from tools.cloud.place import Place
from tools.processes import Server, port_is_open, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
GIGABYTES = 1
PATIENCE = 180
# Nova keeps the addresses of a cell's database and bus; these are filled in from its settings.
CELL_DATABASE = "{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}"
CELL_0_DATABASE = CELL_DATABASE.replace("{path}", "nova_cell0")
CELL_BUS = "{scheme}://{username}:{password}@{hostname}:{port}/{path}"


@dataclass(frozen=True)
class Databases:
    """Data for MariaDB, and the passwords of the users that are in it."""

    folder: Path

    @property
    def passwords(self) -> dict[str, str]:
        """Of each user; random, and the same for all clouds that begin with these."""
        found: dict[str, str] = json.loads((self.folder / "passwords.json").read_text())
        return found

    def copy_to(self, place: Place) -> None:
        """Let MariaDB begin with them, with the addresses of this place in the catalog."""
        shutil.copytree(self.folder / "data", place.folder / "database")
        with Path(place.start_sql).open("a") as file:
            for api in words.APIS:
                here = f"REPLACE(url, '{places.unplaced(api)}', '{place.url(api)}')"
                file.write(f"UPDATE keystone.endpoint SET url = {here};\n")  # noqa: S608 - ours


def prepared(programs: Programs) -> Databases:
    """Those for a set of programs; made where they are not there yet.

    Raises Missing, and NotUp when MariaDB or Keystone does not start.
    """
    said = subprocess.run(
        [programs.system["mariadbd"], "--version"], capture_output=True, check=True
    ).stdout
    here = Path(__file__)
    recipe = [path.read_bytes() for path in (here, here.with_name("catalog.py"))]
    name = builds.fingerprint(programs.environment.name.encode(), said, *recipe)
    folder = builds.cache("openstack-databases") / name
    builds.once("OpenStack's databases", folder, GIGABYTES, lambda to: _make(programs, to))
    return Databases(folder)


def _make(programs: Programs, folder: Path) -> None:
    folder.chmod(0o700)
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps(places.new_passwords()))
    with tempfile.TemporaryDirectory(prefix="cloud-") as work, ExitStack() as stack:
        place = Place.choose(Path(work), programs, Databases(folder).passwords)
        settings.write(place)
        _run(place, words.mariadb_install(place, folder / "data"))
        _serve(place, "mariadb", words.mariadb(place, folder / "data"), stack)
        with ThreadPoolExecutor() as pool:
            for one in [pool.submit(part, place) for part in PARTS]:
                one.result()
        _serve(place, "keystone", words.api(place, "keystone"), stack)
        line = ["-m", "tools.cloud.catalog", place.auth_url, str(passwords)]
        _run(place, [programs.python, *line], ROOT)


def _serve(place: Place, name: str, line: list[str], stack: ExitStack) -> None:
    """Start a server, which ends in order with the stack, and wait for it."""
    log = place.folder / f"{name}.log"
    server = Server(name, line, log, place.folder, words.environment(place))
    server.start()
    stack.callback(server.end)
    wait_for(name, lambda: port_is_open(place.ports[name]), PATIENCE, [server], (OSError,))


def _run(place: Place, line: list[str], folder: Path | None = None) -> None:
    title = f"making the databases: {Path(line[0]).name}"
    builds.run(title, line, folder or place.folder, words.environment(place))


def _manage(place: Place, program: str, file: str, *line: str) -> None:
    arguments = ["--config-file", place.settings(file), *line]
    _run(place, [place.programs.service(program), *arguments])


def _keystone(place: Place) -> None:
    _manage(place, "keystone-manage", "keystone", "db_sync")
    address = f"{places.unplaced('keystone')}/v3"
    _manage(
        *(place, "keystone-manage", "keystone", "bootstrap"),
        *("--bootstrap-service-name", "keystone", "--bootstrap-region-id", places.REGIONS[0]),
        *(f"--bootstrap-{interface}-url={address}" for interface in places.INTERFACES),
    )


def _placement(place: Place) -> None:
    _manage(place, "placement-manage", "placement", "db", "sync")


def _glance(place: Place) -> None:
    _manage(place, "glance-manage", "glance-api", "db_sync")


def _neutron(place: Place) -> None:
    files = ["--config-file", place.settings("neutron"), "--config-file", place.settings("ml2")]
    _run(place, [place.programs.service("neutron-db-manage"), *files, "upgrade", "heads"])


def _nova(place: Place) -> None:
    cell = ("--database_connection", CELL_DATABASE, "--transport-url", CELL_BUS)
    for line in (
        ("api_db", "sync"),
        ("cell_v2", "map_cell0", "--database_connection", CELL_0_DATABASE),
        ("db", "sync"),
        ("cell_v2", "create_cell", "--name", "cell1", *cell),
    ):
        _manage(place, "nova-manage", "nova", *line)


def _heat(place: Place) -> None:
    _manage(place, "heat-manage", "heat", "db_sync")


PARTS: tuple[Callable[[Place], None], ...] = (
    *(_nova, _neutron, _keystone, _heat, _glance, _placement),
)
