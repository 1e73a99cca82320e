"""Inviting an edge, joining a center, keys and autonomy."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.common.fields import NAME
from apps.hosts.models import AppLcm
from apps.portal.forms.base import PortalForm
from apps.tenants.actors import Actor
from apps.tenants.selectors import tenants_for


class InviteForm(PortalForm):
    """Who may join, and for how long."""

    name = forms.CharField(label=_("Name"), max_length=128, validators=[NAME],
                           help_text=_("What the edge is called here."))
    opened_by = forms.ChoiceField(
        label=_("Link"), choices=AppLcm.Opener.choices, initial=AppLcm.Opener.CENTER,
        help_text=_("An edge behind NAT, which nobody outside can reach, dials the center."),
    )
    hours = forms.FloatField(label=_("Good for (hours)"), min_value=0.01, max_value=168, initial=1,
                             help_text=_("The token can be used once, and a week at most."))
    tenants = forms.MultipleChoiceField(
        label=_("Tenants"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("Whose work may be done there. None chosen: everybody's."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = tenants_for(actor).order_by("name").values_list("pk", "name")
        field = cast(forms.MultipleChoiceField, self.fields["tenants"])
        field.choices = [(str(key), name) for key, name in rows]

    def to_words(self) -> dict[str, Any]:
        """The validated input as arguments of ``invitations.invite``."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "opened_by": data["opened_by"],
            "tenants": [uuid.UUID(key) for key in data["tenants"]],
            "lifetime": timedelta(hours=data["hours"]),
        }


class JoinForm(PortalForm):
    """Which center, and the token of its invitation."""

    code_fields: ClassVar[Mapping[str, str]] = {
        "unreachable": "center", "upstream_timeout": "center",
    }

    center = forms.CharField(
        label=_("Address of the center"), max_length=255,
        widget=forms.URLInput(attrs={"placeholder": "https://center.example"}),
    )
    token = forms.CharField(
        label=_("Token"), max_length=128,
        help_text=_("As the invitation showed it; it can be used once."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    address = forms.CharField(
        label=_("Address of this edge"), max_length=64, required=False,
        widget=forms.TextInput(attrs={"placeholder": "10.0.0.7:8100"}),
        help_text=_("Where the center reaches this edge. Not needed when this edge dials out."),
    )


class AutonomyForm(PortalForm):
    """For how long an edge may be silent."""

    domain_names: ClassVar[Mapping[str, str]] = {"autonomy_hours": "hours"}

    hours = forms.FloatField(
        label=_("Autonomy time (hours)"), min_value=1, max_value=8760,
        help_text=_("An edge that is silent for longer counts as dead, not only as cut off."),
    )


class RotateForm(PortalForm):
    """For how long the old key is still believed."""

    domain_names: ClassVar[Mapping[str, str]] = {"keep_hours": "keep"}

    keep = forms.FloatField(
        label=_("Believe the old key for (hours)"), min_value=0, max_value=2160, initial=24,
        help_text=_("Who signed in with it has to sign in again after that."),
    )
