"""The command lines of a cloud's programs, and the environment that they are started in."""

from __future__ import annotations

import os
from pathlib import Path

from tools.cloud.place import HOSTS, Place

SERVE = Path(__file__).resolve().parent / "inside" / "serve.py"
APIS = ("keystone", "placement", "glance", "neutron", "nova-api", "heat-api", "heat-cfn")
# The programs of Nova that report, each with the binary and host by which Nova knows it.
NOVA = {
    "nova-conductor": ("nova-conductor", "control"),
    "nova-scheduler": ("nova-scheduler", "control"),
    **{f"nova-compute-{host}": ("nova-compute", host) for host in HOSTS},
}
_MODULES = {
    "keystone": "keystone.wsgi.api",
    "placement": "placement.wsgi.api",
    "glance": "glance.wsgi.api",
    "neutron": "neutron.wsgi.api",
    "nova-api": "nova.wsgi.osapi_compute",
    "heat-api": "heat.wsgi.api",
    "heat-cfn": "heat.wsgi.cfn",
}


def of_all(place: Place) -> dict[str, list[str]]:
    """The words of each program, in the order in which they are started."""
    return {
        "mariadb": mariadb(place, place.folder / "database"),
        "epmd": [place.programs.system["epmd"]],
        "rabbitmq": _rabbitmq(place),
        **{name: api(place, name) for name in APIS},
        "nova-conductor": _with_settings(place, "nova-conductor", "nova"),
        "nova-scheduler": _with_settings(place, "nova-scheduler", "nova"),
        **{
            f"nova-compute-{host}": _with_settings(place, "nova-compute", "nova", host)
            for host in HOSTS
        },
        "heat-engine": _with_settings(place, "heat-engine", "heat"),
    }


def environment(place: Place) -> dict[str, str]:
    """Of every program; nothing else of the one who starts them is handed on."""
    folder = str(place.folder)
    bus = place.folder / "rabbitmq"
    paste = place.programs.environment / "etc/nova/api-paste.ini"
    return {
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        # Where stevedore keeps what it has found out about the packages.
        "XDG_CACHE_HOME": str(place.programs.environment / "cache"),
        "PYTHONWARNINGS": "ignore",
        "OS_KEYSTONE_CONFIG_FILES": place.settings("keystone"),
        "OS_BOOTSTRAP_PASSWORD": place.passwords["admin"],  # of keystone-manage
        "OS_PLACEMENT_CONFIG_DIR": folder,
        "OS_GLANCE_CONFIG_DIR": folder,
        "OS_NEUTRON_CONFIG_DIR": folder,
        "OS_NEUTRON_CONFIG_FILES": "neutron.conf;ml2.conf",
        "OS_NOVA_CONFIG_DIR": folder,
        "OS_NOVA_CONFIG_FILES": f"{paste};nova.conf",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(place.ports["epmd"]),
        # Also of those that RabbitMQ starts: an epmd of theirs would stay for ever.
        "ERL_FLAGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_NODENAME": "cloud@localhost",
        "RABBITMQ_DIST_PORT": str(place.ports["rabbitmq-nodes"]),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(place.folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(bus / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(bus),
        "RABBITMQ_LOG_BASE": str(bus),
        # Its script then becomes the Erlang machine instead of waiting beside it.
        "RABBITMQ_ALLOW_INPUT": "true",
    }


def mariadb(place: Place, data: Path) -> list[str]:
    """MariaDB on a directory of data; it need not survive a loss of power."""
    return [
        *(place.programs.system["mariadbd"], "--no-defaults", *_as_root()),
        *(f"--datadir={data}", f"--socket={place.folder / 'mariadb.sock'}"),
        *("--bind-address=127.0.0.1", f"--port={place.ports['mariadb']}"),
        *("--skip-name-resolve", "--max-connections=500", "--innodb-log-file-size=8M"),
        *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
        *("--debug-no-sync", "--innodb-doublewrite=0"),
        f"--init-file={place.start_sql}",
    ]


def mariadb_install(place: Place, data: Path) -> list[str]:
    """Lay an empty directory of data out."""
    return [
        *(place.programs.system["mariadb-install-db"], "--no-defaults", *_as_root()),
        *(f"--datadir={data}", "--auth-root-authentication-method=socket", "--skip-test-db"),
    ]


def _as_root() -> list[str]:
    """MariaDB runs as root only when it is told to."""
    return ["--user=root"] if os.getuid() == 0 else []


def _rabbitmq(place: Place) -> list[str]:
    return [place.programs.system["rabbitmq-server"], "-noinput"]


def api(place: Place, name: str) -> list[str]:
    """Serve an API."""
    words = [place.programs.python, str(SERVE), _MODULES[name], str(place.ports[name])]
    if name.startswith("heat"):  # Heat takes no name of a file from the environment
        words += ["--config-file", place.settings("heat")]
    return words


def _with_settings(place: Place, program: str, *files: str) -> list[str]:
    words = [place.programs.service(program)]
    for file in files:
        words += ["--config-file", place.settings(file)]
    return words
