"""The AK/SK of an application: given by hand, or made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.portal.forms.base import PortalForm


class KeysForm(PortalForm):
    """An AK/SK pair that somebody brings along."""

    domain_names: ClassVar[Mapping[str, str]] = {
        "authInfo.credentials.accessKeyId": "access_key",
        "authInfo.credentials.secretKey": "secret_key",
    }

    access_key = forms.CharField(
        label=_("Access key (AK)"), max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("20 characters of A–Z, a–z, 0–9, “_”, “=”, “+” and “/”."),
    )
    secret_key = forms.CharField(
        label=_("Secret key (SK)"), max_length=256,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("64 of the same characters. It is sealed and never shown again."),
    )
