"""What the driver of a host is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.hosts.driver_settings import MOST_NAMES, SettingsSpec, spec_of
from apps.hosts.models import MecHost
from apps.portal.forms.base import PortalForm
from apps.vim.settings import ALLOWABLE_CLUSTER_KINDS, Allowance

# The members of an allowance, which the form names alike.
SWITCHES = ("privileged", "host_path", "host_namespaces", "host_ports")
LISTS = ("namespaces", "cluster_kinds", "capabilities")


class HostSettingsForm(PortalForm):
    """Allowances, the source of load, the registry of images."""

    domain_names: ClassVar[Mapping[str, str]] = {
        "allow.namespaces": "namespaces",
        "allow.clusterKinds": "cluster_kinds",
        "allow.capabilities": "capabilities",
        "prometheusUrl": "prometheus_url",
        "registry.address": "registry_address",
    }

    namespaces = forms.CharField(
        label=_("Namespaces"), max_length=1024, required=False,
        help_text=_("Namespaces besides its own that a package may put objects into, with commas "
                    "between. Those of other instances and of the cluster are always closed."),
    )
    cluster_kinds = forms.MultipleChoiceField(
        label=_("Kinds for the whole cluster"), required=False,
        choices=[(kind, kind) for kind in ALLOWABLE_CLUSTER_KINDS],
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Objects without a namespace, which every tenant of the cluster shares."),
    )
    privileged = forms.BooleanField(
        label=_("Privileged containers"), required=False,
        help_text=_("Such a container can do on its node whatever the node's own root can."),
    )
    host_path = forms.BooleanField(
        label=_("Files of the node (hostPath)"), required=False,
        help_text=_("A pod can read and change files of its node, those of other pods among them."),
    )
    host_namespaces = forms.BooleanField(
        label=_("Network and processes of the node"), required=False,
        help_text=_("hostNetwork, hostPID, hostIPC: a pod sees the node's traffic and processes."),
    )
    host_ports = forms.BooleanField(
        label=_("Ports of the node (hostPort)"), required=False,
        help_text=_("A pod opens a port of the node itself; two cannot have the same."),
    )
    capabilities = forms.CharField(
        label=_("Linux capabilities"), max_length=1024, required=False,
        help_text=_("Beyond the usual ones, with commas between, such as NET_ADMIN."),
    )
    prometheus_url = forms.CharField(
        label=_("Prometheus"), max_length=2048, required=False,
        help_text=_("Where load is read when the cluster has no metrics API, such as "
                    "http://10.0.0.7:9090."),
    )
    registry_address = forms.CharField(
        label=_("Registry of images"), max_length=255, required=False,
        help_text=_("Host, port and project, such as registry.site:5000/mec; charts that have "
                    "“imagelocation” take their images from there."),
    )
    registry_user = forms.CharField(label=_("User name"), max_length=128, required=False)
    registry_password = forms.CharField(
        label=_("Password"), max_length=256, required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Empty: the stored one stays."),
    )
    understood = forms.BooleanField(
        label=_("Packages of every tenant on this host get these rights"), required=False,
    )

    def __init__(self, *args: Any, host: MecHost, **kwargs: Any) -> None:
        self.known = spec_of(host)
        allowed = self.known.allowance
        kwargs["initial"] = {
            "namespaces": ", ".join(allowed.namespaces),
            "cluster_kinds": list(allowed.cluster_kinds),
            "capabilities": ", ".join(allowed.capabilities),
            "prometheus_url": self.known.prometheus_url,
            "registry_address": self.known.registry_address,
            "registry_user": self.known.registry_user,
            **{name: getattr(allowed, name) for name in SWITCHES},
        }
        super().__init__(*args, **kwargs)

    def clean_namespaces(self) -> list[str]:
        """The names, each once."""
        return self._words("namespaces")

    def clean_capabilities(self) -> list[str]:
        """The names, each once."""
        return self._words("capabilities")

    def _words(self, name: str) -> list[str]:
        words = [word.strip() for word in self.cleaned_data[name].split(",")]
        found = list(dict.fromkeys(word for word in words if word))
        if len(found) > MOST_NAMES:
            raise forms.ValidationError(_("enter at most 20 names"))
        return found

    def clean(self) -> dict[str, Any]:
        """Whoever widens what is allowed says that they know for whom."""
        data = super().clean() or self.cleaned_data
        if self.widened(data) and not data.get("understood"):
            self.add_error("understood", _("Confirm this, since more is allowed than before."))
        return data

    def widened(self, data: Mapping[str, Any]) -> bool:
        """Whether anything is allowed that was not."""
        allowed = self.known.allowance
        switched = any(data.get(name) and not getattr(allowed, name) for name in SWITCHES)
        return switched or any(
            set(data.get(name) or ()) - set(getattr(allowed, name)) for name in LISTS
        )

    def to_spec(self) -> SettingsSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        named = {name: list(data[name]) for name in LISTS}
        switched = {name: bool(data[name]) for name in SWITCHES}
        return SettingsSpec(
            allowance=Allowance.from_json({**named, **switched}),
            prometheus_url=data["prometheus_url"],
            registry_address=data["registry_address"],
            registry_user=data["registry_user"],
            registry_password=data["registry_password"] or None,
        )
