"""Signing in, passwords, and how the portal looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from apps.portal.context import THEMES
from apps.portal.forms.base import PortalForm


class SignInForm(PortalForm):
    """User name and password."""

    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none",
                                      "spellcheck": "false", "autofocus": True}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasswordForm(PortalForm):
    """Another password for oneself."""

    domain_names: ClassVar[Mapping[str, str]] = {"password": "new_password"}

    old_password = forms.CharField(
        label=_("Present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        help_text=_("At least 10 characters, not only digits, and nothing common."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        label=_("New password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, object]:
        """The two new passwords must be the same."""
        data = super().clean() or self.cleaned_data
        if data.get("repeated") and data.get("new_password") != data.get("repeated"):
            self.add_error("repeated", _("The two new passwords are not the same."))
        return data


THEME_LABELS = {"auto": _("Like the system"), "light": _("Light"), "dark": _("Dark")}


def _language_choices() -> list[tuple[str, str]]:
    return [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


class PreferencesForm(PortalForm):
    """Language and theme; each may come alone."""

    language = forms.ChoiceField(label=_("Language"), choices=_language_choices, required=False)
    theme = forms.ChoiceField(
        label=_("Theme"), choices=[(name, THEME_LABELS[name]) for name in THEMES], required=False
    )
