"""What the driver of a host is told: allowances, where load is read, where images come from.

Stored with the host, and delivered to its edge with it.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as N_

from apps.common.errors import Invalid
from apps.common.guard import Guard
from apps.common.secrets import Secret
from apps.common.words import Reason
from apps.hosts.models import MecHost
from apps.hosts.policies import may_configure
from apps.hosts.services import chosen_by_hand, lock_host, mark_desired
from apps.journal import services as journal
from apps.tenants.actors import Actor
from apps.tenants.policies import require
from apps.vim.contract import Credentials, VimDriver
from apps.vim.registry import driver_for
from apps.vim.settings import (
    ALLOWABLE_CLUSTER_KINDS,
    CLOSED_NAMESPACES,
    Allowance,
    HostSettings,
    Registry,
)

NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
CAPABILITY = re.compile(r"[A-Z][A-Z0-9_]{1,62}")
REGISTRY = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9][a-z0-9._/-]{0,127})?"
)
MOST_NAMES = 20
NOTHING = Allowance()


@dataclass(frozen=True, slots=True)
class SettingsSpec:
    """All settings of a host.  A registry password of None means that the stored one stays."""

    allowance: Allowance = NOTHING
    prometheus_url: str = ""
    registry_address: str = ""
    registry_user: str = ""
    registry_password: str | None = field(default=None, repr=False)

    @property
    def allows(self) -> bool:
        """Whether packages may do anything there beyond the usual."""
        return self.allowance != NOTHING


def spec_of(host: MecHost) -> SettingsSpec:
    """The settings as they could be given again; the password of the registry is left out."""
    held = host.driver_settings
    return SettingsSpec(
        allowance=Allowance.from_json(held.get("allowance")),
        prometheus_url=str(held.get("prometheus_url") or ""),
        registry_address=str(held.get("registry_address") or ""),
        registry_user=str(held.get("registry_user") or ""),
    )


def settings_of(host: MecHost) -> HostSettings:
    """What the driver of ``host`` is told."""
    spec, registry = spec_of(host), None
    if spec.registry_address:
        password = registry_password_of(host)
        registry = Registry(spec.registry_address, spec.registry_user, password)
    return HostSettings(spec.allowance, spec.prometheus_url, registry)


def registry_password_of(host: MecHost) -> str:
    """The password of the registry, for the driver and the edge of the host alone; or empty."""
    held = host.registry_password
    return held.reveal() if isinstance(held, Secret) else str(held)


def driver_with(host: MecHost, content: bytes) -> VimDriver:
    """A driver of ``host`` that uses the access file ``content``; raises as ``driver_for``."""
    return driver_for(
        host.vim,
        host_id=host.pk,
        credentials=Credentials(host.vim, content),
        state_dir=Path(settings.VIM_STATE_DIR),
        settings=settings_of(host),
    )


def settings_as_json(host: MecHost) -> dict[str, Any]:
    """The settings as they are stored when they are given in full; without the password."""
    return _as_json(spec_of(host))


@transaction.atomic
def set_settings(*, actor: Actor, host_id: uuid.UUID, spec: SettingsSpec) -> MecHost:
    """Replace the settings of a host; Invalid names each that is not allowed anywhere."""
    require(may_configure(actor))
    _check(spec)
    host = lock_host(host_id)
    before, password = host.driver_settings, registry_password_of(host)
    host.driver_settings = _as_json(spec)
    wanted = password if spec.registry_password is None else spec.registry_password
    if not spec.registry_address:
        wanted = ""
    if (before or _as_json(SettingsSpec())) == host.driver_settings and wanted == password:
        return host
    host.registry_password = Secret(wanted)
    chosen_by_hand(host, {"driver_settings"})
    host.save()
    mark_desired(host)
    changed = sorted(key for key, value in host.driver_settings.items() if before.get(key) != value)
    data = {"changed": changed, "allowance": host.driver_settings["allowance"]}
    journal.record("hosts.host.settings_changed", host, actor=actor, data=data)
    return host


def _as_json(spec: SettingsSpec) -> dict[str, Any]:
    return {
        "allowance": spec.allowance.as_json(),
        "prometheus_url": spec.prometheus_url,
        "registry_address": spec.registry_address,
        "registry_user": spec.registry_user,
    }


def _check(spec: SettingsSpec) -> None:
    wrong: dict[str, Reason] = {}
    allowed = spec.allowance
    for name in allowed.namespaces:
        if not NAMESPACE.fullmatch(name):
            wrong["allow.namespaces"] = Reason(
                N_("“%(name)s” is not the name of a namespace"), "namespace", {"name": name}
            )
        elif name.startswith(CLOSED_NAMESPACES):
            wrong["allow.namespaces"] = Reason(
                N_("“%(name)s” can be allowed to nobody: it is the cluster's, or an instance's"),
                "namespace_closed",
                {"name": name},
            )
    for name in allowed.cluster_kinds:
        if name not in ALLOWABLE_CLUSTER_KINDS:
            wrong["allow.clusterKinds"] = Reason(
                N_("“%(name)s” cannot be allowed; known are %(known)s"),
                "cluster_kind",
                {"name": name, "known": ", ".join(ALLOWABLE_CLUSTER_KINDS)},
            )
    for name in allowed.capabilities:
        if not CAPABILITY.fullmatch(name):
            text = N_("“%(name)s” is not a Linux capability such as NET_ADMIN")
            wrong["allow.capabilities"] = Reason(text, "capability", {"name": name})
    if spec.registry_address and not REGISTRY.fullmatch(spec.registry_address):
        wrong["registry.address"] = Reason(
            N_("must be a host, with a port and a project where needed, and without a scheme"),
            "registry",
        )
    if spec.prometheus_url:
        refused = Guard.from_text(settings.VIM_NETWORKS).check(spec.prometheus_url)
        if refused is not None:
            wrong["prometheusUrl"] = refused
    if wrong:
        raise Invalid(N_("The request is not valid."), fields=wrong)
