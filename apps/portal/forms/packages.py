"""Bringing a package in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.common.fields import PACKAGE_NAME
from apps.hosts.selectors import hosts_for
from apps.packages.models import StorePackage
from apps.packages.onboarding import OnboardSpec, spec_of
from apps.portal.forms.base import PortalForm
from apps.portal.forms.tenant import TenantChoice
from apps.tenants.actors import Actor


class UploadForm(TenantChoice, PortalForm):
    """A CSAR; name and version replace what its manifest says."""

    domain_names: ClassVar[Mapping[str, str]] = {"tenant_id": "tenant", "appPackageName": "name",
                                                 "appPackageVersion": "version"}

    file = forms.FileField(
        label=_("Package"),
        help_text=_("A CSAR: a zip archive whose name ends in .csar."),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csar"}),
        error_messages={"required": _("Choose the file of the package.")},
    )
    name = forms.CharField(
        label=_("Name"), max_length=128, required=False, validators=[PACKAGE_NAME],
        help_text=_("Left empty, the name in the package's manifest is used."),
    )
    version = forms.CharField(
        label=_("Version"), max_length=64, required=False, validators=[PACKAGE_NAME],
        help_text=_("Left empty, the version in the manifest is used."),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_tenants(actor)


class OnboardForm(TenantChoice, PortalForm):
    """The hosts that shall have a package of a store, and for whom; its name is the store's."""

    domain_names: ClassVar[Mapping[str, str]] = {"tenant_id": "tenant"}

    hosts = forms.MultipleChoiceField(
        label=_("Hosts"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("It goes there as soon as it is fetched. More can be chosen later."),
    )

    def __init__(self, *args: Any, actor: Actor, row: StorePackage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_tenants(actor)
        self.row = row
        offered = cast(forms.MultipleChoiceField, self.fields["hosts"])
        offered.choices = [(str(host.pk), f"{host.name} ({host.ip})") for host in hosts_for(actor)]

    def chosen_hosts(self) -> list[uuid.UUID]:
        """The ids of the chosen hosts."""
        return [uuid.UUID(key) for key in self.cleaned_data["hosts"]]

    def to_spec(self) -> OnboardSpec:
        """The package as the store describes it."""
        return spec_of(self.row)
