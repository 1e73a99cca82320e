"""A new instance of a chosen package on one of the hosts that can run it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.common.errors import DomainError
from apps.common.fields import APP_NAME
from apps.common.strict import PROSE
from apps.hosts.models import MecHost
from apps.instances.specs import CreateSpec
from apps.orchestration import parameters
from apps.orchestration.bodies import AT_ONCE
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
    code_fields: ClassVar[Mapping[str, str]] = {
        "name_taken": "app_name",
        "services_missing": "allow_missing",
    }

    host = forms.TypedMultipleChoiceField(
        label=_("Hosts"),
        coerce=uuid.UUID,
        error_messages={
            "required": _("Choose a host."),
            "invalid_choice": _("Choose one of the hosts that can run the package."),
        },
    )
    app_name = forms.CharField(
        label=_("Name"),
        max_length=128,
        validators=[APP_NAME],
        help_text=_("Letters a to z and digits, with “_” and “-” inside."),
    )
    description = forms.CharField(
        label=_("Description"), max_length=256, required=False, validators=[PROSE]
    )
    capabilities = forms.MultipleChoiceField(
        label=_("Hardware that it shall get"),
        required=False,
        choices=[(name, name) for name in CAPABILITIES],
        widget=forms.CheckboxSelectMultiple,
    )

    allow_missing = forms.BooleanField(
        label=_("Go on although a service that it requires is missing"),
        required=False,
        help_text=_("What is missing is kept as a warning at the instance."),
    )

    def __init__(
        self, *args: Any, package: Package, places: Sequence[Place], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.package = package
        self.places = places
        hosts: Any = self.fields["host"]
        hosts.choices = [(str(place.host.pk), place.host.name) for place in places]
        for one in package.details.requirements.inputs:
            self.fields[f"{PARAMETER}{one.name}"] = _parameter(one)

    def parameters(self) -> list[forms.BoundField]:
        """The fields of the package's own parameters."""
        return [self[name] for name in self.fields if name.startswith(PARAMETER)]

    def clean_host(self) -> list[uuid.UUID]:
        """As many as a batch takes."""
        hosts: list[uuid.UUID] = self.cleaned_data["host"]
        if len(hosts) > AT_ONCE:
            raise forms.ValidationError(_("Choose at most 20 hosts at once."))
        return hosts

    def ips(self) -> list[str]:
        """The addresses of the chosen hosts."""
        chosen = set(self.cleaned_data["host"])
        return [place.host.ip for place in self.places if place.host.pk in chosen]

    def take(self, error: DomainError) -> None:
        """A refusal of ``parameters.name`` is about the field of that parameter."""
        error.fields = {
            name.replace("parameters.", PARAMETER, 1): reason
            for name, reason in error.fields.items()
        }
        super().take(error)

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
            host_id=data["host"][0],
            app_name=data["app_name"],
            description=data["description"],
            capabilities=tuple(data["capabilities"]),
            parameters=given,
            allow_missing=data["allow_missing"],
        )


def _parameter(one: Input) -> forms.Field:
    if one.type.lower() == "boolean":
        pairs = [("", "–"), ("true", _("yes")), ("false", _("no"))]
        return forms.ChoiceField(
            label=one.name,
            choices=pairs,
            initial=(one.default or "").lower(),
            help_text=one.description,
            required=one.required and one.default is None,
        )
    if one.type.lower() == "integer":
        return forms.IntegerField(
            label=one.name,
            initial=one.default,
            help_text=one.description,
            required=one.required and one.default is None,
        )
    return forms.CharField(
        label=one.name,
        initial=one.default or "",
        help_text=one.description,
        max_length=parameters.LONGEST,
        validators=[PROSE],
        required=one.required and one.default is None,
    )
