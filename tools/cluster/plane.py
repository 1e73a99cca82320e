"""A control plane on loopback: brought up, paused, restarted and ended.

``control_plane`` gives a :class:`ControlPlane`; ``existing`` a :class:`Cluster` that somebody else
runs, which is only used.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tools.cluster import arguments, binaries, objects
from tools.cluster.api import open_api
from tools.cluster.arguments import Place
from tools.cluster.certificates import Authority
from tools.cluster.inventory import Entry, inventory
from tools.processes import NotUp, Server, free_ports, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
ATTEMPTS = 3  # another program may take a free port before ours does


@dataclass
class Cluster:
    """A cluster: the text of an administrator's kubeconfig, and what it is asked most."""

    kubeconfig: str
    ours = False

    def api(self, timeout: float = 20) -> httpx.Client:
        """A client of the API server with the rights of an administrator."""
        return open_api(self.kubeconfig, timeout)

    def inventory(self) -> set[Entry]:
        """Kind, namespace and name of everything there is."""
        with self.api() as client:
            return inventory(client)


def existing(file: Path) -> Cluster:
    """The cluster of a kubeconfig that the user has named."""
    return Cluster(file.read_text())


@contextmanager
def control_plane(state: Path, *, nodes: int = 2) -> Iterator[ControlPlane]:
    """A control plane of our own with a stand-in for the kubelets of ``nodes`` nodes.

    ``state`` is a directory for its files.  Raises Missing and NotUp.
    """
    programs = binaries.find()
    for attempt in range(ATTEMPTS):
        plane = ControlPlane(programs, state / str(attempt), nodes)
        try:
            plane.start()
            break
        except NotUp as error:
            plane.stop()
            if "address already in use" not in str(error) or attempt == ATTEMPTS - 1:
                raise
        except BaseException:
            plane.stop()
            raise
    try:
        yield plane
    finally:
        plane.stop()


class ControlPlane(Cluster):
    """Real servers on free ports of loopback, all of them children of this process."""

    ours = True

    def __init__(self, programs: binaries.Programs, state: Path, nodes: int) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.release = programs.release
        self.tokens = {name: secrets.token_hex(16) for name in ("admin", "limited", "kubelet")}
        self._authority = Authority(state / "pki")
        self.place = Place(state.resolve(), programs.minor, *free_ports(6))
        super().__init__(self._kubeconfig("admin", self.tokens["admin"]))
        self.limited_kubeconfig = self._kubeconfig("limited", self.tokens["limited"])
        self.refused_kubeconfig = self._kubeconfig("admin", secrets.token_hex(16))
        self.file = state / "kubeconfig"
        self._prepare()
        self.servers = {
            name: Server(name, [*words, *flags], state / f"{name}.log", state)
            for name, flags in arguments.of_all(self.place).items()
            for words in [programs.words[name]]
        }
        self.kubelet = Server("kubelet", self._kubelet_words(nodes), state / "kubelet.log", ROOT)
        self._nodes = nodes

    @property
    def url(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.place.api}"

    def pids(self) -> dict[str, int | None]:
        """The process of each server, for measuring."""
        return {name: server.pid for name, server in self._everything().items()}

    def start(self) -> None:
        """Bring everything up and wait until pods can be run.  Raises NotUp."""
        for server in self.servers.values():
            server.start()
        self._wait_ready()
        self._restart_controllers()  # they end when they find no API server for a while
        with self.api() as client:
            objects.create_all(client, objects.limited_rights())
        self.kubelet.start()
        self.metrics(on=True)
        self._wait("nodes and their namespace", self._usable, 40)

    def restart_api(self) -> None:
        """Kill the API server, start it again on the same port, and wait for it."""
        self.servers["kube-apiserver"].kill()
        self.servers["kube-apiserver"].start()
        self._wait_ready()
        self._restart_controllers()

    def pause(self, *, freeze: bool = False) -> None:
        """Let the cluster vanish: its port refuses, or with ``freeze`` takes calls and is silent.

        What runs on the nodes goes on.
        """
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.servers[name].kill()
        api = self.servers["kube-apiserver"]
        if freeze:
            api.freeze()
        else:
            api.kill()

    def resume(self) -> None:
        """Let it come back with all that it had, and wait for it."""
        self.servers["kube-apiserver"].thaw()
        self.servers["kube-apiserver"].start()
        self._wait_ready()
        self._wait("fresh heartbeats", self._beating, 30)  # else nodes would be taken for dead
        self._restart_controllers()

    def metrics(self, *, on: bool) -> None:
        """Whether the cluster offers metrics.k8s.io."""
        wanted = objects.metrics_api(self.place.kubelet, self._authority.pem)
        with self.api() as client:
            if on:
                objects.create_all(client, wanted)
                self._wait("the metrics API", lambda: _answers(client, objects.METRICS_NODES), 30)
            else:
                objects.delete_all(client, wanted)

    def stop(self) -> None:
        """End every process."""
        for server in reversed(self._everything().values()):
            server.kill()

    def _everything(self) -> dict[str, Server]:
        return {**self.servers, "kubelet": self.kubelet}

    def _kubeconfig(self, user: str, token: str) -> str:
        return objects.kubeconfig(self.url, self._authority.pem, user, token)

    def _prepare(self) -> None:
        """Certificates, tokens and files that the programs read as they start."""
        issue = self._authority.issue
        issue("apiserver", hosts=("127.0.0.1", "localhost", arguments.FIRST_SERVICE))
        issue("kubelet", hosts=("127.0.0.1", "localhost", objects.METRICS_HOST))
        issue("apiserver-kubelet-client", group="system:masters")
        issue(arguments.FRONT_PROXY)
        service_accounts = issue("service-accounts")
        arguments.write_public_key(service_accounts, self.place.state)
        lines = [f'{token},{name},{name},"{_GROUPS[name]}"' for name, token in self.tokens.items()]
        tokens = self.place.state / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text("\n".join(lines) + "\n")
        self.file.touch(mode=0o600)
        self.file.write_text(self.kubeconfig)
        kubelet = self.place.state / "kubelet.kubeconfig"
        kubelet.touch(mode=0o600)
        kubelet.write_text(self._kubeconfig("kubelet", self.tokens["kubelet"]))

    def _kubelet_words(self, nodes: int) -> list[str]:
        state = self.place.state
        return [
            *(sys.executable, "-m", "tools.cluster.kubelet", str(state / "kubelet.kubeconfig")),
            *("--nodes", str(nodes), "--port", str(self.place.kubelet)),
            *("--pki", str(state / "pki"), "--release", self.release),
        ]

    def _restart_controllers(self) -> None:
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.servers[name].start()

    def _wait_ready(self) -> None:
        with self.api(timeout=2) as client:
            self._wait("the API server", lambda: _answers(client, "/readyz"), 60)

    def _usable(self) -> bool:
        with self.api() as client:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            return _answers(client, account) and objects.ready_nodes(client) == self._nodes

    def _beating(self) -> bool:
        with self.api() as client:
            return objects.fresh_leases(client) >= self._nodes

    def _wait(self, what: str, done: Callable[[], bool], seconds: float) -> None:
        wait_for(what, done, seconds, self._needed(), not_yet=(httpx.HTTPError,))

    def _needed(self) -> list[Server]:
        return [self.servers["etcd"], self.servers["kube-apiserver"]]


_GROUPS = {"admin": "system:masters", "kubelet": "system:masters", "limited": ""}


def _answers(client: httpx.Client, path: str) -> bool:
    return client.get(path).status_code == httpx.codes.OK


def named_cluster() -> Cluster | None:
    """The existing cluster that KUBECONFIG names, if it names one."""
    named = os.environ.get("KUBECONFIG")
    return existing(Path(named)) if named else None
