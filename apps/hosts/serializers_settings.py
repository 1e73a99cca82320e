"""The settings of a host's driver as JSON, in both directions."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from apps.common import typed as serializers
from apps.common.strict import Flag, Text, Word
from apps.hosts.driver_settings import (
    CAPABILITY,
    MOST_NAMES,
    NAMESPACE,
    REGISTRY,
    SettingsSpec,
    registry_password_of,
    spec_of,
)
from apps.hosts.models import MecHost
from apps.vim.settings import ALLOWABLE_CLUSTER_KINDS, CLOSED_NAMESPACES, Allowance

# What the service checks again in its own words, in the form that a description can carry.
_NAMESPACE = RegexValidator(
    rf"^(?!{'|'.join(CLOSED_NAMESPACES)}){NAMESPACE.pattern}\Z",
    _("must name a namespace that is open"),
)
_CAPABILITY = RegexValidator(rf"^{CAPABILITY.pattern}\Z", _("must be such as NET_ADMIN"))
_REGISTRY = RegexValidator(
    rf"^{REGISTRY.pattern}\Z", _("must be a host, with a port and a project where needed")
)
_URL = RegexValidator(r"^https?://[^\s]+\Z", _("must begin with http:// or https://"))

# The members of an allowance as they are told, and as they are kept.
_MEMBERS = {
    "namespaces": "namespaces",
    "clusterKinds": "cluster_kinds",
    "privileged": "privileged",
    "hostPath": "host_path",
    "hostNamespaces": "host_namespaces",
    "hostPorts": "host_ports",
    "capabilities": "capabilities",
}


class AllowanceSerializer(serializers.Serializer[Any]):
    """What objects of packages may do there beyond the usual; what is left out is not allowed."""

    namespaces = serializers.ListField(
        child=Text(max_length=63, validators=[_NAMESPACE]), required=False, max_length=MOST_NAMES
    )
    clusterKinds = serializers.ListField(
        child=Word(choices=ALLOWABLE_CLUSTER_KINDS), required=False, max_length=MOST_NAMES
    )
    privileged = Flag(required=False, default=False)
    hostPath = Flag(required=False, default=False)
    hostNamespaces = Flag(required=False, default=False)
    hostPorts = Flag(required=False, default=False)
    capabilities = serializers.ListField(
        child=Text(max_length=63, validators=[_CAPABILITY]), required=False, max_length=MOST_NAMES
    )


class RegistrySerializer(serializers.Serializer[Any]):
    """Where images come from; without a password the stored one stays."""

    address = Text(
        max_length=255, required=False, allow_blank=True, default="", validators=[_REGISTRY]
    )
    userName = Text(max_length=128, required=False, allow_blank=True, default="")
    password = Text(max_length=256, required=False, allow_blank=True, write_only=True)


class SettingsSerializer(serializers.Serializer[MecHost]):
    """All settings of a host; what is left out goes back to nothing."""

    allow = AllowanceSerializer(required=False)
    prometheusUrl = Text(
        max_length=2048, required=False, allow_blank=True, default="", validators=[_URL]
    )
    registry = RegistrySerializer(required=False)

    def to_spec(self) -> SettingsSpec:
        """The validated input as a spec."""
        return self.spec_from(self.validated_data)

    def spec_from(self, data: dict[str, Any]) -> SettingsSpec:
        """The spec of input that was validated as part of another document."""
        allow, registry = data.get("allow") or {}, data.get("registry") or {}
        return SettingsSpec(
            allowance=Allowance.from_json(
                {held: allow.get(told) for told, held in _MEMBERS.items()}
            ),
            prometheus_url=data.get("prometheusUrl") or "",
            registry_address=registry.get("address") or "",
            registry_user=registry.get("userName") or "",
            registry_password=registry.get("password"),
        )

    def to_representation(self, host: MecHost) -> dict[str, Any]:
        """The settings; of the password only whether there is one."""
        spec = spec_of(host)
        allowed = spec.allowance.as_json()
        return {
            "allow": {told: allowed[held] for told, held in _MEMBERS.items()},
            "prometheusUrl": spec.prometheus_url,
            "registry": {
                "address": spec.registry_address,
                "userName": spec.registry_user,
                "hasPassword": bool(registry_password_of(host)),
            },
            "version": host.version,
        }
