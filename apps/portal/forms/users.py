"""Tenants and users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.portal.forms.base import PortalForm
from apps.tenants import quotas
from apps.tenants.actors import Actor
from apps.tenants.models import Tenant
from apps.tenants.roles import Role
from apps.tenants.selectors import tenants_for
from apps.tenants.specs import TenantSpec, UserSpec

USER_NAME = RegexValidator(
    r"^[\w.@+-]+\Z", _("use letters, digits and “@”, “.”, “+”, “-”, “_” only")
)
PEOPLE = (Role.TENANT, Role.GUEST, Role.ADMIN)


class TenantForm(PortalForm):
    """A new tenant."""

    code_fields: ClassVar[Mapping[str, str]] = {"conflict": "name"}

    name = forms.CharField(label=_("Name"), max_length=128)
    description = forms.CharField(label=_("Description"), max_length=256, required=False)

    def to_spec(self) -> TenantSpec:
        """The validated input as a spec."""
        return TenantSpec(self.cleaned_data["name"], self.cleaned_data["description"])


class TenantEditForm(TenantForm):
    """A tenant's name and its quotas: a number for each kind, or nothing for the site's limit."""

    KINDS: ClassVar[Mapping[str, Any]] = {
        "packages": _("Packages"), "instances": _("Instances"), "rules": _("DNS and traffic rules"),
        "applications": _("Application records"),
    }

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        self.uses = quotas.use_of(tenant.pk)
        own = dict(tenant.quotas.values_list("kind", "limit"))
        first = {"name": tenant.name, "description": tenant.description, **own}
        super().__init__(*args, initial=first, **kwargs)
        for use in self.uses:
            told = gettext("%(used)s in use. Empty: the limit of the site, %(limit)s.")
            about = {"used": use.used, "limit": quotas.usual_limit(use.kind)}
            self.fields[use.kind] = forms.IntegerField(
                label=self.KINDS.get(use.kind, use.kind), required=False, min_value=0,
                max_value=1_000_000, help_text=told % about,
            )

    @property
    def limits(self) -> dict[str, int | None]:
        """The quotas that were asked for."""
        return {use.kind: self.cleaned_data[use.kind] for use in self.uses}


class UserForm(PortalForm):
    """A new user with a first password."""

    domain_names: ClassVar[Mapping[str, str]] = {"tenant_id": "tenant"}
    code_fields: ClassVar[Mapping[str, str]] = {"conflict": "username"}

    username = forms.CharField(label=_("User name"), max_length=150, validators=[USER_NAME],
                               widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=[(role.value, role.label) for role in PEOPLE])
    tenant = forms.UUIDField(label=_("Tenant"), required=False, widget=forms.Select,
                             help_text=_("Administrators need none, everybody else has one."))
    password = forms.CharField(
        label=_("First password"), strip=False,
        help_text=_("At least 10 characters, not only digits, and nothing common."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = tenants_for(actor).order_by("name").values_list("pk", "name")
        widget = cast(forms.Select, self.fields["tenant"].widget)
        widget.choices = [("", _("none")), *((str(key), name) for key, name in rows)]

    def to_spec(self) -> UserSpec:
        """The validated input as a spec."""
        data = self.cleaned_data
        return UserSpec(data["username"], Role(data["role"]), data["password"], data["tenant"])
