"""Bringing a package in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.common.fields import PACKAGE_NAME
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
