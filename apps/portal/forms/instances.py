"""A new instance of a chosen package on one of the hosts that can run it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.common.fields import APP_NAME
from apps.hosts.models import MecHost
from apps.instances.specs import CreateSpec
from apps.packages.csar.info import Input
from apps.packages.models import Package
from apps.portal.forms.base import PortalForm

PARAMETER = "parameter-"
CAPABILITIES = ("GPU", "NPU")


@dataclass(frozen=True, slots=True)
class Place:
    """A host that can run the package, and whether it has it already."""

    host: MecHost
    has_package: bool


class InstanceForm(PortalForm):
    """Host, name and the parameters that the package asks for."""

    domain_names: ClassVar[Mapping[str, str]] = {
        "appName": "app_name",
        "name": "app_name",
        "host_id": "host",
    }
    code_fields: ClassVar[Mapping[str, str]] = {"name_taken": "app_name"}

    host = forms.UUIDField(
        label=_("Host"),
        error_messages={"required": _("Choose a host."), "invalid": _("Choose a host.")},
    )
    app_name = forms.CharField(
        label=_("Name"),
        max_length=128,
        validators=[APP_NAME],
        help_text=_("Letters a to z and digits, with “_” and “-” inside."),
    )
    description = forms.CharField(label=_("Description"), max_length=256, required=False)
    capabilities = forms.MultipleChoiceField(
        label=_("Hardware that it shall get"),
        required=False,
        choices=[(name, name) for name in CAPABILITIES],
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self, *args: Any, package: Package, places: Sequence[Place], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.package = package
        self.places = places
        for one in package.details.requirements.inputs:
            self.fields[f"{PARAMETER}{one.name}"] = _parameter(one)

    def parameters(self) -> list[forms.BoundField]:
        """The fields of the package's own parameters."""
        return [self[name] for name in self.fields if name.startswith(PARAMETER)]

    def clean_host(self) -> uuid.UUID:
        """The host must be one of those that were offered."""
        host: uuid.UUID = self.cleaned_data["host"]
        if host not in {place.host.pk for place in self.places}:
            raise forms.ValidationError(_("Choose one of the hosts that can run the package."))
        return host

    def to_spec(self) -> CreateSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        given = {
            name.removeprefix(PARAMETER): str(value)
            for name, value in data.items()
            if name.startswith(PARAMETER) and value not in (None, "")
        }
        return CreateSpec(
            package_id=self.package.pk,
            host_id=data["host"],
            app_name=data["app_name"],
            description=data["description"],
            capabilities=tuple(data["capabilities"]),
            parameters=given,
        )


def _parameter(one: Input) -> forms.Field:
    return forms.CharField(
        label=one.name,
        initial=one.default or "",
        help_text=one.description,
        max_length=1024,
        required=one.required and one.default is None,
    )
