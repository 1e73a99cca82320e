"""The command lines of a control plane's programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tools.cluster.certificates import Pair

SERVICES = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"
FRONT_PROXY = "front-proxy"


@dataclass(frozen=True)
class Place:
    """Where one control plane lives: its directory, its release's numbers, its ports."""

    state: Path
    minor: tuple[int, int]
    etcd: int
    peers: int
    api: int
    manager: int
    scheduler: int
    kubelet: int


def of_all(place: Place) -> dict[str, list[str]]:
    """The arguments of each program, in the order in which they are started."""
    return {
        "etcd": _etcd(place),
        "kube-apiserver": _apiserver(place),
        "kube-controller-manager": _manager(place),
        "kube-scheduler": _scheduler(place),
    }


def write_public_key(pair: Pair, state: Path) -> None:
    """The public half of the key that signs the tokens of service accounts."""
    key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (state / "pki" / "service-accounts.pub").write_bytes(public)


def _etcd(place: Place) -> list[str]:
    clients, peers = f"http://127.0.0.1:{place.etcd}", f"http://127.0.0.1:{place.peers}"
    return [
        "--data-dir=etcd",
        "--unsafe-no-fsync",  # a test's data need not survive the machine
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
    ]


def _apiserver(place: Place) -> list[str]:
    pki = place.state / "pki"
    return [
        f"--etcd-servers=http://127.0.0.1:{place.etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={place.api}",
        "--advertise-address=192.0.2.1",  # Endpoints may not be on loopback
        f"--service-cluster-ip-range={SERVICES}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/service-accounts.pub",
        f"--service-account-signing-key-file={pki}/service-accounts.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/{FRONT_PROXY}.crt",
        f"--proxy-client-key-file={pki}/{FRONT_PROXY}.key",
    ]


def _controller(place: Place, port: int) -> list[str]:
    """What the two have in common; before 1.23 they open a second port unless told not to."""
    old = ["--port=0"] if place.minor < (1, 23) else []
    return [
        "--kubeconfig=kubeconfig",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        *old,
    ]


def _manager(place: Place) -> list[str]:
    pki = place.state / "pki"
    return [
        *_controller(place, place.manager),
        f"--service-account-private-key-file={pki}/service-accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--use-service-account-credentials=false",
        "--node-monitor-period=2s",  # a dead node is noticed in tests' time
        "--node-monitor-grace-period=20s",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def _scheduler(place: Place) -> list[str]:
    return [
        *_controller(place, place.scheduler),
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]
