"""The promise between the house and any VIM driver.  Knows no Kubernetes, OpenStack or models.

A driver is made for one host with one set of credentials, is cheap to make, keeps nothing of its
own that the VIM does not keep, and may be used from several threads.  It answers with values of
:mod:`apps.vim.results` and raises only the errors of :mod:`apps.vim.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from apps.vim.errors import (
    CredentialsInvalid,
    DriverMissing,
    UnknownKind,
    VimRefused,
    VimUnreachable,
)
from apps.vim.results import (
    Address,
    Capacity,
    Container,
    Node,
    Phase,
    Pod,
    ProbeResult,
    Server,
    ServiceInfo,
    ServicePort,
    WorkloadStatus,
)
from apps.vim.settings import Allowance, HostSettings, Registry
from apps.vim.usages import ContainerUsage, InstanceUsage, Meter, Usage

__all__ = [
    "Address",
    "Allowance",
    "AppClass",
    "AppKeys",
    "Capacity",
    "Container",
    "ContainerUsage",
    "Credentials",
    "CredentialsInvalid",
    "DriverClass",
    "DriverMissing",
    "HostSettings",
    "InstallSpec",
    "InstanceUsage",
    "Limits",
    "Meter",
    "Node",
    "Phase",
    "Pod",
    "ProbeResult",
    "Registry",
    "Server",
    "ServiceInfo",
    "ServicePort",
    "UnknownKind",
    "Usage",
    "VimDriver",
    "VimRefused",
    "VimUnreachable",
    "WorkloadPort",
    "WorkloadStatus",
    "WorkloadUnit",
]

AppClass = Literal["container", "vm"]


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What opens a VIM, byte for byte as it was given: kubeconfig, openrc, simulated YAML."""

    kind: str
    content: bytes

    def __repr__(self) -> str:
        return f"Credentials(kind={self.kind!r}, content=<{len(self.content)} bytes>)"


@dataclass(frozen=True, slots=True)
class WorkloadPort:
    """A port that a unit serves.  ``node_port``: None = not on nodes, 0 = any, else this one."""

    port: int
    target_port: int | None = None
    node_port: int | None = None
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class WorkloadUnit:
    """One thing to run: a Deployment, StatefulSet, DaemonSet, Job or Pod, or a VM.

    What one replica asks for: vCPU, MiB of memory, GiB of storage; zero is "not said".
    """

    name: str
    kind: str = "Deployment"
    images: tuple[str, ...] = ()
    vcpus: float = 0
    memory_mb: float = 0
    storage_gb: float = 0
    replicas: int = 1
    ports: tuple[WorkloadPort, ...] = ()


@dataclass(frozen=True, slots=True)
class AppKeys:
    """The pair with which the application asks the MEC platform for a token."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What all of one instance together may ask for; None is "no limit".

    Processors in vCPU, memory in MiB.
    """

    vcpus: float | None = None
    memory_mb: float | None = None
    pods: int | None = None


@dataclass(frozen=True, slots=True)
class InstallSpec:
    """One order to run a package.

    ``workload`` is the package reader's plain description; drivers with an engine of their own
    (Helm, Heat) take ``package_path`` as the source and the description as a forecast.
    ``parameters`` may hold secrets and stay out of repr and out of any store of the driver's.
    ``charts`` and ``manifests`` are the members of the package that hold them, in order.
    ``definition`` is the TOSCA service template of a VM package as it is written; a package that
    brings a template of Heat's own names its member in ``heat_template``, and is run from that.
    ``images`` has those that were brought there for it, by the names that its definition or its
    objects use: the VIM's ids, or references in the registry of the host.
    ``keys`` are in force at the MEC platform before anything is started.
    """

    instance_id: UUID
    tenant_id: UUID
    app_name: str
    package_id: UUID
    package_path: Path
    app_class: AppClass
    workload: tuple[WorkloadUnit, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    charts: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    definition: Mapping[str, Any] = field(default_factory=dict, repr=False)
    heat_template: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    keys: AppKeys | None = None
    limits: Limits = Limits()


@runtime_checkable
class VimDriver(Protocol):
    """Five methods.  Each may raise VimUnreachable: then nothing is known and nothing assumed.

    ``upgrades_in_place`` says whether an install over a running instance makes it another version.
    """

    upgrades_in_place: bool

    def probe(self) -> ProbeResult:
        """What the VIM is and offers, with ``as_of``; changes nothing there."""

    def install(self, spec: InstallSpec) -> None:
        """Start running the package and return quickly, without waiting for Ready.

        Idempotent by ``instance_id``: called again after a crash at any moment it converges to
        one workload.  Installing or running: nothing happens, unless another package or other
        parameters are asked for and the class says ``upgrades_in_place``: then the workload becomes
        that.  Failed: it is tried again.  Being removed: VimRefused, retryable.  A VIM that refuses
        at once raises VimRefused with nothing added there; one that refuses later tells it as a
        Failed status.  Both say why in words.
        """

    def status(self, instance_id: UUID) -> WorkloadStatus:
        """The truth now.  Absent where nothing of this instance is there, also for unknown ids.

        Failed means that it will not come up by itself; Degraded, that it was up and parts are not
        now.  Two calls without a change in between are ``same_as`` each other.
        """

    def uninstall(self, instance_id: UUID) -> None:
        """Start removing everything of the instance and return quickly.

        Idempotent, also for unknown ids.  The status is Removing until nothing is left, then
        Absent.
        """

    def usage(self, instance_id: UUID | None = None) -> Usage:
        """Measured load of the site or of one instance; None and a reason where nobody measures."""


class DriverClass(Protocol):
    """What a driver's class offers beside its instances: making one, and reading credentials."""

    def __call__(
        self,
        *,
        host_id: UUID,
        credentials: Credentials,
        state_dir: Path,
        settings: HostSettings = ...,
    ) -> VimDriver:
        """A driver for one host.  Reads the credentials (CredentialsInvalid) and calls nobody.

        ``state_dir`` is where a driver may keep files; only the simulated world does.
        """

    def describe_credentials(self, content: bytes) -> dict[str, Any]:
        """What a person may see of the credentials: JSON data, no secret, nobody called.

        Raises CredentialsInvalid with a reason per field.
        """
