"""An upgrade: the version, the instances, and how carefully."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.instances.models import AppInstance
from apps.instances.specs import RolloutSpec
from apps.orchestration.bodies import INSTANCES_OF_A_ROLLOUT
from apps.packages.models import Package
from apps.portal.forms.base import PortalForm


class UpgradeForm(PortalForm):
    """Which instances run which version next, how many at a time, and when to stop."""

    domain_names: ClassVar[Mapping[str, str]] = {"appInstanceIds": "instances"}

    package = forms.TypedChoiceField(label=_("Version"), coerce=uuid.UUID)
    instances = forms.TypedMultipleChoiceField(
        label=_("Instances"),
        coerce=uuid.UUID,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one instance.")},
    )
    wave_size = forms.IntegerField(
        label=_("Instances at a time"),
        min_value=1,
        max_value=INSTANCES_OF_A_ROLLOUT,
        initial=1,
        help_text=_("The next wave begins when all of the present one are done."),
    )
    stop_after = forms.IntegerField(
        label=_("Stop after failures"),
        min_value=1,
        max_value=INSTANCES_OF_A_ROLLOUT,
        initial=1,
        help_text=_("No further wave begins once so many have failed."),
    )
    allow_missing = forms.BooleanField(
        label=_("Go on although a service that it requires is missing"), required=False
    )

    def __init__(
        self,
        *args: Any,
        versions: Sequence[Package],
        instances: Sequence[AppInstance],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        package: Any = self.fields["package"]
        package.choices = [(str(one.pk), str(one)) for one in versions]
        chosen: Any = self.fields["instances"]
        chosen.choices = [
            (str(one.pk), f"{one.app_name} · {one.host.name} · {one.package.package_version}")
            for one in instances
        ]

    def to_spec(self) -> RolloutSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        return RolloutSpec(
            package_id=data["package"],
            instance_ids=tuple(data["instances"]),
            wave_size=data["wave_size"],
            stop_after=data["stop_after"],
            allow_missing=data["allow_missing"],
        )
