"""The databases with their tables: made once for a set of programs, copied for each cloud.

To make them takes longer than all else that a cloud does as it comes up.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools import builds
from tools.cloud import settings, words
from tools.cloud.install import Programs
from tools.cloud.place import Place
from tools.processes import Server, wait_for

GIGABYTES = 1
# Nova keeps the addresses of a cell's database and bus; these are filled in from its settings.
CELL_DATABASE = "{scheme}://{username}:{password}@{hostname}:{port}/{path}?{query}"
CELL_0_DATABASE = CELL_DATABASE.replace("{path}", "nova_cell0")
CELL_BUS = "{scheme}://{username}:{password}@{hostname}:{port}/{path}"


def prepared(programs: Programs) -> Path:
    """A directory of data for MariaDB; made where it is not there yet.

    Raises Missing, and NotUp when MariaDB does not start.
    """
    said = subprocess.run(
        [programs.system["mariadbd"], "--version"], capture_output=True, check=True
    ).stdout
    recipe = Path(__file__).read_bytes()
    name = builds.fingerprint(programs.environment.name.encode(), said, recipe)
    folder = builds.cache("openstack-databases") / name
    builds.once("OpenStack's databases", folder, GIGABYTES, lambda to: _make(programs, to))
    return folder / "data"


def _make(programs: Programs, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="cloud-") as work:
        place = Place.choose(Path(work), programs)
        settings.write(place)
        data = folder / "data"
        _run(place, words.mariadb_install(place, data))
        log = place.folder / "mariadb.log"
        server = Server("mariadb", words.mariadb(place, data), log, place.folder)
        server.start()
        try:
            wait_for("MariaDB", lambda: _listens(log), 60, [server])
            with ThreadPoolExecutor() as pool:
                for one in [pool.submit(part, place) for part in PARTS]:
                    one.result()
        finally:
            server.end()


def _listens(log: Path) -> bool:
    return "ready for connections" in log.read_text(errors="replace")


def _run(place: Place, line: list[str]) -> None:
    environment = words.environment(place)
    builds.run(f"making the databases: {Path(line[0]).name}", line, place.folder, environment)


def _manage(place: Place, program: str, file: str, *line: str) -> None:
    arguments = ["--config-file", place.settings(file), *line]
    _run(place, [place.programs.service(program), *arguments])


def _keystone(place: Place) -> None:
    _manage(place, "keystone-manage", "keystone", "db_sync")


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
