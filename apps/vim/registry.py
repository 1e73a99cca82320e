"""Which kinds of VIM exist and which driver is theirs.  Loads a driver only on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django.utils.translation import gettext_noop as N_

from apps.common.words import Reason
from apps.vim.contract import (
    AppClass,
    Credentials,
    DriverClass,
    DriverMissing,
    HostSettings,
    UnknownKind,
    VimDriver,
)

NO_SETTINGS = HostSettings()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of VIM.  ``spelling`` is what EdgeGallery's clients read and write."""

    name: str
    label: str
    spelling: str
    aliases: frozenset[str]
    app_classes: frozenset[AppClass]
    module: str
    class_name: str
    sdk: str = ""
    simulated: bool = False

    @property
    def built(self) -> bool:
        """Whether this program has a driver for it."""
        return find_spec(self.module) is not None

    @property
    def installed(self) -> bool:
        """Whether this site can drive it: the driver is built and its SDK is there."""
        return self.built and (not self.sdk or find_spec(self.sdk) is not None)


_KINDS = (
    Kind(
        name="kubernetes",
        label=N_("Kubernetes"),
        spelling="K8S",
        aliases=frozenset({"", "k8s", "kubernetes"}),
        app_classes=frozenset({"container"}),
        module="apps.vim.kubernetes_vim",
        class_name="KubernetesVim",
        sdk="kubernetes",
    ),
    Kind(
        name="openstack",
        label=N_("OpenStack"),
        spelling="OpenStack",
        aliases=frozenset({"openstack"}),
        app_classes=frozenset({"vm"}),
        module="apps.vim.openstack_vim",
        class_name="OpenStackVim",
        sdk="openstack",
    ),
    Kind(
        name="simulated",
        label=N_("Simulated"),
        spelling="Simulated",
        aliases=frozenset({"simulated"}),
        app_classes=frozenset({"container", "vm"}),
        module="apps.vim.simulated_vim",
        class_name="SimulatedVim",
        simulated=True,
    ),
)

_BY_SPELLING: Mapping[str, Kind] = {alias: kind for kind in _KINDS for alias in kind.aliases}


def kinds() -> tuple[Kind, ...]:
    """Every kind of VIM that the house knows, whether or not this site can drive it."""
    return _KINDS


def kind_of(spelling: str) -> Kind:
    """The kind that a client's spelling means; empty means Kubernetes.  Raises UnknownKind."""
    try:
        return _BY_SPELLING[spelling.strip().lower()]
    except KeyError:
        known = ", ".join(kind.spelling for kind in _KINDS)
        text = N_("“%(kind)s” is not a kind of VIM; known are %(known)s.")
        why = Reason(text, "vim_kind_unknown", {"kind": spelling, "known": known})
        raise UnknownKind(text, kind=spelling, known=known, fields={"vim": why}) from None


def driver_class(spelling: str) -> DriverClass:
    """The class that drives this kind, loaded now.  Raises UnknownKind or DriverMissing."""
    kind = kind_of(spelling)
    if not kind.built:
        raise DriverMissing(
            N_("This site has no driver for %(kind)s yet; it can run %(others)s."),
            kind=kind.label,
            others=", ".join(other.label for other in _KINDS if other.installed),
        )
    if not kind.installed:
        raise DriverMissing(
            N_("The driver for %(kind)s needs the Python package “%(sdk)s”, which is missing."),
            code="sdk_missing",
            kind=kind.label,
            sdk=kind.sdk,
        )
    return cast(DriverClass, getattr(import_module(kind.module), kind.class_name))


def driver_for(
    kind: str,
    *,
    host_id: UUID,
    credentials: Credentials,
    state_dir: Path,
    settings: HostSettings = NO_SETTINGS,
) -> VimDriver:
    """A driver for one host.  Raises UnknownKind, DriverMissing or CredentialsInvalid."""
    made = driver_class(kind)
    return made(
        host_id=host_id, credentials=credentials, state_dir=state_dir, settings=settings
    )


def describe_credentials(kind: str, content: bytes) -> dict[str, Any]:
    """What a person may see of credentials for this kind; raises what ``driver_for`` raises."""
    return driver_class(kind).describe_credentials(content)
