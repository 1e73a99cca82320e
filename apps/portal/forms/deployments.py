"""A deployment by strategy: what shall run, how often, and which hosts will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.common.fields import APP_NAME
from apps.common.strict import PROSE
from apps.orchestration.deployments import MOST_HOSTS, DeploymentSpec
from apps.orchestration.parameters import LONGEST
from apps.orchestration.placement.facts import LEAST_LOADED, Strategy
from apps.orchestration.placement.words import ORDER_LABELS
from apps.packages.models import Package
from apps.portal.forms.base import PortalForm
from apps.vim.registry import kinds

PARAMETER = "parameter-"
_SEVERAL = _("Several are separated by commas.")


class Words(forms.CharField):
    """Words with commas between them; empty for no matter."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=1024, **options)

    def clean(self, value: Any) -> tuple[str, ...]:
        """The words, each once, in their order."""
        text = super().clean(value) or ""
        return tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))


def _number(label: Any, *, least: float = 0, most: float = 1e9, **options: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label, required=False, min_value=least, max_value=most,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}), **options,
    )


class DeploymentForm(PortalForm):
    """A name, a count, the filters and the order; parameters of the package come last."""

    domain_names: ClassVar[Mapping[str, str]] = {
        "strategy.hosts": "hosts", "strategy.count": "count", "strategy.order": "order",
        "strategy.near": "latitude",
    }

    app_name = forms.CharField(
        label=_("Name"), max_length=128, validators=[APP_NAME],
        help_text=_("Each of the instances gets it, one on a host."),
    )
    count = forms.IntegerField(
        label=_("Hosts wanted"), min_value=1, max_value=MOST_HOSTS, initial=1,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    order = forms.ChoiceField(
        label=_("Order"), initial=LEAST_LOADED,
        choices=[(name, _(text)) for name, text in ORDER_LABELS.items()],
    )
    regions = Words(label=_("Region"), help_text=_("Any of them will do."))
    tags = Words(label=_("Tags"), help_text=_("A host needs all of them."))
    architectures = Words(label=_("Architectures"), help_text=_("Any of them will do."))
    capabilities = Words(label=_("Capabilities"), help_text=_("A host needs all of them."))
    vims = forms.MultipleChoiceField(
        label=_("Kind of VIM"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(kind.label, _(kind.label)) for kind in kinds()],
    )
    cpus = _number(_("Free vCPU"))
    memory_mb = _number(_("Free memory in MiB"))
    storage_gb = _number(_("Free storage in GiB"))
    latitude = _number(
        _("Latitude"), least=-90, most=90, help_text=_("Of the point to be near to.")
    )
    longitude = _number(_("Longitude"), least=-180, most=180)
    max_distance_km = _number(_("Farthest, in km"))
    max_latency_ms = _number(
        _("Slowest, in ms"),
        help_text=_("There and back in fibre at best; nobody has measured it."),
    )
    hosts = Words(label=_("Only these hosts"), help_text=_SEVERAL)
    exclude = Words(label=_("None of these hosts"), help_text=_SEVERAL)
    partial = forms.BooleanField(label=_("Fewer hosts will do"), required=False)

    def __init__(self, *args: Any, package: Package, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.package = package
        for one in package.details.requirements.inputs:
            self.fields[f"{PARAMETER}{one.name}"] = forms.CharField(
                label=one.name, initial=one.default or "", help_text=one.description,
                max_length=LONGEST, validators=[PROSE],
                required=one.required and one.default is None,
            )

    def parameters(self) -> list[forms.BoundField]:
        """The fields of the package's own parameters."""
        return [self[name] for name in self.fields if name.startswith(PARAMETER)]

    def to_spec(self) -> DeploymentSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        return DeploymentSpec(
            package_id=self.package.pk,
            app_name=data["app_name"],
            strategy=Strategy(
                hosts=data["hosts"],
                count=data["count"],
                exclude=data["exclude"],
                regions=data["regions"],
                tags=data["tags"],
                architectures=data["architectures"],
                capabilities=data["capabilities"],
                vims=tuple(data["vims"]),
                free=(data["cpus"] or 0.0, data["memory_mb"] or 0.0, data["storage_gb"] or 0.0),
                latitude=data["latitude"],
                longitude=data["longitude"],
                max_distance_km=data["max_distance_km"],
                max_latency_ms=data["max_latency_ms"],
                order=data["order"],
            ),
            parameters={
                name.removeprefix(PARAMETER): str(value)
                for name, value in data.items()
                if name.startswith(PARAMETER) and value not in (None, "")
            },
            partial=data["partial"],
        )
