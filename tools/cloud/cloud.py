"""A cloud on loopback: brought up, paused, restarted and ended.

``own_cloud`` gives an :class:`OwnCloud`; ``named_cloud`` a :class:`Cloud` that somebody else runs,
which is only used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import kombu
import openstack

from tools.cloud import programs, settings, words
from tools.cloud.account import Account
from tools.cloud.databases import Databases, prepared
from tools.cloud.inventory import Entry, inventory
from tools.cloud.place import HOSTS, IMAGE_MEBIBYTES, REGIONS, Place
from tools.processes import Server, port_is_open, wait_for

PATIENCE = 180  # seconds; on two busy processors all that is started takes so long
_NOT_YET = (openstack.exceptions.SDKException, httpx.HTTPError, OSError)


class Cloud:
    """A cloud and how its users log in."""

    ours = False

    def __init__(self, accounts: dict[str, Account]) -> None:
        self.accounts = accounts

    def account(self, user: str = "admin", region: str = "") -> Account:
        """How a user logs in; a cloud that is not ours has one, whoever is asked for."""
        return self.accounts.get(user, self.accounts["admin"]).at(region)

    def openrc(self, user: str = "admin", region: str = "") -> str:
        """The text of a site's openrc file."""
        return self.account(user, region).openrc()

    def clouds_yaml(self, user: str = "admin", region: str = "", name: str = "test") -> str:
        """The text of a site's clouds.yaml, with one cloud."""
        return self.account(user, region).clouds_yaml(name)

    def connect(self, user: str = "admin", region: str = "") -> Any:
        """A connection of openstacksdk."""
        return self.account(user, region).connect()

    def inventory(self) -> set[Entry]:
        """Kind and name of everything there is."""
        with self.connect() as connection:
            return inventory(connection)


def named_cloud() -> Cloud | None:
    """The existing cloud that OS_CLOUD names in a clouds.yaml, if it names one."""
    name = os.environ.get("OS_CLOUD")
    if not name:
        return None
    config = openstack.config.OpenStackConfig().get_one(cloud=name)
    return Cloud({"admin": Account.of_config(config)})


@contextmanager
def own_cloud(
    state: Path, *, image_mebibytes: int = IMAGE_MEBIBYTES
) -> Iterator[OwnCloud]:
    """A cloud of our own with two hosts; ``state`` is a directory for its files.

    It refuses images of more than ``image_mebibytes``.

    Raises Missing and NotUp.
    """
    state.mkdir(parents=True, exist_ok=True)
    found = programs.find()
    databases = prepared(found)
    place = Place.choose(state, found, databases.passwords, image_mebibytes)
    cloud = OwnCloud(place, databases)
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()


class OwnCloud(Cloud):
    """Real services on free ports of loopback, all of them children of this process.

    Users are ``admin``, and ``edge`` of the project ``edge`` as a tenant is one.
    """

    ours = True

    def __init__(self, place: Place, databases: Databases) -> None:
        self.place = place
        self.databases = databases
        self.release = place.programs.release
        super().__init__(
            {
                user: Account(place.auth_url, user, place.passwords[user], user, REGIONS[0])
                for user in ("admin", "edge")
            }
        )
        environment = words.environment(place)
        self.servers = {
            name: Server(name, line, place.folder / f"{name}.log", place.folder, environment)
            for name, line in words.of_all(place).items()
        }

    def pids(self) -> dict[str, int | None]:
        """The process of each server, for measuring."""
        return {name: server.pid for name, server in self.servers.items()}

    def start(self) -> None:
        """Bring everything up and wait until servers can be made.  Raises NotUp."""
        settings.write(self.place)
        self.databases.copy_to(self.place)
        self._start("mariadb", "epmd")
        self._start("rabbitmq", needs=("epmd",))
        self._start(*words.APIS, needs=("mariadb",))
        self._start(*self.servers, needs=("rabbitmq", "keystone", "placement"))
        self._wait_usable()

    def pause(self, *, freeze: bool = False) -> None:
        """Let all APIs vanish: their ports refuse, or with ``freeze`` are silent.

        What runs on the hosts goes on.
        """
        for name in words.APIS:
            if freeze:
                self.servers[name].freeze()
            else:
                self.servers[name].kill()

    def resume(self) -> None:
        """Let them come back with all that they had, and wait for them."""
        for name in words.APIS:
            self.servers[name].thaw()
            self.servers[name].start()
        self._wait_usable()

    def restart(self, name: str) -> None:
        """Kill one program, start it again, and wait until the cloud can be used."""
        self.servers[name].kill()
        self.servers[name].start()
        self._wait_usable()

    def stop(self) -> None:
        """End every process."""
        for server in reversed(self.servers.values()):
            server.kill()

    def _start(self, *names: str, needs: tuple[str, ...] = ()) -> None:
        for need in needs:
            self._wait(need, partial(port_is_open, self.place.ports[need]))
        for name in names:
            self.servers[name].start()

    def _wait_usable(self) -> None:
        for name in words.APIS:
            self._wait_answer(name)
        # A call that comes before the engine listens is lost, and is waited for a minute.
        self._wait("the engine of Heat", lambda: _listeners(self.place.bus, "engine"))
        with self.connect() as connection:
            for what, lists in (
                ("Glance", connection.image.images),
                ("Neutron", connection.network.networks),
                ("Heat", connection.orchestration.stacks),
            ):
                self._wait(what, partial(_answers, lists))
            self._wait("Nova", lambda: self._nova_is_up(connection))

    def _nova_is_up(self, connection: Any) -> bool:
        """Whether its programs have reported since they were started, and hosts take servers."""
        reported = {
            (one.binary, one.host): one.updated_at or ""
            for one in connection.compute.services()
            if one.state == "up"
        }
        hosts = {one.name for one in connection.compute.hypervisors()}
        return hosts == set(HOSTS) and all(
            reported.get(service, "") >= f"{self.servers[name].started_at:%Y-%m-%dT%H:%M:%S}"
            for name, service in words.NOVA.items()
        )

    def _wait_answer(self, api: str) -> None:
        url = self.place.url(api)
        self._wait(api, lambda: httpx.get(url, trust_env=False, timeout=60).status_code < 500)

    def _wait(self, what: str, done: Callable[[], object]) -> None:
        started = [one for one in self.servers.values() if one.started_at]
        wait_for(what, done, PATIENCE, started, not_yet=_NOT_YET)


def _answers(lists: Callable[[], Iterable[Any]]) -> bool:
    """Whether a list can be had; raises what says that it cannot yet."""
    list(lists())
    return True


def _listeners(bus: str, queue: str) -> int:
    """How many programs take messages from a queue."""
    with kombu.Connection(bus.replace("rabbit:", "amqp:", 1)) as connection:
        try:
            channel: Any = connection.channel()
            return int(channel.queue_declare(queue, passive=True).consumer_count)
        except connection.channel_errors:
            return 0
